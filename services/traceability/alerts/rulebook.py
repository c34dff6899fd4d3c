"""The alert rules as dated rows: what opens an alert, whether it holds, and on whose authority.

A row is never edited once a day has passed under it: it gets a `valid_until` and a successor. `to be verified` marks an
article that was not read in its published text.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from shared.i18n import Text

Trigger = Literal["test_failed", "party_black_listed"]


@dataclass(frozen=True)
class AlertRule:
    code: str
    trigger: Trigger
    holds: bool
    """Whether the lots that it touches may not be sold until the alert is closed."""
    title: Text
    source: Text
    article: str | None
    status: Literal["verified", "to be verified", "platform"]
    """`platform`: a rule of this platform, not of law."""
    valid_from: date
    valid_until: date | None = None
    kinds: frozenset[str] = field(default_factory=frozenset)
    """For `test_failed`: the kinds of test that it speaks of."""


RULES: tuple[AlertRule, ...] = (
    AlertRule(
        code="supervision_test_failed",
        trigger="test_failed",
        kinds=frozenset({"supervision"}),
        holds=True,
        title=Text("监督抽检不合格", "Supervision test failed"),
        source=Text(
            "食品安全抽样检验管理办法（国家市场监督管理总局令第15号）",
            "Measures for Food Safety Sampling Inspection (SAMR Order 15)",
        ),
        article="第四十条",
        status="to be verified",
        valid_from=date(2019, 10, 1),
    ),
    AlertRule(
        code="own_test_failed",
        trigger="test_failed",
        kinds=frozenset({"self", "entrusted"}),
        holds=True,
        title=Text("自检或委托检验不合格", "The producer's own test failed"),
        source=Text("中华人民共和国食品安全法", "Food Safety Law of the People's Republic of China"),
        article="第六十三条",
        status="to be verified",
        valid_from=date(2015, 10, 1),
    ),
    AlertRule(
        code="producer_black_listed",
        trigger="party_black_listed",
        holds=False,
        title=Text("生产者列入黑榜", "Producer black-listed"),
        source=Text("本平台的预警规则，不是法律规定", "A rule of this platform, not of law"),
        article=None,
        status="platform",
        valid_from=date(2018, 1, 1),
    ),
)
