"""How long jobs take together: list scheduling, as Snakemake starts what is ready and fits."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple


class Task(NamedTuple):
    """A job as the schedule sees it: how long it takes, what it holds, which others it waits for.

    `after` are positions in the list of tasks.
    """

    seconds: float
    after: frozenset[int] = frozenset()
    cores: int = 1
    gpus: int = 0


def makespan(tasks: Sequence[Task], *, cores: int, gpus: int = 0) -> float:
    """Seconds until all tasks are done, each started as soon as it is ready and fits.

    Tasks that ask for more than there is get what there is, as Snakemake does with threads.

    >>> makespan([Task(2), Task(3), Task(1, after=frozenset({0}))], cores=2)
    3.0

    Raises
    ------
    ValueError
        If tasks wait for each other in a circle.
    """
    waiting = {position: set(task.after) for position, task in enumerate(tasks)}
    running: list[tuple[float, int]] = []
    free_cores, free_gpus, now = cores, gpus, 0.0

    def held(position: int) -> tuple[int, int]:
        return min(tasks[position].cores, cores), min(tasks[position].gpus, gpus)

    while waiting or running:
        for position in [position for position, after in waiting.items() if not after]:
            n_cores, n_gpus = held(position)
            if n_cores <= free_cores and n_gpus <= free_gpus:
                del waiting[position]
                free_cores, free_gpus = free_cores - n_cores, free_gpus - n_gpus
                heapq.heappush(running, (now + tasks[position].seconds, position))
        if not running:
            message = f"tasks that wait for each other: {sorted(waiting)}"
            raise ValueError(message)
        now, done = heapq.heappop(running)
        n_cores, n_gpus = held(done)
        free_cores, free_gpus = free_cores + n_cores, free_gpus + n_gpus
        for after in waiting.values():
            after.discard(done)
    return float(now)
