"""The schedule against small cases that are worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow.lib.plan.schedule import Task, makespan


def task(seconds: float, *after: int, cores: int = 1, gpus: int = 0) -> Task:
    return Task(seconds, frozenset(after), cores, gpus)


@pytest.mark.parametrize(
    ("tasks", "cores", "gpus", "expected"),
    [
        ([], 2, 0, 0),
        ([task(3), task(4)], 1, 0, 7),
        ([task(3), task(4)], 2, 0, 4),
        ([task(1), task(2, 0), task(3, 1)], 8, 0, 6),  # a chain
        ([task(2), task(3), task(1, 0, 1)], 2, 0, 4),  # what waits for two waits for the later one
        ([task(5), task(1), task(1), task(1)], 2, 0, 5),  # short ones beside a long one
        ([task(4, gpus=1), task(4, gpus=1), task(8)], 4, 1, 8),  # one card: one after the other
        ([task(4, gpus=1), task(4, gpus=1)], 4, 2, 4),
        ([task(2, cores=2), task(2)], 2, 0, 4),
        ([task(2, cores=8)], 2, 0, 2),  # Snakemake gives what there is
        ([task(2, gpus=1)], 1, 0, 2),
        ([task(0), task(0, 0)], 1, 0, 0),  # what is not counted
    ],
)
def test_cases_by_hand(tasks: list[Task], cores: int, gpus: int, expected: float) -> None:
    assert makespan(tasks, cores=cores, gpus=gpus) == expected


def test_a_circle_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"wait for each other: \[1, 2\]"):
        makespan([task(1), task(1, 2), task(1, 1)], cores=2)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.sets(st.integers(0, 9))), max_size=10),
    st.integers(1, 4),
)
def test_bounds_of_every_schedule(drawn: list[tuple[int, set[int]]], cores: int) -> None:
    """At least the longest chain and the work over the cores; at most their sum (Graham)."""
    tasks = [
        task(seconds, *[a for a in after if a < i]) for i, (seconds, after) in enumerate(drawn)
    ]
    ends: list[float] = []
    for one in tasks:
        ends.append(one.seconds + max((ends[a] for a in one.after), default=0))
    longest, work = max(ends, default=0), sum(one.seconds for one in tasks)
    found = makespan(tasks, cores=cores)
    assert max(longest, work / cores) <= found <= work / cores + longest
