"""An event of an earlier version that stands in the log is read as today's, live and in a replay."""

from dataclasses import replace

import orjson

from shared.bus.replay import replay
from tests.gateway import samples as s
from tests.gateway.test_enterprises import view_of
from tests.support.app import Harness

FREE_TEXT = "当事人张某在抽检中不合格"


async def test_a_v1_leaves_no_facts_in_any_view(gateway: Harness) -> None:
    """`violation.published` v1 carried the facts as they were written; v2 does not."""
    record = gateway.record(s.published())
    body = orjson.loads(record.value) | {"facts": FREE_TEXT}
    headers = record.headers | {"ce_type": "pinzhi.credit.violation.published.v1"}
    await gateway.bus.publish([replace(record, value=orjson.dumps(body), headers=headers)])
    await gateway.deliver(s.corrected(fine_fen=6_000_000))  # of the same key: the first was applied before it

    async def looked_at() -> None:
        (shown,) = (await view_of(gateway))["violations"]
        assert (shown["violation_id"], shown["fine_fen"]) == ("v-1", 6_000_000)
        stored = gateway.rows("SELECT violations FROM enterprise_view")
        assert "v-1" in str(stored)
        assert FREE_TEXT not in str(stored)

    await looked_at()
    await replay(gateway.platform)
    await looked_at()
