"""What makes a test report consistent, and how one is put in words. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from shared.errors import FieldError
from shared.i18n import Text

Result = Literal["pass", "fail"]
Item = Mapping[str, Any]

CONTENT = (
    *("sample_id", "lot_id", "kind", "category", "area_code", "sampled_on", "tested_on", "items", "result"),
    "attachment",
)
"""What two reports under one laboratory and number must share to be the same report."""


def recorder(department: str | None, uscc: str | None) -> str:
    """Who answers for a report: the enterprise, else the department of the one who records it."""
    return f"enterprise:{uscc}" if uscc is not None else f"department:{department or ''}"


MOST_NAMED = 5
"""Failed items that a summary names: it stands in events and in every scan of the lot."""


def failed_names(items: Sequence[Item]) -> list[str]:
    return [str(item["name"]) for item in items if item["result"] == "fail"]


def check(items: Sequence[Item], result: Result, sampled_on: date, tested_on: date, today: date) -> list[FieldError]:
    """Everything about a report that its single fields cannot show: the total against the items, and the days."""
    errors: list[FieldError] = []
    failed = failed_names(items)
    if failed and result == "pass":
        zh, en = f"有 {len(failed)} 项不合格，结论不能是合格", f"{len(failed)} failed, so the result cannot be pass"
        errors.append(FieldError("/result", "test.result_contradicts_items", zh, en))
    if not failed and result == "fail":
        zh, en = "没有不合格项，结论不能是不合格", "No item failed, so the result cannot be fail"
        errors.append(FieldError("/result", "test.result_contradicts_items", zh, en))
    names = [item["name"] for item in items]
    for index, name in enumerate(names):
        if name in names[:index]:
            zh, en = f"项目“{name}”重复", f"Item “{name}” stands twice"
            errors.append(FieldError(f"/items/{index}/name", "test.item_repeated", zh, en))
    if sampled_on > tested_on:
        zh, en = "抽样日期不能晚于检验日期", "The sampling date cannot be after the test date"
        errors.append(FieldError("/sampled_on", "test.sampled_after_tested", zh, en))
    if tested_on > today:
        zh, en = "检验日期不能晚于今天", "The test date cannot be after today"
        errors.append(FieldError("/tested_on", "test.tested_in_future", zh, en))
    return errors


def differing(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Names of the fields in which a repeated report differs from the stored one."""
    return [name for name in CONTENT if stored[name] != given[name]]


def summary(items: Sequence[Item]) -> Text:
    """`48 项，全部合格` or the items that failed, with value and limit."""
    count, failed = len(items), [item for item in items if item["result"] == "fail"]
    if not failed:
        return Text(f"{count} 项，全部合格", f"{count} {'item' if count == 1 else 'items'}, all passed")
    named, more = failed[:MOST_NAMED], len(failed) > MOST_NAMED
    zh = "、".join(_named(item, "，", "限量", "（{}）") for item in named) + ("等" if more else "")
    en = ", ".join(_named(item, ", ", "limit", " ({})") for item in named) + (" and others" if more else "")
    return Text(f"{count} 项中 {len(failed)} 项不合格：{zh}", f"{len(failed)} of {count} failed: {en}")


def _named(item: Item, comma: str, limit: str, brackets: str) -> str:
    value = " ".join(str(part) for part in (item.get("value"), item.get("unit")) if part)
    facts = [value] if value else []
    if item.get("limit"):
        facts.append(f"{limit} {item['limit']}")
    return str(item["name"]) + (brackets.format(comma.join(facts)) if facts else "")
