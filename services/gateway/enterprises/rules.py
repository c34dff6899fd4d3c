"""What an event does to an enterprise row, and what the row says on a day. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, cast

from services.gateway.schemas import (
    CreditMark,
    CreditStatus,
    EnterpriseTest,
    Listing,
    Product,
    RecallSummary,
    TimelineItem,
    Violation,
)
from shared.clock import end_of_day, utc_text

Row = dict[str, Any]
"""Columns of `EnterpriseRow`."""
Shows = Callable[..., bool]
"""Whether the reader may see a record of credit that belongs to these areas."""


def empty(uscc: str) -> Row:
    return {
        "uscc": uscc,
        "identity": None,
        "listings": {},
        "violations": {},
        "department": {"violations": {}, "procedures": {}},
        "credit_at": None,
        "party": None,
        "products": {},
        "recalls": {},
        "traceability_at": None,
    }


def touch(row: Row, column: str, at: str) -> None:
    row[column] = max(row[column] or "", at)


# --- what events do -------------------------------------------------------------------------------------------------


def enterprise_updated(row: Row, body: Mapping[str, Any]) -> None:
    row["identity"] = {key: value for key, value in body.items() if key != "uscc"}


def violation_recorded(row: Row, body: Mapping[str, Any]) -> None:
    """Recorded or corrected: the newest version stands; a published one follows its correction."""
    violation_id = body["violation_id"]
    row["department"]["violations"][violation_id] = dict(body)
    published = row["violations"].get(violation_id)
    if published and body["version"] > published["version"]:
        published |= {key: value for key, value in body.items() if key in published}


def violation_withdrawn(row: Row, body: Mapping[str, Any]) -> None:
    row["department"]["violations"].pop(body["violation_id"], None)
    row["violations"].pop(body["violation_id"], None)


def violation_published(row: Row, body: Mapping[str, Any]) -> None:
    row["violations"][body["violation_id"]] = dict(body) | {"ended_on": None, "ended_reason": None}


def violation_publication_ended(row: Row, body: Mapping[str, Any]) -> None:
    published = row["violations"].get(body["violation_id"])
    if published:
        published |= {"ended_on": body["ended_on"], "ended_reason": body["reason"]}


def listing_proposed(row: Row, body: Mapping[str, Any], at: str) -> None:
    row["department"]["procedures"][body["listing_id"]] = dict(body) | {"proposed_at": at}


def listing_published(row: Row, body: Mapping[str, Any]) -> None:
    row["department"]["procedures"].pop(body["listing_id"], None)
    row["listings"][body["listing_id"]] = dict(body) | {"removed_on": None, "removed_reason": None}


def listing_removed(row: Row, body: Mapping[str, Any]) -> None:
    row["department"]["procedures"].pop(body["listing_id"], None)
    listing = row["listings"].get(body["listing_id"])
    if listing:
        listing |= {"removed_on": body["removed_on"], "removed_reason": body["reason"]}


# --- what the row says ----------------------------------------------------------------------------------------------


def in_force(listing: Mapping[str, Any], day: date) -> bool:
    """From its first to its last day, both inclusive, unless it was removed on or before the day."""
    today = day.isoformat()
    removed = listing["removed_on"]
    return bool(listing["valid_from"] <= today <= listing["valid_until"] and (removed is None or today < removed))


def listing_on(listing: Mapping[str, Any], day: date, area_name: str | None) -> Listing:
    force = in_force(listing, day)
    removable = listing.get("removable_from")
    return cast(
        Listing,
        dict(listing)
        | {
            "area_name": area_name,
            "in_force": force,
            "days_left": (date.fromisoformat(listing["valid_until"]) - day).days if force else None,
            "days_to_removable": max(0, (date.fromisoformat(removable) - day).days) if force and removable else None,
        },
    )


def violation_shown(violation: Mapping[str, Any], day: date) -> bool:
    today = day.isoformat()
    ended = violation["ended_on"]
    return bool(today <= violation["expires_on"] and (ended is None or today < ended))


def homes(row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Area of the enterprise in credit's register, and where it is registered as a party."""
    return (row["identity"] or {}).get("area_code"), (row["party"] or {}).get("area_code")


def credit_status(row: Mapping[str, Any], day: date, names: Mapping[str, str], shows: Shows) -> CreditStatus:
    """Status on a day. A black listing that ended is shown only to authorities that may read its case: repaired means
    no longer shown."""
    home, _ = homes(row)
    entries = sorted(row["listings"].values(), key=lambda entry: (entry["colour"], entry["valid_from"]), reverse=False)
    shaped = [listing_on(entry, day, names.get(entry["area_code"])) for entry in entries]
    current = [entry for entry in shaped if entry["in_force"]]
    former = [
        entry
        for entry in shaped
        if not entry["in_force"] and (entry["colour"] == "red" or shows(entry["area_code"], home))
    ]
    colours = {entry["colour"] for entry in current}
    status = "black" if "black" in colours else "red" if "red" in colours else "none"
    return cast(CreditStatus, {"status": status, "listings": current, "former_listings": former})


def credit_mark(listings: Mapping[str, Any] | None, day: date) -> CreditMark:
    """The line beside a verdict. Black wins over red; of several the one that lasts longest."""
    current = [entry for entry in (listings or {}).values() if in_force(entry, day)]
    if not current:
        return {
            "status": "none",
            "ground": None,
            "ground_en": None,
            "since": None,
            "until": None,
            "listing_id": None,
            "as_of": None,
        }
    top = max(current, key=lambda entry: (entry["colour"] == "black", entry["valid_until"], entry["listing_id"]))
    return {
        "status": top["colour"],
        "ground": top["ground"],
        "ground_en": top["ground_en"],
        "since": top["valid_from"],
        "until": top["valid_until"],
        "listing_id": top["listing_id"],
        "as_of": None,
    }


def violations_on(row: Mapping[str, Any], day: date) -> list[Violation]:
    shown = [dict(v) | {"in_force": True} for v in row["violations"].values() if violation_shown(v, day)]
    return cast(list[Violation], sorted(shown, key=lambda v: (v["decision_date"], v["violation_id"]), reverse=True))


def department_part(row: Mapping[str, Any], day: date, shows: Shows) -> tuple[list[Row], list[Row]]:
    """Records that are not public on the day, and listing procedures under way, of those that `shows` lets through."""
    home, _ = homes(row)
    public = {key for key, violation in row["violations"].items() if violation_shown(violation, day)}
    hidden = [v for key, v in sorted(row["department"]["violations"].items()) if key not in public]
    procedures = [p for _, p in sorted(row["department"]["procedures"].items())]
    return (
        [v for v in hidden if shows(v["area_code"], home)],
        [p for p in procedures if shows(p["area_code"], home)],
    )


def a_year_before(day: date) -> date:
    return day.replace(year=day.year - 1) if (day.month, day.day) != (2, 29) else date(day.year - 1, 3, 1)


def test_of(body: Mapping[str, Any]) -> EnterpriseTest:
    return cast(EnterpriseTest, {key: value for key, value in body.items() if key != "producer_uscc"})


def products_of(row: Mapping[str, Any], open_recalls: Mapping[str, int]) -> list[Product]:
    """`open_recalls`: GTIN -> in how many of the enterprise's open recalls it stands."""
    shaped = [dict(body) | {"open_recalls": open_recalls.get(key, 0)} for key, body in sorted(row["products"].items())]
    return cast(list[Product], shaped)


def open_recalls(row: Mapping[str, Any]) -> list[str]:
    return [key for key, recall in row["recalls"].items() if recall["state"] == "open"]


def recalls_of(row: Mapping[str, Any], names: Mapping[str, str]) -> list[RecallSummary]:
    shaped = [
        dict(recall)
        # Rows of before there were pages hold all lots and no number of them.
        | {"area_name": names.get(recall["area_code"]), "lots_count": recall.get("lots_count", len(recall["lots"]))}
        for recall in row["recalls"].values()
    ]
    return cast(list[RecallSummary], sorted(shaped, key=lambda r: (r["state"] == "open", r["opened_at"]), reverse=True))


def recalls_on(row: Mapping[str, Any], day: date) -> dict[str, Any]:
    """Recalls opened by the end of a day, as open or closed as they were then."""
    end = utc_text(end_of_day(day))
    found: dict[str, Any] = {}
    for key, recall in row["recalls"].items():
        if utc_text(datetime.fromisoformat(recall["opened_at"])) > end:
            continue
        closed = recall["closed_at"]
        was_open = closed is None or utc_text(datetime.fromisoformat(closed)) > end
        found[key] = dict(recall) | ({"state": "open", "closed_at": None} if was_open else {})
    return found


def name_of(row: Mapping[str, Any]) -> str:
    """Credit's name, else the name of the food-chain party, else the newest name on a public record."""
    if row["identity"]:
        return str(row["identity"]["name"])
    if row["party"]:
        return str(row["party"]["name"])
    records = [*row["listings"].values(), *row["violations"].values(), *row["recalls"].values()]
    return str(records[-1]["party_name"]) if records else str(row["uscc"])


def product_names(lots: Iterable[Mapping[str, Any]]) -> str:
    """What is recalled, for a title: three products and no more."""
    names = sorted({lot["product_name"] for lot in lots})
    return "、".join(names[:3]) + ("…" if len(names) > 3 else "")


_LIST = {"black": ("列入黑榜", "Put on the black list"), "red": ("列入红榜", "Put on the red list")}
_OFF = {"black": ("移出黑榜", "Removed from the black list"), "red": ("移出红榜", "Removed from the red list")}


def timeline(
    listings: Iterable[Listing], violations: Iterable[Violation], recalls: Iterable[RecallSummary], day: date
) -> list[TimelineItem]:
    """Newest first, of what this answer shows and no more."""
    items: list[TimelineItem] = []
    for listing in listings:
        zh, en = _LIST[listing["colour"]]
        items.append(_item(listing["published_on"], "listing", zh, en, listing["listing_id"], listing["colour"]))
        if listing["removed_on"] and listing["removed_on"] <= day.isoformat():
            zh, en = _OFF[listing["colour"]]
            items.append(
                _item(listing["removed_on"], "listing_removed", zh, en, listing["listing_id"], listing["colour"])
            )
    for violation in violations:
        number = violation["document_number"]
        zh, en = f"{violation['authority_name']}作出处罚决定（{number}）", f"Penalty decision {number}"
        items.append(_item(violation["decision_date"], "violation", zh, en, violation["violation_id"]))
    for recall in recalls:
        level, products = recall["level"], product_names(recall["lots"])
        zh = f"{'一二三'[level - 1]}级召回：{products}，{recall['lots_count']} 个批次"
        en = f"Level {level} recall: {products}, {recall['lots_count']} lots"
        items.append(_item(recall["opened_at"][:10], "recall", zh, en, recall["recall_id"]))
        if recall["closed_at"]:
            zh, en = f"召回 {recall['number']} 结束", f"Recall {recall['number']} closed"
            items.append(_item(recall["closed_at"][:10], "recall_closed", zh, en, recall["recall_id"]))
    return sorted(items, key=lambda item: (item["on"], item["ref"]), reverse=True)


def _item(on: str, kind: str, zh: str, en: str, ref: str, colour: str | None = None) -> TimelineItem:
    return cast(TimelineItem, {"on": on, "kind": kind, "title": zh, "title_en": en, "colour": colour, "ref": ref})
