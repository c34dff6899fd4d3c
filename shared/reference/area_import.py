"""Towns and villages from a CSV file: every wrong row is told with its line, and nothing is taken of a file with one.

Columns (Chinese or English headers, in any order): code, name, valid_from, valid_to (the last day), successor, source.
Codes are the statistics office's twelve digits; a town's may stand without its last three zeros.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, timedelta

from shared.reference.areas import Area, Areas, canonical, is_code
from shared.texts import CONTROL_IN_LINE

COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("代码", "区划代码", "行政区划代码", "统计用区划代码"),
    "name": ("名称", "区划名称", "地区名称"),
    "valid_from": ("启用日期", "生效日期", "有效期起"),
    "valid_to": ("有效期止", "截止日期"),
    "successor": ("继任代码", "变更后代码", "后继代码"),
    "source": ("来源", "数据来源"),
}
REQUIRED = ("code", "name", "source")
_HEADERS = {header: name for name, others in COLUMNS.items() for header in (name, *others)}
_LEVELS = {9: "乡级", 12: "村级"}
_DAY = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?", re.ASCII)
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.ASCII | re.IGNORECASE)
_YEARS = range(1900, 2200)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong in a line (from 1, the header is the first) and column of the file."""

    line: int
    column: str
    zh: str
    en: str

    def __str__(self) -> str:
        header = COLUMNS.get(self.column, (self.column,))[0]
        en = f"line {self.line}" + (f", {self.column}" if self.column else "")
        zh = f"第 {self.line} 行" + (f"“{header}”" if header else "")
        return f"{en}: {self.en} / {zh}：{self.zh}"


@dataclass(frozen=True, slots=True)
class Import:
    """What a file brings: the imported areas as they are after it, and how many of its rows are new, changed, known.
    With `wrong` rows the areas are those before it."""

    areas: Mapping[str, Area]
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    wrong: list[Wrong] = field(default_factory=list)


def read(data: bytes, shipped: Iterable[Area], imported: Mapping[str, Area]) -> Import:
    """The file joined to what was imported before; rows of codes that it does not name stay."""
    wrong: list[Wrong] = []
    lines: dict[str, int] = {}
    given: dict[str, Area] = {}
    spoiled: set[str] = set()
    for line, row in _rows(data, wrong):
        area = _area(line, row, wrong)
        if area is None:
            spoiled.add(canonical(row["code"]))
            continue
        if area.code in lines:
            first = lines[area.code]
            wrong.append(Wrong(line, "code", f"与第 {first} 行的代码重复", f"the code stands in line {first} already"))
            continue
        lines[area.code], given[area.code] = line, area
    merged = {**imported, **given}
    registry = Areas([*shipped, *merged.values()])
    for code, area in given.items():
        wrong.extend(_misfits(lines[code], area, registry, given.keys() | spoiled))
    if wrong:
        return Import(dict(imported), wrong=sorted(wrong, key=lambda each: each.line))
    changed = sum(code in imported and imported[code] != area for code, area in given.items())
    added = len(given.keys() - imported.keys())
    return Import(merged, added, changed, len(given) - added - changed)


def _rows(data: bytes, wrong: list[Wrong]) -> Iterator[tuple[int, dict[str, str]]]:
    """First line and cells of each row; what is wrong with the file as a whole ends it."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong.append(
            Wrong(line, "", "文件不是 UTF-8，请另存为“CSV UTF-8”", "the file is not UTF-8; save it as “CSV UTF-8”")
        )
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            cells = [unicodedata.normalize("NFKC", cell).strip() for cell in cells]
            if columns is None:
                columns = _columns(cells, wrong)
                if not columns:
                    return
            elif any(cells):
                if len(cells) == len(columns):
                    yield line, dict(zip(columns, cells, strict=True))
                else:
                    n, m = len(cells), len(columns)
                    wrong.append(Wrong(line, "", f"有 {n} 列，表头有 {m} 列", f"{n} cells under {m} headers"))
            line = reader.line_num + 1
    except csv.Error as error:
        wrong.append(Wrong(line, "", f"不是有效的 CSV（{error}）", f"not valid CSV ({error})"))
    if columns is None:
        wrong.append(Wrong(1, "", "文件是空的", "the file is empty"))


def _columns(headers: list[str], wrong: list[Wrong]) -> list[str]:
    """Our names of the headers; empty where one is missing, unknown or there twice."""
    names = [_HEADERS.get(header, "") for header in headers]
    found: list[Wrong] = []
    for header, name in zip(headers, names, strict=True):
        if not name:
            known = "、".join(COLUMNS[each][0] for each in COLUMNS)
            found.append(
                Wrong(1, header, f"没有这一列，可用：{known}", f"no such column; there are: {', '.join(COLUMNS)}")
            )
    for name in COLUMNS:
        if names.count(name) > 1:
            found.append(Wrong(1, name, "这一列出现两次", "the column stands twice"))
        if name in REQUIRED and name not in names:
            found.append(Wrong(1, name, f"缺少“{COLUMNS[name][0]}”一列", "the column is missing"))
    wrong.extend(found)
    return [] if found else names


def _area(line: int, row: Mapping[str, str], wrong: list[Wrong]) -> Area | None:
    """One row by itself; None where any of its cells is wrong."""
    before = len(wrong)
    code = _code(line, row["code"], wrong)
    name, source = (_text(line, column, row[column], wrong) for column in ("name", "source"))
    first = _day(line, "valid_from", row.get("valid_from", ""), wrong)
    last = _day(line, "valid_to", row.get("valid_to", ""), wrong, last=True)
    if first and last and last < first:
        wrong.append(Wrong(line, "valid_to", f"早于启用日期 {first}", f"it is before valid_from, {first}"))
    after = [each for each in re.split(r"[\s、,;]+", row.get("successor", "")) if each]
    for each in after:
        if not is_code(each):
            wrong.append(
                Wrong(line, "successor", f"“{each}”不是 6、9 或 12 位代码", f"“{each}” is no code of 6, 9 or 12 digits")
            )
    if after and last is None:
        wrong.append(
            Wrong(line, "valid_to", "有继任代码的须给出最后一日", "an area with a successor needs its last day")
        )
    if len(wrong) > before:
        return None
    return Area(
        code=code,
        name=name,
        level=_LEVELS[len(code)],
        parent=canonical(code[:9]) if len(code) == 12 else code[:6],
        valid_from=first,
        valid_until=last + timedelta(days=1) if last else None,
        successors=tuple(dict.fromkeys(canonical(each) for each in after)),
        partial_transfers=(),
        source=source,
        status="to be verified",
        note="",
    )


def _code(line: int, text: str, wrong: list[Wrong]) -> str:
    """Town or village in its shortest form."""
    if _SCIENTIFIC.fullmatch(text):
        zh, en = "被表格软件变成了数字；请把这一列设为文本", "a spreadsheet made it a number; format the column as text"
    elif len(text) not in (9, 12) or not is_code(text):
        zh, en = "应为 12 位数字（乡镇也可写前 9 位）", "twelve digits are needed (a town may have the first nine only)"
    elif len(canonical(text)) == 6:
        zh, en = "这是县级或以上，已随平台提供", "this is a county or above, which ship with the platform"
    else:
        return canonical(text)
    shown = CONTROL_IN_LINE.sub("?", text)[:40]
    wrong.append(Wrong(line, "code", f"“{shown}”：{zh}", f"“{shown}”: {en}"))
    return ""


def _text(line: int, column: str, text: str, wrong: list[Wrong]) -> str:
    if not text:
        wrong.append(Wrong(line, column, "不能为空", "it is empty"))
    elif len(text) > 300 or CONTROL_IN_LINE.search(text):
        wrong.append(Wrong(line, column, "应为一行，最多 300 字", "one line of at most 300 characters is needed"))
    return text


def _day(line: int, column: str, text: str, wrong: list[Wrong], *, last: bool = False) -> date | None:
    """`2018-06-05`, `2018/6/5`, or a month or year: its first day, with `last` its last one."""
    if not text:
        return None
    if found := _DAY.fullmatch(text):
        year, month, day = (int(part or 0) for part in found.groups())
        try:
            if year in _YEARS:
                at = date(year, month or (12 if last else 1), day or 1)
                return at if day or not last else _month_end(at)
        except ValueError:
            pass
    shown = CONTROL_IN_LINE.sub("?", text)[:40]
    wrong.append(Wrong(line, column, f"“{shown}”不是日期，例如 2018-06-05", f"“{shown}” is no day such as 2018-06-05"))
    return None


def _month_end(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _misfits(line: int, area: Area, registry: Areas, named: Set[str]) -> Iterator[Wrong]:
    """What is wrong between a row and the areas around it. `named`: codes of the file, those of wrong rows too; what is
    wrong with them is told once, in their own line."""
    parent = registry.get(area.parent or "")
    if parent is None and area.parent not in named:
        zh = f"没有登记它的上级 {area.parent}；乡镇须与村在同一文件或先行导入，县级须已随平台提供"
        en = (
            f"{area.parent} above it is not registered: import its town with it; its county must ship with the platform"
        )
        yield Wrong(line, "code", zh, en)
    elif parent is not None and _outlives(area, parent):
        zh = f"上级 {parent.code}{parent.name} 的最后一日是 {_last(parent)}，它不能更晚"
        en = f"{parent.code} above it ended on {_last(parent)}; it cannot last longer"
        yield Wrong(line, "valid_to", zh, en)
    for child in registry.children(area.code):
        if child.code not in named and _outlives(child, area):
            zh = f"已导入的下级 {child.code}{child.name} 比它更晚结束；请在同一文件中给出其最后一日"
            en = f"{child.code} below it, imported before, lasts longer; give its last day in the same file"
            yield Wrong(line, "valid_to", zh, en)
    for each in area.successors:
        if registry.get(each) is None and each not in named:
            yield Wrong(line, "successor", f"没有登记继任代码 {each}", f"the successor {each} is not registered")
        elif area.code in _all_after(each, registry):
            yield Wrong(
                line, "successor", f"继任代码 {each} 又回到它自己", f"the successor {each} leads back to itself"
            )


def _outlives(area: Area, above: Area) -> bool:
    return above.valid_until is not None and (area.valid_until is None or area.valid_until > above.valid_until)


def _last(area: Area) -> date:
    assert area.valid_until is not None
    return area.valid_until - timedelta(days=1)


def _all_after(code: str, registry: Areas) -> set[str]:
    """The area and all that came after it."""
    seen, waiting = set[str](), [code]
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            area = registry.get(at)
            waiting.extend(area.successors if area else ())
    return seen
