"""The bus model, walked by Hypothesis and, for long, by chance."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import create_engine

from shared.db import metadata_of
from tests.contract.city import ConsumerTable, PublisherTable
from tests.faults.model import CONSUMER_POINTS, KEYS, RELAY_POINTS, BusModel


@pytest.fixture
def model(tmp_path: Path) -> type[BusModel]:
    for name, table in (("credit", PublisherTable), ("traceability", ConsumerTable)):
        engine = create_engine(f"sqlite:///{tmp_path / name}.db")
        metadata_of(table).create_all(engine)
        engine.dispose()
    BusModel.folder = tmp_path
    return BusModel


def test_the_promise_holds_whatever_happens_in_whatever_order(model: type[BusModel]) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        model,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )


STEPS: tuple[tuple[int, str, Callable[[random.Random], dict[str, Any]], tuple[str, ...]], ...] = (
    (
        5,
        "publish",
        lambda chance: {
            "of": chance.choices(KEYS, k=chance.randint(1, 4)),
            "poison": chance.randint(0, 12),
            "way": chance.randint(0, 2),
        },
        ("uow.before_commit", "uow.after_commit"),
    ),
    (1, "publish_for_a_case", lambda chance: {"key": chance.choice(KEYS)}, ()),
    (2, "relay", lambda chance: {}, RELAY_POINTS),
    (1, "relay_twice", lambda chance: {}, ()),
    (1, "a_late_send_arrives", lambda chance: {"which": chance.randint(0, 30)}, ()),
    (1, "one_is_sent_before_its_turn", lambda chance: {"key": chance.choice(KEYS)}, ()),
    (1, "rubbish_is_sent", lambda chance: {"key": chance.choice(KEYS)}, ()),
    (4, "consume", lambda chance: {"limit": chance.choice((1, 2, 3, 5, 500))}, CONSUMER_POINTS),
    (
        1,
        "consume_with_two_members",
        lambda chance: {"limit": chance.randint(1, 6), "other_first": chance.random() < 0.5},
        (),
    ),
    (1, "poison_is_cured_or_comes_back", lambda chance: {"cured": chance.random() < 0.4}, ()),
    (1, "retry", lambda chance: {"key": chance.choice(KEYS)}, ("retry.before_commit", "retry.after_commit")),
    (1, "skip", lambda chance: {"which": chance.randint(0, 2)}, ("skip.before_commit", "skip.after_commit")),
    (1, "rebuild", lambda chance: {}, ("replay.before_commit", "replay.after_commit")),
)
"""Weight, step, its arguments, where it may be cut off."""


@pytest.mark.parametrize("seed", range(4))
def test_the_promise_holds_on_long_walks(model: type[BusModel], seed: int) -> None:
    """Hypothesis likes short stories and shrinks them; these are long, and visit every step and crash evenly."""
    chance = random.Random(seed)
    for _walk in range(3):
        state = model()
        try:
            for _step in range(120):
                ((_weight, name, arguments, points),) = chance.choices(STEPS, [step[0] for step in STEPS])
                values = arguments(chance)
                if points:
                    values["at"] = chance.choice(points) if chance.random() < 0.3 else None
                getattr(state, name)(**values)
                state.the_promise_holds()
        finally:
            state.teardown()
