"""What the relay may step over: only rows that were sent, whatever transactions are still under way."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.bus.relay import Bound

LIMIT = 2


class Outbox:
    """Positions are taken in order, rows appear when their transaction ends."""

    def __init__(self) -> None:
        self.bound = Bound()
        self.number, self.position = 1, 0
        self.running: dict[int, list[int]] = {}
        self.visible: set[int] = set()
        self.sent: set[int] = set()

    def write(self, rows: int) -> None:
        self.running[self.number] = [self.position + n for n in range(1, rows + 1)]
        self.number, self.position = self.number + 1, self.position + rows

    def end(self, which: int) -> None:
        if self.running:
            number = sorted(self.running)[which % len(self.running)]
            self.visible.update(self.running.pop(number))

    def look(self) -> None:
        self.bound.look(min(self.running, default=self.number), self.number)

    def send(self) -> None:
        waiting = sorted(p for p in self.visible - self.sent if p > self.bound.position)[:LIMIT]
        self.sent.update(waiting)
        self.bound.sent(waiting, all_=len(waiting) < LIMIT)

    def step(self) -> None:
        self.look()
        self.send()

    def check(self) -> None:
        assert {p for p in self.visible if p <= self.bound.position} <= self.sent
        assert not [p for each in self.running.values() for p in each if p <= self.bound.position]


STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 3)),
    st.tuples(st.just("end"), st.integers(0, 5)),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("send"), st.none()),
    st.tuples(st.just("step"), st.none()),
)


@settings(max_examples=400)
@given(st.lists(STEPS, min_size=20, max_size=60))
def test_no_row_is_ever_below_it_unsent(steps: list[tuple[str, int | None]]) -> None:
    outbox = Outbox()
    for name, value in steps:
        getattr(outbox, name)(*(() if value is None else (value,)))
        outbox.check()


def test_it_follows_what_is_sent() -> None:
    outbox = Outbox()
    for _ in range(3):
        outbox.write(2)
        outbox.end(0)
        outbox.look()
        outbox.send()
        outbox.look()
        outbox.send()
    assert outbox.bound.position >= 4


def test_a_transaction_under_way_holds_it() -> None:
    outbox = Outbox()
    outbox.write(1)
    for _ in range(5):
        outbox.write(1)
        outbox.end(1)
        outbox.look()
        outbox.send()
    assert outbox.bound.position == 0
    outbox.end(0)
    for _ in range(3):
        outbox.look()
        outbox.send()
    assert outbox.sent == outbox.visible
    assert outbox.bound.position > 0
