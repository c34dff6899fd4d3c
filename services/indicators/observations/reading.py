"""Reads rows of JSON or CSV into checked drafts."""

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from services.indicators.observations.periods import Period, PeriodError, parse
from services.indicators.observations.rules import World, check
from services.indicators.observations.schemas import REQUIRED, ObservationIn
from shared.errors import FieldError, Invalid, Malformed
from shared.web import field_errors

COLUMNS = {
    "指标": "target_id",
    "指标代码": "target_id",
    "地区代码": "area_code",
    "地区": "area_name",
    "地区名称": "area_name",
    "所在地区代码": "within",
    "时期": "period",
    "批次": "n",
    "抽查批次": "n",
    "总数": "n",
    "合格": "passed",
    "合格批次": "passed",
    "合格数": "passed",
    "数值": "value",
    "等级": "grade",
    "状态": "state",
    "分类方式": "breakdown",
    "分类": "category",
    "来源": "source",
    "备注": "note",
    "外部编号": "external_id",
    "修订原因": "reason",
}
_STATES = {"已完成": "achieved", "推进中": "in_progress", "未完成": "not_achieved"}
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)


@dataclass(slots=True)
class Draft:
    """A row that was read; `body` is only complete where `errors` is empty."""

    index: int
    body: ObservationIn
    period: Period | None
    errors: list[FieldError]
    line: int | None = None


def read(raw: Any, index: int, world: World, prefix: Sequence[str | int], line: int | None = None) -> Draft:
    """All errors of one row: of single fields by pydantic, then between those fields that are sound."""
    at = "".join(f"/{part}" for part in prefix)
    if not isinstance(raw, dict):
        wrong = FieldError(at or "/", "model_type", "应为对象", "Needs to be an object")
        return Draft(index, ObservationIn(), None, [wrong], line)
    errors: list[FieldError] = []
    broken: frozenset[str] = frozenset()
    try:
        body = ObservationIn.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        errors = field_errors(found, prefix=("body", *prefix))
        broken = frozenset(str(each["loc"][0]) for each in found if each["loc"])
        known = {key: value for key, value in raw.items() if key in ObservationIn.model_fields and key not in broken}
        body = ObservationIn.model_validate(known)
    errors += check(body, broken, world, at)
    period = None
    if body.period is not None:
        with suppress(PeriodError):  # told by the check
            period = parse(body.period)
    shortest = {
        field: facts.code
        for field in ("area_code", "within")
        if (code := getattr(body, field)) is not None and (facts := world.area(code)) is not None
    }
    body = body.model_copy(update=shortest)
    return Draft(index, body, period, errors, line)


def csv_rows(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """`(line, row)` of a CSV file, UTF-8 (with or without BOM) or GB 18030, headers Chinese or as in JSON."""
    text = _decode(content)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise Malformed(
                "csv.empty", zh="文件是空的，第一行应为列名", en="The file is empty; the first line names the columns"
            )
        names = _columns(header)
        rows = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(names):
                raise Malformed(
                    "csv.cells",
                    zh=f"第 {reader.line_num} 行有 {len(cells)} 列，列名只有 {len(names)} 个",
                    en=f"Line {reader.line_num} has {len(cells)} cells, the header {len(names)}",
                )
            row = {name: _cell(name, cell.strip()) for name, cell in zip(names, cells, strict=False) if cell.strip()}
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise Malformed(
            "csv",
            zh=f"第 {reader.line_num} 行不是有效的 CSV：{error}",
            en=f"Line {reader.line_num} is not valid CSV: {error}",
        ) from error
    return rows


def _decode(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Malformed("csv.encoding", zh="编码应为 UTF-8 或 GB 18030", en="The encoding needs to be UTF-8 or GB 18030")


def _columns(header: Sequence[str]) -> list[str]:
    fields = set(ObservationIn.model_fields) - {"components"}
    names, errors = [], []
    for number, cell in enumerate(header):
        title = cell.strip()
        name = COLUMNS.get(title, title)
        if name not in fields:
            known = "、".join(COLUMNS)
            errors.append(
                FieldError(
                    f"/header/{number}",
                    "csv.column",
                    f"没有“{title[:60]}”这一列；可用：{known}",
                    f'Unknown column "{title[:60]}"',
                )
            )
        elif name in names:
            errors.append(FieldError(f"/header/{number}", "csv.twice", f"“{title}”重复", f'"{title}" is there twice'))
        names.append(name)
    errors += [
        FieldError("/header", "csv.missing", f"缺少列 {name}", f"The column {name} is missing")
        for name in REQUIRED
        if name not in names
    ]
    if errors:
        raise Invalid(errors)
    return names


def _cell(name: str, text: str) -> str:
    if name in ("n", "passed", "value") and _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    if name == "value" and text.endswith(("%", "％")):
        return text[:-1].strip()
    return _STATES.get(text, text) if name == "state" else text
