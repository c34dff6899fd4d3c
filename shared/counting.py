"""Counters that hold only what there is: a name without anything is no entry, however many names were seen."""

from collections import Counter


def less(counter: Counter[str], name: str, amount: int = 1) -> None:
    counter[name] -= amount
    if counter[name] <= 0:
        del counter[name]
