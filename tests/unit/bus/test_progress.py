"""Up to when everything is applied, also under load that never lets a look find nothing waiting."""

from datetime import UTC, datetime, timedelta

from shared.bus.progress import Places, Progress, waiting

START = datetime(2026, 11, 24, tzinfo=UTC)


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def places(*pairs: tuple[int, int], topic: str = "t") -> Places:
    return {(topic, number): pair for number, pair in enumerate(pairs)}


def test_waiting_is_counted_for_each_topic() -> None:
    assert waiting(places((3, 5), (0, 0)) | places((7, 7), topic="u")) == {"t": 2, "u": 0}


def test_nothing_waiting_means_whole_now() -> None:
    standing = Progress().look(at(0), places((5, 5)))["t"]
    assert (standing.waiting, standing.whole_at) == (0, at(0))


def test_under_steady_load_it_is_whole_up_to_the_look_before() -> None:
    progress = Progress()
    assert progress.look(at(0), places((4, 5)))["t"].whole_at is None
    for second in range(1, 10):
        standing = progress.look(at(second), places((4 + second, 5 + second)))["t"]
        assert (standing.waiting, standing.whole_at) == (1, at(second - 1))


def test_what_stands_still_stays_as_old_as_it_is() -> None:
    progress = Progress()
    progress.look(at(0), places((5, 5)))
    for second in range(1, 10):
        assert progress.look(at(second), places((5, 5 + second)))["t"].whole_at == at(0)
    assert progress.look(at(10), places((6, 16)))["t"].whole_at == at(1), "the first look that saw more is reached"
    assert progress.look(at(11), places((16, 17)))["t"].whole_at == at(10)


def test_each_partition_must_reach_its_own_end() -> None:
    progress = Progress()
    progress.look(at(0), places((0, 1), (0, 1)))
    assert progress.look(at(1), places((9, 9), (0, 1)))["t"].whole_at is None
    assert progress.look(at(2), places((9, 10), (1, 1)))["t"].whole_at == at(0)


def test_a_partition_that_went_to_another_member_holds_nobody_up() -> None:
    progress = Progress()
    progress.look(at(0), places((0, 1), (0, 1)))
    standing = progress.look(at(1), {("t", 0): (1, 2)})["t"]
    assert standing.whole_at == at(0)
