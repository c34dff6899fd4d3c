"""Numbers, days and codes as the design wants them read."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.portal import formats


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("97.0057", "97.01%"),
        ("88.8889", "88.89%"),
        ("99.96", "99.96%"),
        ("99.996", "99.99%"),
        ("99.9999999", "99.99%"),
        ("100", "100.00%"),
        ("0", "0.00%"),
        ("0.001", "0.01%"),
        (None, "—"),
    ],
)
def test_a_rate_has_two_decimals_and_rounding_never_completes_it(value: str | None, shown: str) -> None:
    assert formats.percent(value) == shown


@given(st.decimals(min_value="0", max_value="100", places=6))
def test_only_one_hundred_shows_one_hundred(value: object) -> None:
    assert (formats.percent(str(value)) == "100.00%") == (str(value) == "100.000000")


@pytest.mark.parametrize(
    ("value", "unit", "zh", "en"),
    [
        ("97.0057", "%", "97.01%", "97.01%"),
        ("28000", "张", "28,000 张", "28,000 beds"),
        ("612", "家", "612 家", "612"),
        ("0.30", "平方米/人", "0.3 平方米/人", "0.3 m² per person"),
        ("0", "次/事项", "0 次/事项", "0 visits per item"),
        ("一级", "等级(ordinal)", "一级", "一级"),
        (None, "家", "—", "—"),
    ],
)
def test_a_figure_stands_in_its_unit(value: str | None, unit: str, zh: str, en: str) -> None:
    assert formats.figure(value, unit, "zh") == zh
    assert formats.figure(value, unit, "en") == en


def test_days_and_moments_are_those_of_shanghai() -> None:
    late = "2026-11-23T18:05:00Z"
    assert formats.day(late, "zh") == "2026年11月24日"
    assert formats.moment(late, "zh") == "2026年11月24日 02:05"
    assert formats.moment(late, "en") == "24 Nov 2026, 02:05"
    assert formats.day(date(2018, 12, 31), "en") == "31 Dec 2018"
    assert formats.clock(datetime(2026, 11, 24, 1, 12, tzinfo=UTC)) == "09:12"
    assert formats.day(None, "zh") == "—"


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "不到 1 分钟", "less than a minute"),
        (61, "1 分钟", "1 minute"),
        (1080, "18 分钟", "18 minutes"),
        (7300, "2 小时", "2 hours"),
        (90000, "1 天", "1 day"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, zh: str, en: str) -> None:
    assert (formats.age(seconds, "zh"), formats.age(seconds, "en")) == (zh, en)


def test_money_is_written_as_people_say_it() -> None:
    assert formats.money(12_000_000, "zh") == "12 万元"
    assert formats.money(12_345_600, "zh") == "123,456 元"
    assert formats.money(12_340_000, "zh") == "12.34 万元"
    assert formats.money(500_050, "zh") == "5,000.50 元"
    assert formats.money(12_000_000, "en") == "CNY 120,000"


def test_a_credit_code_is_grouped_without_a_space_in_its_text() -> None:
    shown = formats.uscc("91370602MA3DEM027K")
    assert shown.striptags() == "91370602MA3DEM027K"
    assert shown.count("<span>") == 4
    assert formats.uscc('"><script>').count("<script>") == 0


def test_chinese_on_an_english_page_is_marked_and_escaped() -> None:
    assert formats.foreign("芝罘区", "en") == '<span lang="zh-CN">芝罘区</span>'
    assert formats.foreign("芝罘区", "zh") == "芝罘区"
    assert formats.foreign("<b>芝</b>", "en") == '<span lang="zh-CN">&lt;b&gt;芝&lt;/b&gt;</span>'
    assert formats.either("苹果", "Apples <5 kg", "en") == "Apples &lt;5 kg"
    assert formats.either("苹果", None, "en") == '<span lang="zh-CN">苹果</span>'
    assert formats.enumerate_texts(["甲", "乙"], "zh") == "甲、乙"
