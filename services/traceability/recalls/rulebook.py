"""The legal clock of a recall as dated rows.

The hours, the working days, and that the latter run from the publication of the notice, were read in a county
authority's published rule (沂源县市场监督管理局《不安全食品召回管理制度》, 2023-10-09), not in the order itself: the
articles are therefore `to be verified`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.i18n import Text

Level = Literal[1, 2, 3]


@dataclass(frozen=True)
class RecallClock:
    code: str
    level: Level
    meaning: Text
    start_hours: int
    """From learning of the risk to the start of the recall."""
    finish_workdays: int
    """From the publication of the notice to the end of the recall."""
    source: Text
    start_article: str
    finish_article: str
    status: Literal["verified", "to be verified"]
    valid_from: date
    valid_until: date | None = None


_SOURCE = Text(
    "食品召回管理办法（2015年国家食品药品监督管理总局令第12号，2020年修订）",
    "Measures for Food Recall (CFDA Order 12 of 2015, revised 2020)",
)


def _clock(level: Level, zh: str, en: str, hours: int, workdays: int) -> RecallClock:
    return RecallClock(
        code=f"food_recall_2015.level_{level}",
        level=level,
        meaning=Text(zh, en),
        start_hours=hours,
        finish_workdays=workdays,
        source=_SOURCE,
        start_article="第十三条",
        finish_article="第十八条",
        status="to be verified",
        valid_from=date(2015, 9, 1),
    )


CLOCKS: tuple[RecallClock, ...] = (
    _clock(
        1,
        "食用后已经或者可能导致严重健康损害甚至死亡",
        "Eating it has caused or may cause serious harm to health or death",
        24,
        10,
    ),
    _clock(
        2, "食用后已经或者可能导致一般健康损害", "Eating it has caused or may cause moderate harm to health", 48, 20
    ),
    _clock(3, "标签、标识存在虚假标注", "The label or marking is false", 72, 30),
)
