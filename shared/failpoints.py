"""Named points at which a test may stop a process, on only when the setting `failpoints` names them.

`hit(name)` costs one dictionary look-up when nothing is armed. Actions: `kill` (SIGKILL to the own process),
`kill@N` (at the N-th hit), `raise` (an OSError).
"""

import os
import signal
from collections import Counter

_armed: dict[str, str] = {}
_hits: Counter[str] = Counter()

NAMES = (
    "uow.before_commit",
    "uow.after_commit",
    "relay.before_send",
    "relay.after_send",
    "relay.before_mark",
    "relay.after_mark",
    "log.before_commit",
    "log.after_commit",
    "consumer.before_lock",
    "consumer.before_commit",
    "consumer.after_commit",
    "consumer.before_offset_commit",
    "consumer.after_offset_commit",
    "consumer.before_park",
    "consumer.after_park",
    "retry.before_commit",
    "retry.after_commit",
    "skip.before_commit",
    "skip.after_commit",
    "replay.before_commit",
    "replay.after_commit",
    "backup.held",
    "backup.pinned",
    "backup.table",
    "backup.partition",
    "backup.before_manifest",
    "backup.before_rename",
    "restore.records",
    "restore.before_swap",
    "restore.in_swap",
    "restore.before_end",
    "verdicts.before_commit",
    "verdicts.after_commit",
    "recalls.before_commit",
    "recalls.after_commit",
    "capture.before_commit",
)


def arm(setting: str) -> None:
    """Read `name=action,name=action`; an unknown name is an error, so that a test cannot arm nothing."""
    _armed.clear()
    _hits.clear()
    for pair in filter(None, (part.strip() for part in setting.split(","))):
        name, _, action = pair.partition("=")
        if name not in NAMES:
            raise ValueError(f"unknown failpoint {name!r}; known: {', '.join(NAMES)}")
        _armed[name] = action or "kill"


def hit(name: str) -> None:
    action = _armed.get(name)
    if action is None:
        return
    _hits[name] += 1
    verb, _, number = action.partition("@")
    if number and _hits[name] != int(number):
        return
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(f"failpoint {name}")
