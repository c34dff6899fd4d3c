"""SimpleEventQuery: the parameters that are supported, and how they become a statement.

Lists are OR (values divided by `|`, or the parameter repeated), parameters are AND. A parameter that is not supported
is an error that names it, never ignored: an ignored filter would answer with events that were not asked for.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlmodel import col

from services.traceability.epcis import repository, rules
from services.traceability.epcis.errors import EpcisError
from services.traceability.epcis.identifiers import identify
from services.traceability.graph.models import EpcisEvent
from shared.errors import FieldError, Invalid
from shared.identifiers import IdentifierError
from shared.web.paging import Keyset

MAX_PER_PAGE = 1000
PER_PAGE = 100
EVENT_TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
ACTIONS = ("ADD", "OBSERVE", "DELETE")
MATCH_FIELDS = {
    "MATCH_epc": ("epc", "child"),
    "MATCH_parentID": ("parent",),
    "MATCH_inputEPC": ("input",),
    "MATCH_outputEPC": ("output",),
    "MATCH_anyEPC": ("epc", "parent", "child", "input", "output"),
    "MATCH_epcClass": ("quantity", "child_quantity"),
    "MATCH_inputEPCClass": ("input_quantity",),
    "MATCH_outputEPCClass": ("output_quantity",),
    "MATCH_anyEPCClass": ("quantity", "child_quantity", "input_quantity", "output_quantity"),
}
_COLUMNS: dict[str, Any] = {
    "eventType": EpcisEvent.event_type,
    "EQ_action": EpcisEvent.action,
    "EQ_bizStep": EpcisEvent.biz_step,
    "EQ_disposition": EpcisEvent.disposition,
    "EQ_readPoint": EpcisEvent.read_point,
    "EQ_bizLocation": EpcisEvent.biz_location,
    "EQ_eventID": EpcisEvent.event_id,
}
_TIMES: dict[str, tuple[Any, str]] = {
    f"{bound}_{name}": (column, bound)
    for bound in ("GE", "LT")
    for name, column in (("eventTime", EpcisEvent.event_time), ("recordTime", EpcisEvent.record_time))
}
_ORDERS = {"eventTime": col(EpcisEvent.event_time), "recordTime": col(EpcisEvent.record_time)}
_SINGLE = ("perPage", "nextPageToken", "orderBy", "orderDirection", "eventCountLimit", "maxEventCount", *_TIMES)
SUPPORTED = (*_COLUMNS, *_TIMES, *MATCH_FIELDS, *(name for name in _SINGLE if name not in _TIMES))


@dataclass(slots=True)
class Query:
    """A parsed query. `upto` closes it against events that are recorded while its pages are read."""

    upto: datetime
    per_page: int = PER_PAGE
    order_by: str = "recordTime"
    descending: bool = False
    limit: int | None = None
    """`eventCountLimit`: events that may still be given, over all pages."""
    max_count: int | None = None
    after: tuple[datetime, str] | None = None
    conditions: list[Any] = field(default_factory=list)

    def statement(self) -> Select[Any]:
        """All events that match, without order or page."""
        return select(EpcisEvent).where(col(EpcisEvent.record_time) <= self.upto, *self.conditions)

    def page(self, statement: Select[Any]) -> Select[Any]:
        """One page of them and one event more, which tells that there is a next page."""
        column, record = _ORDERS[self.order_by], col(EpcisEvent.record_id)
        if self.after is not None:
            at, record_id = self.after
            if self.descending:
                statement = statement.where(or_(column < at, and_(column == at, record < record_id)))
            else:
                statement = statement.where(or_(column > at, and_(column == at, record > record_id)))
        order = [column, record]
        ordered = [each.desc() for each in order] if self.descending else order
        return statement.order_by(*ordered).limit(self.size + 1)

    @property
    def size(self) -> int:
        return self.per_page if self.limit is None else min(self.per_page, self.limit)

    def next_token(self, last: EpcisEvent, given: int) -> str | None:
        """The token after `last`; None where `eventCountLimit` is used up."""
        left = None if self.limit is None else self.limit - given
        if left == 0:
            return None
        at = last.event_time if self.order_by == "eventTime" else last.record_time
        return _PAGES.cursor(self.upto, at, last.record_id, "" if left is None else left)


def parse(parameters: Sequence[tuple[str, str]], now: datetime, *, only: Sequence[str] = SUPPORTED) -> Query:
    """Raises QueryParameterException with every parameter that does not hold. `only`: the parameters that are known."""
    query = Query(upto=now)
    errors: list[FieldError] = []
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        given.setdefault(name, []).append(value)
    # Sorted, so that orderBy (DESC by itself) comes before orderDirection, eventCountLimit before the token.
    for name, values in sorted(given.items()):
        try:
            if name not in only:
                raise _Wrong(
                    f"不支持参数 {name}；支持：{'、'.join(only)}",
                    f"The parameter {name} is not supported; supported: {', '.join(only)}",
                )
            if name in _SINGLE and len(values) > 1:
                raise _Wrong(f"{name} 只能出现一次", f"{name} may stand once")
            _apply(query, name, values)
        except _Wrong as wrong:
            errors.append(FieldError(f"?{name}", "epcis.query_parameter", wrong.zh, wrong.en))
    errors += _together(given)
    if errors:
        raise EpcisError(
            "QueryParameterException",
            zh=f"有 {len(errors)} 个查询参数有误，见 errors",
            en=f"{len(errors)} query {'parameter is' if len(errors) == 1 else 'parameters are'} wrong, see errors",
            errors=errors,
        )
    return query


class _Wrong(Exception):
    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def _apply(query: Query, name: str, values: list[str]) -> None:
    if name in MATCH_FIELDS:
        exact, prefixes = _objects(_list(values))
        query.conditions.append(repository.has_object(MATCH_FIELDS[name], exact, prefixes))
    elif name in _COLUMNS:
        query.conditions.append(_COLUMNS[name].in_([_VALUES.get(name, str)(value) for value in _list(values)]))
    elif name in _TIMES:
        column, bound = _TIMES[name]
        at = _time(values[0])
        query.conditions.append(column >= at if bound == "GE" else column < at)
    else:
        _PLAIN[name](query, values[0])


def _list(values: Iterable[str]) -> list[str]:
    words = [word.strip() for value in values for word in value.split("|")]
    if not all(words):
        raise _Wrong("值不能为空", "A value may not be empty")
    return words


def _word_of(options: Sequence[str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in options:
            raise _Wrong(f"“{value}”应为 {'、'.join(options)} 之一", f'"{value}" should be one of {", ".join(options)}')
        return value

    return check


def _canonical(value: str) -> str:
    try:
        return identify(value).uri
    except IdentifierError as error:
        raise _Wrong(error.zh, error.en) from error


_VALUES: dict[str, Callable[[str], str]] = {
    "EQ_action": _word_of(ACTIONS),
    "EQ_bizStep": lambda value: rules.bare(value) or value,
    "EQ_disposition": lambda value: rules.bare(value) or value,
    "EQ_readPoint": _canonical,
    "EQ_bizLocation": _canonical,
}


def _objects(values: Iterable[str]) -> tuple[list[str], list[str]]:
    """Exact values and, for class patterns (`urn:epc:idpat:...*`), prefixes of the items and lots of the class."""
    exact: list[str] = []
    prefixes: list[str] = []
    for value in values:
        uri = _canonical(value)
        exact.append(uri)
        if value.startswith("urn:epc:idpat:"):
            # Of a GRAI, GDTI or SGCN the serial number follows the key without a slash.
            prefixes.append(uri if "/8003/" in uri or "/253/" in uri or "/255/" in uri else uri + "/")
    return exact, prefixes


def _aware(text: str) -> datetime:
    """Raises ValueError without an offset, and outside of what the databases hold."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return rules.instant(at.isoformat())


def _time(value: str) -> datetime:
    try:
        # A plus in a query string arrives as a space unless it was escaped.
        return _aware(value.replace(" ", "+") if "T" in value else value)
    except ValueError as error:
        raise _Wrong(
            f"“{value}”不是带时区的时间，例如 2026-09-01T08:00:00+08:00",
            f'"{value}" is not a time with an offset, such as 2026-09-01T08:00:00+08:00',
        ) from error


def _number(value: str, most: int) -> int:
    if not (value.isascii() and value.isdecimal()) or not 1 <= int(value[:12]) <= most:
        raise _Wrong(f"应为 1 至 {most} 的整数", f"Should be a whole number from 1 to {most}")
    return int(value)


def _per_page(query: Query, value: str) -> None:
    query.per_page = _number(value, MAX_PER_PAGE)


def _left(text: str) -> int | None:
    """What `eventCountLimit` leaves; nothing where there is none. Raises ValueError."""
    if text and int(text) < 1:
        raise ValueError(text)
    return int(text) if text else None


_PAGES = Keyset("events", _aware, _aware, str, _left)
"""Up to when it is asked, and after which event."""


def _token(query: Query, value: str) -> None:
    try:
        query.upto, at, record_id, left = _PAGES.after(value)
        query.after = at, record_id
        if left is not None:
            query.limit = left
    except Invalid as error:
        raise _Wrong(
            "nextPageToken 无效，请用 Link 头给出的地址", "Invalid nextPageToken; use the address of the Link header"
        ) from error


def _order_by(query: Query, value: str) -> None:
    query.order_by, query.descending = _word_of(tuple(_ORDERS))(value), True


def _direction(query: Query, value: str) -> None:
    query.descending = _word_of(("ASC", "DESC"))(value) == "DESC"


def _count_limit(query: Query, value: str) -> None:
    query.limit = _number(value, 10**9)


def _max_count(query: Query, value: str) -> None:
    query.max_count = _number(value, 10**9)


_PLAIN: dict[str, Callable[[Query, str], None]] = {
    "perPage": _per_page,
    "nextPageToken": _token,
    "orderBy": _order_by,
    "orderDirection": _direction,
    "eventCountLimit": _count_limit,
    "maxEventCount": _max_count,
}


def _together(given: dict[str, list[str]]) -> Iterable[FieldError]:
    if "eventCountLimit" in given and "maxEventCount" in given:
        yield FieldError(
            "?maxEventCount",
            "epcis.query_parameter",
            "maxEventCount 与 eventCountLimit 不能同时使用",
            "maxEventCount and eventCountLimit exclude each other",
        )
    for name in ("eventCountLimit", "orderDirection"):
        if name in given and "orderBy" not in given:
            yield FieldError(f"?{name}", "epcis.query_parameter", f"{name} 需要 orderBy", f"{name} needs orderBy")
