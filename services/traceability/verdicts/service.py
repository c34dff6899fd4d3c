"""Use cases of verdicts: recompute and publish lots; answer one code."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from services.traceability.masterdata.locks import lock
from services.traceability.recalls import repository as recalls
from services.traceability.verdicts import body, repository
from services.traceability.verdicts.facts import LotFacts
from shared import workers
from shared.clock import shanghai_date, start_of_day
from shared.db import UnitOfWork
from shared.errors import Malformed
from shared.i18n import Lang
from shared.identifiers import IdentifierError
from shared.identifiers.digital_link import Code, parse_any

if TYPE_CHECKING:
    from shared.platform import Platform


WORKER = "verdicts"
AT_ONCE = 500
"""Lots whose verdicts are rendered in the transaction that changed them; of more, all are marked in it, and a worker
renders them. An answer is right in both cases (`answer`)."""
SLICE = 100
"""Lots that are loaded and rendered together: about 30 ms of work between two turns of the event loop."""


async def refresh_lots(uow: UnitOfWork, lot_ids: Sequence[str]) -> None:
    """What is said of each lot follows what is known."""
    if len(lot_ids) > AT_ONCE:
        _forget_products(uow, {lot_id[:14] for lot_id in lot_ids})
        uow.once(_mark, *lot_ids)
        return
    await lock(uow.session, lot_ids)
    await render(uow, lot_ids)


async def refresh_recalls(uow: UnitOfWork, recall_ids: Sequence[str]) -> None:
    """The same for all lots of the recalls, each of which may be large."""
    for recall_id in recall_ids:
        lots = await recalls.lot_ids(uow.session, recall_id, limit=AT_ONCE + 1)
        if len(lots) > AT_ONCE:
            _forget_products(uow, await recalls.gtins(uow.session, recall_id))
            uow.once(_mark_members, recall_id)
        else:
            uow.touch("lot", *lots)


def _forget_products(uow: UnitOfWork, gtins: Iterable[str]) -> None:
    tags = [f"product:{gtin}" for gtin in gtins]
    uow.invalidate(*(tags if len(tags) <= _MOST_TAGS else ["*"]))


_MOST_TAGS = 1_000


# Just before the commit: whoever waits for the row of a lot that waits has all its other locks.
async def _mark(uow: UnitOfWork, lot_ids: Sequence[Any]) -> None:
    await repository.mark_stale(uow.session, lot_ids, uow.now)
    uow.after_commit(workers.wake(uow.wiring, WORKER).set)


async def _mark_members(uow: UnitOfWork, recall_ids: Sequence[Any]) -> None:
    for recall_id in recall_ids:
        await repository.mark_members_stale(uow.session, recall_id, uow.now)
    uow.after_commit(workers.wake(uow.wiring, WORKER).set)


async def render(uow: UnitOfWork, lot_ids: Iterable[str]) -> None:
    """Recompute the verdict of each lot in this transaction; what changed is stored, published once and dropped from
    the hot answers. Lots that nothing is known of are left out. The caller holds the lots' locks.
    """
    wanted = sorted(set(lot_ids))
    for start in range(0, len(wanted), SLICE):
        facts = await repository.load(uow.session, wanted[start : start + SLICE])
        stored = await repository.stored_states(uow.session, facts)
        made = _render(facts, stored) if len(facts) < _FEW else await asyncio.to_thread(_render, facts, stored)
        for rendered in made.values():
            if rendered.event is not None:
                uow.publish(rendered.event)
        uow.invalidate(*(tag for lot_id in made for tag in (f"lot:{lot_id}", f"product:{lot_id[:14]}")))
        await repository.store(uow.session, [_row(facts[key], one, uow.now) for key, one in made.items()])


_FEW = 5


def _render(facts: Mapping[str, LotFacts], stored: Mapping[str, tuple[str, str]]) -> dict[str, body.Rendered]:
    """What changed, in the order of the ids."""
    found: dict[str, body.Rendered] = {}
    for lot_id in sorted(facts):
        digest, state = stored.get(lot_id, ("", "unknown"))
        lot = facts[lot_id].lot
        if not digest and lot is not None and not lot.acknowledged and not facts[lot_id].recalls:
            continue  # only strangers speak of it: to the public there is no such lot
        rendered = body.render(facts[lot_id], announced=state != "unknown")
        if digest != rendered.digest:
            found[lot_id] = rendered
    return found


def _row(facts: LotFacts, rendered: body.Rendered, now: datetime) -> dict[str, Any]:
    return {
        "lot_id": facts.lot_id,
        "gtin": facts.gtin,
        "lot": facts.number,
        "state": rendered.state,
        "expires_on": rendered.expires_on,
        "producer_uscc": rendered.producer_uscc,
        "body_zh": rendered.body_zh,
        "body_en": rendered.body_en,
        "digest": rendered.digest,
        "changed_at": now,
    }


@dataclass(frozen=True)
class Answer:
    content: bytes
    tags: tuple[str, ...]
    fresh_until: datetime
    """The next midnight in the city: dates and listings are judged by the day."""


def read_code(text: str) -> Code:
    """The code in any of its forms. Raises Malformed with the place of the first wrong character."""
    try:
        return parse_any(text)
    except IdentifierError as error:
        raise Malformed(
            error.code, zh=error.zh, en=error.en, position=error.position, expected=error.expected
        ) from error


async def _now(platform: "Platform", lot_id: str, lang: Lang) -> body.Stored | None:
    """The answer of a lot that waits for the worker, rendered for this one question; None for one that does not."""
    async with platform.read() as session:
        if not await repository.is_stale(session, lot_id):
            return None
        facts = (await repository.load(session, [lot_id])).get(lot_id)
    if facts is None:
        return None
    made = body.render(facts)
    marks, as_of = await repository.marks(platform.db, made.producer_uscc)
    text = made.body_en if lang == "en" else made.body_zh
    return body.Stored(made.state, made.expires_on, made.producer_uscc, text, marks, as_of)


async def _stored(platform: "Platform", lot_id: str, lang: Lang) -> body.Stored | None:
    """What is to be said of a lot now; None of one that nobody knows."""
    while True:
        stored = await repository.stored(platform.db, lot_id, lang)
        if stored is not None and not stored.stale:
            return stored
        made = await _now(platform, lot_id, lang)
        if made is not None:
            return made
        # It does not wait: nobody knows it, or the worker was there between the two looks.
        stored = await repository.stored(platform.db, lot_id, lang)
        if stored is None or not stored.stale:
            return stored


async def answer(platform: "Platform", text: str, lang: Lang) -> Answer:
    """The verdict of one code: one indexed read, more only for a lot that no row stands for, or that waits."""
    code = read_code(text)
    today = shanghai_date(platform.clock.now())
    tags = [f"product:{code.gtin}"]
    content: bytes | None = None
    if code.lot_id is not None:
        tags.append(f"lot:{code.lot_id}")
        stored = await _stored(platform, code.lot_id, lang)
        if stored is not None:
            tags.append(f"party:{stored.producer_uscc}")
            content = body.answer(code, stored, today, lang)
    if content is None:
        async with platform.read() as session:
            product = await repository.product(session, code.gtin)
            recalled = [] if code.lot_id else await repository.recalled_lots(session, code.gtin)
        content = orjson.dumps(body.unknown(code, product, recalled, lang))
    midnight = start_of_day(today + timedelta(days=1))
    return Answer(content, tuple(tags), midnight)
