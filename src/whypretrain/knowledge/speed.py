"""Rows of the summary about training: who comes to final interactions, and to a loss, earlier.

Over the fraction of training a longer schedule looks faster, over epochs a shorter one is at its
end first by construction: so every number stands for each axis of time. On a common axis a network
stays at its end once it is there.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from whypretrain.knowledge.cells import Cells, Row, cells, means, number, with_gaps
from whypretrain.knowledge.statistics import area, descent, quotient, saved
from whypretrain.knowledge.strengths import TRAINED

Array = NDArray[np.float64]
AXES = ("epoch", "step", "fraction")
JACCARD, AGREEMENT = ("jaccard", "measured"), ("agreement", "own")


class Course(NamedTuple):
    """A curve of each seed and sample: shape (n_snapshots, n_finetune, n_scratch, n_samples)."""

    times: dict[str, Array]
    curves: Array
    n_seeds: int
    spread: float


def course_rows(tables: Mapping[str, pd.DataFrame], confidence: float) -> Iterator[Row]:
    """Curves by snapshot, and their areas, descents and times to a loss.

    Parameters
    ----------
    tables : `jaccard`, `courses`, `losses`, `history`
    """
    jaccard, courses = tables["jaccard"], tables["courses"]
    spots = ["variant", "fraction", "epoch"]
    yield from means(jaccard, spots, "jaccard", confidence, quantity="jaccard")
    spots.insert(1, "order")
    for target, own in courses.groupby("target", sort=False):
        known = {"quantity": "agreement_course", "level": str(target)}
        yield from means(own, spots, "agreement", confidence, **known)
    steps = _steps_an_epoch(tables["history"])
    curves = {
        reference: {
            variant: _course(own[own["variant"] == variant], "jaccard", steps)
            for variant in TRAINED
        }
        for reference, own in jaccard.groupby("reference", sort=False)
    }
    for variant in TRAINED:
        areas = {
            str(name): with_gaps(area(own[variant].times["fraction"], own[variant].curves))
            for name, own in curves.items()
        }
        row = number(quotient, areas, confidence) | _counts(curves["measured"][variant])
        yield {"quantity": "jaccard_area", "variant": variant} | row
    both = {str(name): own for name, own in curves.items() if name in ("measured", "chance")}
    yield from _differences("", both, confidence)
    whole = courses[courses["order"] == "all"]
    for target, own in whole.groupby("target", sort=False):
        if target != "probe":
            course = {
                variant: _course(own[own["variant"] == variant], "agreement", steps)
                for variant in TRAINED
            }
            for row in _differences("_agreement", {"measured": course}, confidence):
                yield row | {"level": target}
    yield from _saved(tables["losses"], steps, confidence)


def _steps_an_epoch(history: pd.DataFrame) -> dict[str, float]:
    tested = history.dropna(subset="epoch").sort_values("epoch")
    last = tested.groupby("variant").tail(1).set_index("variant")
    return {variant: last["step"][variant] / last["epoch"][variant] for variant in TRAINED}


def _course(own: pd.DataFrame, column: str, steps: Mapping[str, float]) -> Course:
    """The curves of a variant; scratch's seeds go along the second axis of seeds."""
    variant = own["variant"].iloc[0]
    found: Cells = cells(own, ["fraction", "epoch"], column)
    epochs = found.keys["epoch"].to_numpy()
    times = {"fraction": found.keys["fraction"].to_numpy(), "epoch": epochs}
    times["step"] = epochs * steps[variant]
    values = found.array.swapaxes(1, 2) if variant == "scratch" else found.array
    return Course(times, values, found.n_seeds, found.spread)


def _counts(*courses: Course) -> Row:
    return {
        "n": courses[0].curves.shape[-1],
        "n_seeds": min(course.n_seeds for course in courses),
    }


def _differences(
    name: str, courses: Mapping[str, Mapping[str, Course]], confidence: float
) -> Iterator[Row]:
    """How much earlier, on each axis, and how much more steadily fine-tuning comes to its end."""
    counts = _counts(*courses["measured"].values())
    spreads = [courses["measured"]["finetune"].spread] * 2

    def row(of: Mapping[str, Array]) -> Row:
        arrays = {reference: with_gaps(own) for reference, own in of.items()}
        return number(quotient, arrays, confidence, spreads=spreads) | counts

    for axis in AXES:
        gains = {}
        for reference, own in courses.items():
            end = max(course.times[axis][-1] for course in own.values())
            areas = [_area_until(end, own[variant], axis) for variant in TRAINED]
            gains[reference] = areas[0] - areas[1]
        yield {"quantity": f"earlier{name}", "reading": axis} | row(gains)
    # With two snapshots a curve from start to end has nowhere to go down.
    if len(courses["measured"]["finetune"].curves) > 2:
        falls = {
            reference: descent(own["scratch"].curves) - descent(own["finetune"].curves)
            for reference, own in courses.items()
        }
        yield {"quantity": f"steadier{name}"} | row(falls)


def _area_until(end: float, course: Course, axis: str) -> Array:
    times, values = course.times[axis], course.curves
    if times[-1] < end:
        times, values = np.append(times, end), np.append(values, values[-1:], axis=0)
    return area(times, values)


def _saved(losses: pd.DataFrame, steps: Mapping[str, float], confidence: float) -> Iterator[Row]:
    courses = [_course(losses[losses["variant"] == one], "loss", steps) for one in TRAINED]
    for axis in ("epoch", "step"):
        statistic = saved(*(course.times[axis] for course in courses))
        each = [loss for course in courses for loss in course.curves]
        row = number(statistic, {"measured": each}, confidence, step=1.0)
        yield {"quantity": "epochs", "reading": axis} | row | _counts(*courses)
