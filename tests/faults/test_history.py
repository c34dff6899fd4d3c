"""The judge sees each kind of fault in histories that were made up to have it, and none in those that have none."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.history import Answer, Effect, Verdict, Write, judge
from tests.support.sources import ROOT


def write(content: str, asked: float, told: float | None = None, answer: Answer = "acknowledged") -> Write:
    """`a1` is a write of the key `a`."""
    return Write(content[0], content, asked, asked + 0.5 if told is None else told, answer)


def effects(*contents: str) -> list[Effect]:
    return [(content[0], content) for content in contents]


WRITES = [write("a1", 1), write("b1", 1), write("a2", 2), write("a3", 3, answer="refused"), write("b2", 2)]


def counts(verdict: Verdict) -> dict[str, int]:
    found = {
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "inverted": len(verdict.inverted),
        "ghosts": len(verdict.ghosts),
    }
    assert verdict.clean == (not any(found.values()))
    return {kind: number for kind, number in found.items() if number}


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        (effects("a1", "a2", "b1", "b2"), {}),
        (effects("b1", "a1", "b2", "a2"), {}),
        (effects("a1", "b1", "b2"), {"lost": 1}),
        ([], {"lost": 4}),
        (effects("a1", "a2", "a2", "b1", "b2"), {"doubled": 1}),
        (effects("a1", "a2", "a1", "a1", "b1", "b2"), {"doubled": 2}),
        (effects("a2", "a1", "b1", "b2"), {"inverted": 1}),
        (effects("a1", "a2", "b2", "b1"), {"inverted": 1}),
        (effects("a1", "a2", "b1", "b2", "c1"), {"ghosts": 1}),
        (effects("a1", "a2", "a3", "b1", "b2"), {"ghosts": 1}),
        ([*effects("a1", "a2", "b1"), ("a", "b2")], {"ghosts": 1, "lost": 1}),
        (effects("a2", "a2", "b1", "x9"), {"lost": 2, "doubled": 1, "ghosts": 1}),
    ],
)
def test_each_kind_of_fault_is_seen(applied: list[Effect], expected: dict[str, int]) -> None:
    assert counts(judge(WRITES, {"one": applied})) == expected


def test_an_unknown_write_may_take_effect_late_once_or_never() -> None:
    history = [write("a1", 1, answer="unknown"), write("a2", 2), write("a3", 3, answer="unknown")]
    for applied in (effects("a2"), effects("a1", "a2"), effects("a2", "a1"), effects("a2", "a3", "a1")):
        assert counts(judge(history, {"one": applied})) == {}
    assert counts(judge(history, {"one": effects("a3", "a2")})) == {"inverted": 1}
    assert counts(judge(history, {"one": effects("a1", "a2", "a1")})) == {"doubled": 1}


def test_writes_beside_each_other_may_come_in_any_order_but_in_one() -> None:
    history = [write("a1", 1, 5), write("a2", 2, 6)]
    assert counts(judge(history, {"one": effects("a2", "a1"), "two": effects("a2", "a1")})) == {}
    assert counts(judge(history, {"one": effects("a2", "a1"), "two": effects("a1", "a2")})) == {"inverted": 1}


def test_an_order_is_judged_over_more_than_neighbours() -> None:
    history = [write("a1", 1), write("a2", 2, 9, "unknown"), write("a3", 3)]
    assert counts(judge(history, {"one": effects("a3", "a2", "a1")})) == {"inverted": 1}


def test_consumers_are_judged_one_by_one() -> None:
    verdict = judge(WRITES, {"one": effects("a1", "a2", "b1", "b2"), "two": effects("a1", "b1", "b2")})
    assert [(finding.consumer, finding.content) for finding in verdict.lost] == [("two", "a2")]
    assert "1 lost, 0 doubled, 0 out of order, 0 ghosts" in str(verdict)
    assert "two: a 'a2'" in str(verdict)


def test_a_history_in_which_nothing_could_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match="two writes"):
        judge([write("a1", 1), write("a1", 2)], {})


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=12), st.data())
def test_any_single_spoiling_of_a_good_history_is_seen(keys: list[str], data: st.DataObject) -> None:
    history = [write(f"{key}{number}", float(number)) for number, key in enumerate(keys)]
    good = [(each.key, each.content) for each in history]
    assert judge(history, {"one": good}).clean
    at = data.draw(st.integers(0, len(good) - 1))
    assert counts(judge(history, {"one": good[:at] + good[at + 1 :]})) == {"lost": 1}
    assert counts(judge(history, {"one": [*good, good[at]]})) == {"doubled": 1}
    assert counts(judge(history, {"one": [*good, ("a", "made up")]})) == {"ghosts": 1}
    behind = [place for place in range(at + 1, len(good)) if good[place][0] == good[at][0]]
    if behind:
        moved = [*good[:at], *good[at + 1 : behind[-1] + 1], good[at], *good[behind[-1] + 1 :]]
        assert counts(judge(history, {"one": moved})) == {"inverted": 1}


def test_the_judge_knows_nothing_of_the_product() -> None:
    code = (
        "import sys, chaos.history\n"
        "print(*(m for m in sys.modules if m.split('.')[0] in ('shared', 'services', 'deploy', 'tests')))"
    )
    seen = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == ""
