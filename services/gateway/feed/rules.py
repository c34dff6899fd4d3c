"""The words of a public notice for each event, and until when it is shown. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.gateway.enterprises.rules import product_names

Notice = dict[str, Any]
"""`FeedItem` without `seq` and `at`."""

_COLOUR = {"black": ("黑榜", "black list"), "red": ("红榜", "red list")}
_REMOVAL = {
    "expired": ("期满", "the period has ended"),
    "revoked": ("决定被撤销", "the decision was revoked"),
    "repaired": ("信用修复", "credit repaired"),
}


def listing_published(body: Mapping[str, Any]) -> Notice:
    zh, en = _COLOUR[body["colour"]]
    return _notice(
        "listing_published",
        f"{zh}：{body['party_name']}",
        f"On the {en}: {body['party_name']}",
        f"{body['ground']}。{body['authority_name']}，{body['document_number']}，有效期至{body['valid_until']}。",
        f"{body['ground_en']}. {body['document_number']}, until {body['valid_until']}.",
        f"/enterprises/{body['uscc']}",
        body,
    )


def listing_removed(body: Mapping[str, Any], name: str) -> Notice:
    zh, en = _COLOUR[body["colour"]]
    why_zh, why_en = _REMOVAL[body["reason"]]
    return _notice(
        "listing_removed",
        f"移出{zh}：{name}",
        f"Off the {en}: {name}",
        f"{body['removed_on']}起移出，原因：{why_zh}。",
        f"Removed from {body['removed_on']}: {why_en}.",
        f"/enterprises/{body['uscc']}",
        body,
    )


def violation_published(body: Mapping[str, Any]) -> Notice:
    return _notice(
        "violation_published",
        f"行政处罚：{body['party_name']}",
        f"Penalty: {body['party_name']}",
        f"{body['authority_name']}，{body['document_number']}，{body['violation_type']}。公示至{body['expires_on']}。",
        f"{body['document_number']}. Shown until {body['expires_on']}.",
        f"/enterprises/{body['uscc']}",
        body,
    )


def recall_changed(body: Mapping[str, Any]) -> Notice:
    """`RecallOpened`, or `RecallUpdated` (which has `change`)."""
    products = product_names(body["lots"])
    lots = "、".join(lot["lot"] for lot in body["lots"][:5]) + ("…" if len(body["lots"]) > 5 else "")
    level, change = body["level"], body.get("change")
    return _notice(
        "recall_updated" if change else "recall_opened",
        f"{'召回更新' if change else '召回'}（{'一二三'[level - 1]}级）：{products}",
        f"Recall {'updated ' if change else ''}(level {level}): {products}",
        f"{change or body['reason']}。批号：{lots}。{body['party_name']}，{body['number']}。",
        f"{change or body['reason_en'] or body['reason']}. Lots: {lots}. {body['number']}.",
        f"/recalls/{body['recall_id']}",
        body,
    )


def recall_closed(body: Mapping[str, Any], recall: Mapping[str, Any]) -> Notice:
    return _notice(
        "recall_closed",
        f"召回结束：{recall['number']}",
        f"Recall closed: {recall['number']}",
        f"{body['outcome']}",
        f"{body['outcome']}",
        f"/recalls/{body['recall_id']}",
        dict(recall) | dict(body),
    )


def _notice(kind: str, zh: str, en: str, text: str, text_en: str, href: str, body: Mapping[str, Any]) -> Notice:
    return {
        "kind": kind,
        "title": zh,
        "title_en": en,
        "summary": text,
        "summary_en": text_en,
        "href": href,
        "uscc": body.get("uscc") or None,
        "area_code": body.get("area_code"),
    }


def shown_until(body: Mapping[str, Any]) -> date | None:
    """Last day of a notice: that of the listing or of the publication; recalls stay."""
    last = body.get("valid_until") or body.get("expires_on")
    return date.fromisoformat(last) if last else None
