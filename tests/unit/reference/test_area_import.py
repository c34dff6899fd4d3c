"""Towns and villages from a file: what is taken, and that every wrong row is told with its line."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reference import areas
from shared.reference.area_import import Import, read
from shared.reference.areas import Area, Areas

HEADER = "code,name,valid_from,valid_to,successor,source\n"
TOWN = "370602001000,向阳街道,1983,,,区划代码 2023\n"
VILLAGE = "370602001001,芝罘社区,2018/6/5,,,区划代码 2023\n"
ENDED = "370634101000,南长山街道,1983,2020-06-04,370614101000,区划代码 2018\n"
AFTER = "370614101000,南长山街道,2020-06-05,,,区划代码 2023\n"


def take(text: str, before: Import | None = None) -> Import:
    return read(text.encode(), areas.shipped(), before.areas if before else {})


def wrong(text: str, before: Import | None = None) -> list[tuple[int, str]]:
    """Line and column of every wrong place; nothing may have been taken."""
    result = take(text, before)
    assert dict(result.areas) == (dict(before.areas) if before else {})
    for each in result.wrong:
        assert each.zh
        assert each.en
        assert str(each.line) in str(each)
    return [(each.line, each.column) for each in result.wrong]


@pytest.fixture
def without_imported(tmp_path: Path) -> Iterator[Path]:
    """Whatever is read in the test is forgotten after it."""
    yield tmp_path / "areas.csv"
    areas.use(tmp_path / "none")


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        "代码,名称,启用日期,有效期止,继任代码,来源\n",
        "行政区划代码,区划名称,生效日期,截止日期,变更后代码,数据来源\r\n",
    ],
)
def test_towns_and_villages_are_taken(mark: str, header: str) -> None:
    result = take(mark + header + TOWN + VILLAGE + "\n" + ENDED + AFTER)
    assert (result.added, result.changed, result.unchanged, result.wrong) == (4, 0, 0, [])
    town, village, ended = (result.areas[code] for code in ("370602001", "370602001001", "370634101"))
    assert (town.name, town.level, town.parent, town.status) == ("向阳街道", "乡级", "370602", "to be verified")
    assert (village.level, village.parent, village.valid_from) == ("村级", "370602001", date(2018, 6, 5))
    assert (ended.valid_from, ended.valid_until, ended.successors) == (
        date(1983, 1, 1),
        date(2020, 6, 5),
        ("370614101",),
    )
    registry = Areas([*areas.shipped(), *result.areas.values()])
    assert [area.code for area in registry.successors("370634101000")] == ["370614101"]
    assert registry.is_within("370602001001", "370600")


def test_columns_in_any_order_and_only_those_that_are_needed() -> None:
    result = take('来源,名称,代码\n"《区划, 2023》",向阳街道,370602001\n')
    (town,) = result.areas.values()
    assert (town.code, town.source, town.valid_from) == ("370602001", "《区划, 2023》", None)


def test_again_changes_nothing_and_other_rows_stay() -> None:
    first = take(HEADER + TOWN + VILLAGE)
    again = take(HEADER + VILLAGE + TOWN, first)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
    assert again.areas == first.areas
    renamed = take(HEADER + TOWN.replace("向阳", "向阳新") + ENDED + AFTER, first)
    assert (renamed.added, renamed.changed, renamed.unchanged) == (2, 1, 0)
    assert sorted(renamed.areas) == ["370602001", "370602001001", "370614101", "370634101"]
    assert renamed.areas["370602001"].name == "向阳新街道"


@pytest.mark.parametrize("text", ["2020", "2020-12", "2020-12-31", "2020/12/31"])
def test_the_last_day_of_a_month_or_year(text: str) -> None:
    result = take(HEADER + f"370602001,甲,,{text},,源\n")
    assert result.areas["370602001"].valid_until == date(2021, 1, 1)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("3.706E+11,甲,,,,源", "code"),
        ("37060200100,甲,,,,源", "code"),
        ("37060200100O,甲,,,,源", "code"),
        ("070602001000,甲,,,,源", "code"),
        (",甲,,,,源", "code"),
        ("370602000000,甲,,,,源", "code"),
        ("370602,甲,,,,源", "code"),
        ("990102001000,甲,,,,源", "code"),
        ("370602009001,甲,,,,源", "code"),
        ("370602002000,,,,,源", "name"),
        ("370602002000,甲\x01,,,,源", "name"),
        ('370602002000,"甲\n乙",,,,源', "name"),
        (f"370602002000,{'甲' * 301},,,,源", "name"),
        ("370602002000,甲,,,,", "source"),
        ("370602002000,甲,2018-02-30,,,源", "valid_from"),
        ("370602002000,甲,去年,,,源", "valid_from"),
        ("370602002000,甲,0001-01-01,,,源", "valid_from"),
        ("370602002000,甲,,9999-12-31,,源", "valid_to"),
        ("370602002000,甲,2020-06-05,2020-06-04,,源", "valid_to"),
        ("370602002000,甲,,,370602001,源", "valid_to"),
        ("370602002000,甲,,2020,37060,源", "successor"),
        ("370602002000,甲,,2020,370602999,源", "successor"),
        ("370602002000,甲,,2020,370602002,源", "successor"),
        ("370634102000,甲,,,,源", "valid_to"),
        ("370634102000,甲,,2020-06-05,,源", "valid_to"),
        ("370602001000,甲,,,,源", "code"),
        ("370602001,甲,,,,源", "code"),
        ("370602002000,甲,,,源", ""),
        ("370602002000,甲,,,,源,多", ""),
        ('370602002000,"甲"乙,,,,源', ""),
    ],
)
def test_a_wrong_row_is_told_with_its_line_and_column(row: str, column: str) -> None:
    assert wrong(HEADER + TOWN + "\n" + row + "\n") == [(4, column)]


def test_all_wrong_rows_are_told_at_once_and_each_once() -> None:
    broken_town = "370602002000,,,,,源\n"
    its_village = "370602002001,乙,,,,源\n"
    assert wrong(HEADER + broken_town + its_village + "x,丙,?,,,\n" + TOWN) == [
        (2, "name"),
        (4, "code"),
        (4, "source"),
        (4, "valid_from"),
    ]


def test_successors_do_not_go_round() -> None:
    one = "370602002000,甲,,2020,370602003,源\n"
    other = "370602003000,乙,,2021,370602002,源\n"
    assert wrong(HEADER + one + other) == [(2, "successor"), (3, "successor")]


def test_a_town_does_not_end_before_villages_that_were_imported_earlier() -> None:
    before = take(HEADER + TOWN + VILLAGE)
    ends = TOWN.replace(",1983,,", ",1983,2020,")
    assert wrong(HEADER + ends, before) == [(2, "valid_to")]
    assert take(HEADER + ends + VILLAGE.replace(",,,", ",2020,,"), before).changed == 2


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (1, "")),
        ("\n\n", (1, "code")),
        ("code,name\n", (1, "source")),
        ("code;name;source\n", (1, "code;name;source")),
        ("code,name,source,colour\n", (1, "colour")),
        ("code,name,source,代码\n", (1, "code")),
    ],
)
def test_a_header_that_is_not_understood(text: str, place: tuple[int, str]) -> None:
    assert place in wrong(text)


def test_another_encoding_is_told() -> None:
    result = read((HEADER + TOWN).encode("gbk"), areas.shipped(), {})
    (each,) = result.wrong
    assert (each.line, result.areas) == (2, {})
    assert "CSV UTF-8" in each.zh


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEADER + TOWN + text).encode()))
def test_any_bytes_are_taken_or_told(data: bytes) -> None:
    result = read(data, areas.shipped(), {})
    assert bool(result.areas) + bool(result.wrong) <= 1


@given(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=50),
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
)
def test_what_was_stored_is_read_again(tmp_path_factory: pytest.TempPathFactory, name: str, day: date) -> None:
    file = tmp_path_factory.mktemp("areas") / "areas.csv"
    row = Area(
        "370602001", name, "乡级", "370602", day, None, ("370602002", "370602003"), (), "源", "to be verified", ""
    )
    areas.store(file, [row])
    assert areas.imported(file) == [row]


def test_a_file_stands_beside_the_shipped_rows_until_it_is_gone(without_imported: Path) -> None:
    file = without_imported
    assert areas.get("370602001") is None
    areas.store(file, take(HEADER + TOWN).areas.values())
    assert areas.get("370602001") is None, "read at start, not when it changes"
    areas.use(file)
    assert [area.name for area in areas.children("370602")] == ["向阳街道"]
    assert areas.get("370602")
    file.unlink()
    areas.use(file)
    assert areas.get("370602001") is None


@pytest.mark.parametrize("text", ["", "code,name\n1,2\n", "\x00", "code\udcff"])
def test_a_broken_file_is_told_in_one_line(without_imported: Path, text: str) -> None:
    file = without_imported
    areas.store(file, take(HEADER + TOWN).areas.values())
    head = file.read_text().splitlines()[0]
    file.write_bytes(text.encode("utf-8", "surrogateescape") or f"{head}\n1,2\n".encode())
    with pytest.raises(areas.BrokenFile) as caught:
        areas.use(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_store_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "areas.csv"
    areas.store(file, take(HEADER + TOWN).areas.values())
    before = file.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        areas.store(file, take(HEADER + TOWN + VILLAGE).areas.values())
    assert file.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["areas.csv"]
