"""Use cases of verdicts: recompute and publish lots; answer one code."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from services.traceability.verdicts import body, repository
from shared.clock import shanghai_date, start_of_day
from shared.db import UnitOfWork
from shared.errors import Malformed
from shared.i18n import Lang
from shared.identifiers import IdentifierError
from shared.identifiers.digital_link import Code, parse_any

if TYPE_CHECKING:
    from shared.platform import Platform


async def publish_lots(uow: UnitOfWork, lot_ids: Iterable[str]) -> list[str]:
    """Recompute the verdict of each lot in this transaction; what changed is stored, published once and dropped from
    the hot answers. Returns the lots that changed. Lots that nothing is known of are left out.
    """
    wanted = sorted(set(lot_ids))
    if not wanted:
        return []
    await uow.session.flush()
    await repository.lock(uow.session, wanted)
    facts = await repository.load(uow.session, wanted)
    stored = await repository.stored_states(uow.session, facts)
    rows: list[dict[str, Any]] = []
    for lot_id in sorted(facts):
        digest, state = stored.get(lot_id, ("", "unknown"))
        lot = facts[lot_id].lot
        if not digest and lot is not None and not lot.acknowledged and not facts[lot_id].recalls:
            continue  # only strangers speak of it: to the public there is no such lot
        rendered = body.render(facts[lot_id], announced=state != "unknown")
        if digest == rendered.digest:
            continue
        rows.append(
            {
                "lot_id": lot_id,
                "gtin": facts[lot_id].gtin,
                "lot": facts[lot_id].number,
                "state": rendered.state,
                "expires_on": rendered.expires_on,
                "producer_uscc": rendered.producer_uscc,
                "body_zh": rendered.body_zh,
                "body_en": rendered.body_en,
                "digest": rendered.digest,
                "changed_at": uow.now,
            }
        )
        if rendered.event is not None:
            uow.publish(rendered.event)
        uow.invalidate(f"lot:{lot_id}", f"product:{facts[lot_id].gtin}")
    await repository.store(uow.session, rows)
    return [row["lot_id"] for row in rows]


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


async def answer(platform: "Platform", text: str, lang: Lang) -> Answer:
    """The verdict of one code: one indexed read, and a second only for a code that no row stands for."""
    code = read_code(text)
    today = shanghai_date(platform.clock.now())
    tags = [f"product:{code.gtin}"]
    content: bytes | None = None
    if code.lot_id is not None:
        tags.append(f"lot:{code.lot_id}")
        stored = await repository.stored(platform.db, code.lot_id, lang)
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
