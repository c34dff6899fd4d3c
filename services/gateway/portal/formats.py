"""Numbers, days, ages and codes as people read them, in Chinese and English."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Literal

from markupsafe import Markup, escape

Lang = Literal["zh", "en"]

SHANGHAI = timezone(timedelta(hours=8))
"""China has one time and no summer time since 1992."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNKNOWN = "—"
UNITS: dict[str, tuple[str, str]] = {
    "yes/no": ("", ""),
    "direction": ("", ""),
    "等级(ordinal)": ("", ""),
    "index points": ("分", "points"),
    "个": ("个", ""),
    "个/街道 或 个/居民": ("个", ""),
    "家": ("家", ""),
    "处": ("处", ""),
    "项": ("项", ""),
    "件": ("件", ""),
    "户": ("户", ""),
    "张": ("张", "beds"),
    "张/千名老人": ("张/千名老人", "beds per 1,000 older people"),
    "类": ("类", "kinds"),
    "级": ("级", "levels"),
    "元": ("元", "yuan"),
    "分钟": ("分钟", "minutes"),
    "次/年": ("次/年", "a year"),
    "次/事项": ("次/事项", "visits per item"),
    "项/县": ("项/县", "per county"),
    "平方米/人": ("平方米/人", "m² per person"),
    "平方米/百户": ("平方米/百户", "m² per 100 households"),
}
"""Units of the plan's targets as they stand behind a number; another unit is written as it is."""


def parse_instant(value: str | datetime) -> datetime:
    """RFC 3339 text (or an aware instant) in Shanghai time."""
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(SHANGHAI)


def parse_day(value: str | date) -> date:
    """A day, or the Shanghai day of an instant."""
    if isinstance(value, datetime) or (isinstance(value, str) and len(value) > 10):
        return parse_instant(value).date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def day(value: str | date | None, lang: Lang) -> str:
    """2018年12月31日 / 31 Dec 2018."""
    if value is None:
        return UNKNOWN
    d = parse_day(value)
    return f"{d.year}年{d.month}月{d.day}日" if lang == "zh" else f"{d.day} {_MONTHS[d.month - 1]} {d.year}"


def short_day(value: str | date, lang: Lang) -> str:
    """12月31日 / 31 Dec, where the year stands beside it."""
    d = parse_day(value)
    return f"{d.month}月{d.day}日" if lang == "zh" else f"{d.day} {_MONTHS[d.month - 1]}"


def clock(value: str | datetime) -> str:
    return parse_instant(value).strftime("%H:%M")


def moment(value: str | datetime | None, lang: Lang) -> str:
    """2026年11月24日 14:05 / 24 Nov 2026, 14:05."""
    if value is None:
        return UNKNOWN
    instant = parse_instant(value)
    return day(instant.date(), lang) + (" " if lang == "zh" else ", ") + instant.strftime("%H:%M")


def age(seconds: float, lang: Lang) -> str:
    """18 分钟 / 18 minutes; the largest whole unit."""
    for size, zh, one, many in (
        (86400, "天", "day", "days"),
        (3600, "小时", "hour", "hours"),
        (60, "分钟", "minute", "minutes"),
    ):
        if seconds >= size:
            n = int(seconds // size)
            return f"{n} {zh}" if lang == "zh" else f"{n} {one if n == 1 else many}"
    return "不到 1 分钟" if lang == "zh" else "less than a minute"


def integer(value: int | None) -> str:
    """1,234; unknown is a dash, zero is zero."""
    return UNKNOWN if value is None else f"{value:,}"


def percent(value: str | Decimal | None) -> str:
    """A rate with two decimals. Rounding never completes a rate (99.996 shows 99.99) nor empties one."""
    number = _decimal(value)
    if number is None:
        return UNKNOWN
    shown = number.quantize(Decimal("0.01"), ROUND_HALF_UP)
    if (shown >= 100 > number) or (shown == 0 < number):
        shown = max(number.quantize(Decimal("0.01"), ROUND_DOWN), Decimal("0.01") if number > 0 else Decimal(0))
    return f"{shown:.2f}%"


def figure(value: str | None, unit: str, lang: Lang) -> str:
    """A value in its unit: `97.01%`, `612 家`, `612`."""
    number = _decimal(value)
    if number is None:
        return UNKNOWN if value is None else value
    if unit.strip().startswith("%"):
        return percent(number)
    text = f"{number:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit_word(unit, lang)}".rstrip()


def unit_word(unit: str, lang: Lang) -> str:
    return UNITS.get(unit, (unit, unit))[0 if lang == "zh" else 1]


def tick_value(value: float, rate: bool) -> str:
    """The label of a target line: `98%`, `800`."""
    return f"{value:,g}" + ("%" if rate else "")


def interval(low: str | None, high: str | None, lang: Lang) -> str:
    """95% 区间 96.82%–97.18% / 95% interval 96.82%–97.18%."""
    if low is None or high is None:
        return ""
    name = "95% 区间" if lang == "zh" else "95% interval"
    return f"{name} {percent(low)}–{percent(high)}"


def money(fen: int, lang: Lang) -> str:
    """Fen in yuan: 12 万元 / CNY 120,000."""
    yuan = Decimal(fen) / 100
    if lang == "en":
        return f"CNY {yuan:,.2f}".removesuffix(".00")
    if yuan >= 10000 and yuan % 100 == 0:
        return f"{(yuan / 10000).normalize():f} 万元"
    return f"{yuan:,.2f}".removesuffix(".00") + " 元"


def uscc(code: str) -> Markup:
    """18 characters in groups 2-6-9-1, parted by CSS only, so that copying gives the bare code."""
    if len(code) != 18:
        return Markup('<span class="code">{}</span>').format(code)
    parts = (code[:2], code[2:8], code[8:17], code[17:])
    return Markup('<span class="code uscc">{}</span>').format(
        Markup("").join(Markup("<span>{}</span>").format(p) for p in parts)
    )


def foreign(text: str | None, lang: Lang) -> Markup:
    """Chinese text, marked as such on an English page."""
    if text is None:
        return escape(UNKNOWN)
    return escape(text) if lang == "zh" or text.isascii() else Markup('<span lang="zh-CN">{}</span>').format(text)


def either(zh: str | None, en: str | None, lang: Lang) -> Markup:
    """The twin of the page's language; Chinese, marked, where there is no English one."""
    return escape(en) if lang == "en" and en else foreign(zh, lang)


def enumerate_texts(texts: Iterable[str], lang: Lang) -> Markup:
    """甲、乙 / A, B, each marked where it is foreign."""
    return escape("、" if lang == "zh" else ", ").join(foreign(t, lang) for t in texts)


def _decimal(value: str | Decimal | None) -> Decimal | None:
    try:
        return None if value is None else Decimal(value)
    except InvalidOperation:
        return None
