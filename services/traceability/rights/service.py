"""Judging what events say of objects: of new events before they are stored, of stored ones when what decides changes.

The verdict on a word is a column (`event_epc.confirmed`, and of the edges), since every reader of the graph asks it;
it is computed in the transaction that changes what decides it, under locks on the GTINs, GLNs and nodes concerned, so
that two writers never each overlook the other.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from services.traceability.graph.rules import CONTENTS, is_middle
from services.traceability.masterdata.models import Product
from services.traceability.masterdata.repository import by_key, give_lots
from services.traceability.rights import nodes as nodes_to_judge
from services.traceability.rights import repository, rules
from services.traceability.rights.models import GtinClaim
from services.traceability.rights.rules import Row
from services.traceability.rights.title import Title
from services.traceability.rights.titles import claimed, claimed_by, drop_claims
from services.traceability.rights.titles import titles as titles_of
from shared.clock import shanghai_date
from shared.db import AsyncSession, UnitOfWork
from shared.db.locks import hold
from shared.db.sql import insert_rows
from shared.reference import areas
from shared.turns import aside


async def hold_titles(session: AsyncSession, gtins: Iterable[str], glns: Iterable[str]) -> None:
    """What a capture reads of the register stays as it is until its end."""
    await hold(session, "title", [*gtins, *glns], shared=True)


async def hold_title(session: AsyncSession, *names: str) -> None:
    """For who changes whose a GTIN or GLN is."""
    await hold(session, "title", names)


@dataclass(slots=True)
class New:
    """One object of an event that is about to be stored: `values` has the columns of `rights.repository.rows_of`."""

    values: dict[str, Any]
    node_kind: rules.Kind
    gtin: str | None

    @property
    def sends(self) -> bool:
        return self.values["biz_step"] in rules.SENT and self.values["destination_party"] is not None


def _new(values: Sequence[dict[str, Any]]) -> tuple[list[New], set[str]]:
    """The objects and their GTINs."""
    new = [New(each, *rules.kind_of(each["node"])) for each in values]
    return new, {each.gtin for each in new if each.gtin}


class Moved(NamedTuple):
    """Nodes that new events move: objects, what is sent, what is packed now; `named`: all of theirs, where any moves.
    `packed`: what, into what, when, by which record."""

    objects: set[str]
    sent: set[str]
    inside: set[str]
    named: set[str]
    packed: list[tuple[str, str, datetime, str]]


async def judge_new(uow: UnitOfWork, values: Sequence[dict[str, Any]]) -> list[Row]:
    """Set `confirmed` and `asks` of each of the new objects. Returns stored words on which the new events decide
    otherwise than before, not written yet."""
    new, gtins = await aside(len(values), _new, values)
    titles: Mapping[str, Title] = await titles_of(uow.session, gtins)
    titles, claimed = await _claim(uow.session, new, titles)
    whole = await nodes_to_judge.of_gtins(uow.session, claimed)  # whose they are has changed
    asked = whole | await aside(len(new), _judge_plainly, new, titles)
    moved = await aside(len(new), _moved, new)
    if not (asked or moved.objects or moved.sent):
        return []
    named, packed = asked | moved.named, moved.packed
    up = await repository.above(uow.session, asked)
    around = {container for each in up.values() for container, _, _ in each}
    await hold(uow.session, "node", named | around)
    # What is packed now is not below its container yet, and goes where the container went before.
    below = await repository.below(uow.session, moved.objects | moved.inside)
    others = await repository.open_nodes(uow.session, moved.sent | moved.inside | below)
    wanted = asked | moved.objects | others
    picture = await repository.picture(uow.session, wanted, "open", pending=values, packed=packed, whole=whole)
    return await _judge(picture, wanted, new)


async def _judge(picture: rules.Picture, wanted: Iterable[str], new: Iterable[New] = ()) -> list[Row]:
    """As `_judge_by`, aside from the loop; the picture is asked nothing more."""
    said = sum(map(len, picture.rows.values()))
    changed = await aside(said, _judge_by, picture, wanted, new)
    await aside(said, picture.let_go)
    return changed


def _judge_by(picture: rules.Picture, wanted: Iterable[str], new: Iterable[New]) -> list[Row]:
    """Set what the picture says of the new objects. Returns the stored words of which it says otherwise than before."""
    places = {(each.values["record_id"], each.values["position"]): each.values for each in new}
    changed: list[Row] = []
    for node in wanted:
        for row in picture.rows.get(node, ()):
            judged = picture.judge(row)
            if (mine := places.get((row.record_id, row.position))) is not None:
                mine |= {"confirmed": judged.counts, "asks": judged.asks, "late": judged.late}
            elif (again := _judged(row, judged)) != row:
                changed.append(again)
    return changed


def _judge_plainly(new: Iterable[New], titles: Mapping[str, Title]) -> set[str]:
    """The nodes whose words need the picture."""
    asked = set()
    for each in new:
        title = titles.get(each.gtin) if each.gtin else None
        each.values |= {"confirmed": _plain(each, title), "asks": None, "late": False}
        if not each.values["confirmed"]:
            asked.add(each.values["node"])
    return asked


def _plain(new: New, title: Title | None) -> bool:
    """What needs no picture: the word of the owner, of a maker, of a department in its area, on a lot or item."""
    values = new.values
    if new.node_kind == "class":
        return bool(values["field"] != "parent")
    if new.node_kind == "object" or (values["field"] == "parent" and new.node_kind == "lot"):
        return False
    if values["owner_uscc"] is None:
        area = title.area_code if title else None
        return area is None or areas.is_within(area, values["captured_area"] or "")
    if title is None or title.claim is not None:  # what the claimant made is the claimant's
        return False
    return title.makes(values["owner_uscc"], shanghai_date(values["event_time"]))


def _moved(new: Sequence[New]) -> Moved:
    objects = {each.values["node"] for each in new if each.node_kind == "object"}
    sent = {each.values["node"] for each in new if each.sends}
    named = {each.values["node"] for each in new} if objects or sent else set()
    packed = _packings(new)
    return Moved(objects, sent, {content for content, _, _, _ in packed}, named, packed)


def _packings(new: Iterable[New]) -> list[tuple[str, str, datetime, str]]:
    parents = {
        each.values["record_id"]: each.values["node"]
        for each in new
        if each.values["field"] == "parent" and each.values["action"] in ("ADD", "OBSERVE")
    }
    return [
        (each.values["node"], parents[each.values["record_id"]], each.values["event_time"], each.values["record_id"])
        for each in new
        if each.values["field"] in CONTENTS and each.values["record_id"] in parents
    ]


def _judged(row: Row, judged: rules.Judged) -> Row:
    return replace(row, confirmed=judged.counts, asks=judged.asks, late=judged.late)


async def _claim(
    session: AsyncSession, new: Sequence[New], titles: Mapping[str, Title]
) -> tuple[Mapping[str, Title], Collection[str]]:
    """A GTIN that nobody registered is claimed by the first enterprise that makes something of it. The titles with
    these, and the GTINs that were claimed."""
    claims = await aside(len(new), _claims, new, titles)
    if not claims:
        return titles, ()
    await insert_rows(session, GtinClaim, [claims[gtin] for gtin in sorted(claims)], ignore=True)
    return {**titles, **await titles_of(session, claims)}, claims


def _claims(new: Iterable[New], titles: Mapping[str, Title]) -> dict[str, dict[str, str]]:
    """GTIN -> the row of its claim."""
    claims: dict[str, dict[str, str]] = {}
    for each in new:
        values = each.values
        if each.gtin is None or each.gtin in titles or each.node_kind == "class" or values["owner_uscc"] is None:
            continue
        if rules.creates(values["event_type"], values["action"], values["field"]):
            claim = {"gtin": each.gtin, "uscc": values["owner_uscc"], "record_id": values["record_id"]}
            claims.setdefault(each.gtin, claim)
    return claims


async def release_claims(session: AsyncSession, record_ids: Collection[str]) -> set[str]:
    """The events are in error: what they claimed goes to who made something next. Returns the GTINs."""
    gtins = await claimed_by(session, record_ids)
    await drop_claims(session, gtins)
    await claim_stored(session, gtins)
    return gtins


async def claim_stored(session: AsyncSession, gtins: Collection[str]) -> None:
    """Each GTIN is claimed by the first stored event of an enterprise that makes something of it."""
    first: dict[str, Any] = {}
    for row in await repository.rows_of(session, await nodes_to_judge.of_gtins(session, gtins), "all"):
        gtin = rules.kind_of(row.node)[1]
        if gtin and row.owner_uscc is not None and rules.creates(row.event_type, row.action, row.field):
            first[gtin] = min(row, first.get(gtin, row), key=lambda each: each.record_id)
    claims = [{"gtin": gtin, "uscc": row.owner_uscc, "record_id": row.record_id} for gtin, row in sorted(first.items())]
    await insert_rows(session, GtinClaim, claims, ignore=True)


async def rejudge(session: AsyncSession, nodes: Collection[str]) -> list[Row]:
    """Judge every word on the nodes and on what was inside of them anew, and store what changed. Returns that."""
    named = await aside(len(nodes), lambda: {node for node in nodes if not is_middle(node)})
    wanted = named | await repository.below(session, named)
    await hold(session, "node", wanted)
    picture = await repository.picture(session, wanted, "all")
    changed = await _judge(picture, wanted)
    await repository.write(session, changed)
    await own_lots(session, nodes)
    return changed


def is_own(uscc: str, title: Title | None) -> bool:
    """Whether the enterprise is owner or maker of the GTIN, and nobody beside it: it reads every lot and item of it."""
    return title is not None and uscc in title.parties and title.claim is None


async def opened(session: AsyncSession, uscc: str, nodes: Iterable[str], asked: Mapping[str, Title | None]) -> set[str]:
    """Those of the nodes of which an enterprise may read what others say, as what was said of each decides. `asked`:
    the titles that are known, or that there is none."""
    wanted = {node for node in nodes if not is_middle(node)}
    picture = await repository.picture(session, wanted, "deciding", asked=asked)
    return await asyncio.to_thread(lambda: {node for node in wanted if picture.reads(node, uscc)})


async def lot_titles(session: AsyncSession, lot_ids: Iterable[str]) -> dict[str, str]:
    """Lot -> USCC of whose it is, where a claim comes before the registration: the one answer to whose lot it is, for
    `Lot.owner_uscc` and for lots that have no row."""
    wanted = set(lot_ids)
    gtins = await claimed(session, {each[:14] for each in wanted})
    rivals = {gtin for gtin, title in (await titles_of(session, gtins)).items() if title.claim}
    contested = {each for each in wanted if each[:14] in rivals}
    if not contested:
        return {}
    seen = await repository.picture(session, contested, "deciding")
    return {each: title.owner for each in contested if (title := seen.title(each)) is not None}


async def own_lots(session: AsyncSession, nodes: Collection[str]) -> None:
    """Those of the nodes that are lots belong to whose they are now."""
    lots = await aside(len(nodes), lambda: {node for node in nodes if rules.kind_of(node)[0] == "lot"})
    if not await claimed(session, {each[:14] for each in lots}):
        return
    titles, products = await lot_titles(session, lots), await by_key(session, Product, {each[:14] for each in lots})
    owners = {each: titles.get(each, products[each[:14]].owner_uscc) for each in lots if each[:14] in products}
    await give_lots(session, owners)
