"""The strongest interactions drawn on the sample: regions of an image, or marked words.

A column a model, a row a rank. A set's own pixels stay as they are and are outlined, all others are
pale; its words are boxed. Outlines are drawn as curves, and PDF and SVG keep them sharp.
"""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whypretrain.interactions.mobius import members
from whypretrain.report import style

if TYPE_CHECKING:
    from whypretrain.report.explanation import Explanation

PALE = 0.75
"""How far pixels outside a set are faded to white."""
COLUMN, HEAD, TITLE, GAP = 1.7, 0.125, 0.27, 0.06
"""Inches: widest column, a line of its head, title of a set, space between sets."""
WORD, LINE, HEAD_CHARACTER = 0.062, 0.17, 0.058  # inches: of a word, its line, of a head


def draw(
    models: Mapping[str, "Explanation"],
    *,
    count: int = 4,
    width: float = 7.0,
) -> Figure:
    """The `count` strongest sets of each model, side by side, strongest first.

    Parameters
    ----------
    models : by the name at the head of a column; all of one sample. Of AND-OR interactions each
        set says which it is.
    count : how many sets of each model; fewer where there are fewer
    width : of the figure, in inches; columns are no wider than :data:`COLUMN` for images

    Raises
    ------
    ValueError
        If neither the image nor the words of the sample are known.
    """
    first = next(iter(models.values()))
    if first.image is None and not first.words:
        message = "an overlay needs the sample's image or words, which this explanation lacks"
        raise ValueError(message)
    column = width / len(models) if first.words else min(COLUMN, width / len(models))
    fitting = int((column - 2 * GAP) / WORD)
    fitting_head = int((column - 2 * GAP) / HEAD_CHARACTER)
    lines = _broken(first.words, fitting) if first.words else []
    if first.image is None:
        height = LINE * (lines[-1][1] + 1)
    else:
        rows, columns = first.players.shape
        height = (column - 2 * GAP) * rows / columns
    n_rows = min(count, len(first.interactions) - 1)
    heads = []
    for name, found in models.items():
        true, says = map(found.class_name, (found.label, found.prediction))
        told = (name, f"true {true}, predicts {says}", found.remark)
        lines_of_head = [line for words in told for line in wrap(words, fitting_head)]
        heads.append([*lines_of_head, f"v(N) = {_signed(found.outputs[-1])}"])
    head = HEAD * max(map(len, heads)) + 0.08
    size = column * len(models), head + n_rows * (TITLE + height) + GAP
    figure = Figure(figsize=size)
    figure.set_layout_engine("none")  # places are in inches here
    for place, found in enumerate(models.values()):
        left, inner = (place * column + GAP) / size[0], (column - 2 * GAP) / size[0]
        figure.text(
            left + inner / 2,
            1 - 0.04 / size[1],
            "\n".join(heads[place]),
            ha="center",
            va="top",
            fontsize=style.SMALLEST + 0.5,
        )
        strongest = found.strongest(n_rows)
        kinds = strongest.get("kind", pd.Series("", index=strongest.index))
        for row, (coalition, order, kind, strength) in enumerate(
            zip(strongest.index, strongest["order"], kinds, strongest["interaction"], strict=True)
        ):
            bottom = size[1] - head - (row + 1) * (TITLE + height)
            axes = figure.add_axes((left, bottom / size[1], inner, height / size[1]))
            axes.set_axis_off()
            inside = members(coalition)
            if found.image is not None:
                _regions(axes, found.image, np.isin(found.players, inside))
            else:
                _words(axes, found, lines, inside, (column - 2 * GAP, height))
            # Of one player AND and OR are the same.
            name = kind.upper() if kind and order > 1 else "I(S) ="
            heading = f"{name} {_signed(strength)}, order {order}"
            axes.set_title(heading, fontsize=style.SMALLEST + 0.5, pad=3)
    return figure


def outlines(region: NDArray[np.bool_]) -> list[list[tuple[float, float]]]:
    """Edges between a region and its outside, as lines between corners of pixels, (x, y).

    >>> len(outlines(np.array([[True, True]])))
    6
    """
    padded = np.pad(region, 1).astype(np.int8)
    found: list[list[tuple[float, float]]] = []
    for y, x in np.argwhere(np.diff(padded, axis=0)[:, 1:-1]).tolist():
        found.append([(x - 0.5, y - 0.5), (x + 0.5, y - 0.5)])
    for y, x in np.argwhere(np.diff(padded, axis=1)[1:-1]).tolist():
        found.append([(x - 0.5, y - 0.5), (x - 0.5, y + 0.5)])
    return found


def _regions(axes: Axes, image: NDArray[Any], inside: NDArray[np.bool_]) -> None:
    """Pixels of the set as they are, the others pale; its outline, seen on any ground."""
    shown = np.asarray(image, dtype=np.float64).transpose(1, 2, 0)
    if np.issubdtype(image.dtype, np.integer):
        shown = shown / 255
    shown = np.broadcast_to(np.clip(shown, 0, 1), (*shown.shape[:2], 3))
    axes.imshow(np.where(inside[..., None], shown, 1 - (1 - PALE) * (1 - shown)), aspect="auto")
    edges = outlines(inside)
    for colour, thickness in (("white", 2.4), ("black", 1.0)):
        look: dict[str, Any] = {"colors": colour, "linewidths": thickness, "capstyle": "round"}
        axes.add_collection(LineCollection(edges, clip_on=False, **look))


def _words(
    axes: Axes,
    found: "Explanation",
    lines: list[tuple[float, int]],
    inside: tuple[int, ...],
    size: tuple[float, float],
) -> None:
    """Words of the set in boxes, the others grey."""
    axes.set(xlim=(0, size[0]), ylim=(size[1], 0))
    for word, player, (x, line) in zip(found.words, found.word_players, lines, strict=True):
        look: dict[str, Any] = {"color": "0.5"}
        if player in inside:
            box = {"boxstyle": "square,pad=0.15", "facecolor": "0.85", "linewidth": 0.6}
            look = {"fontweight": "bold", "bbox": box}
        y = LINE * (line + 0.5)
        axes.text(x, y, word, va="center", fontsize=style.SMALLEST, **look)


def _broken(words: Sequence[str], fitting: int) -> list[tuple[float, int]]:
    """Place of each word, in inches from the left, and its line, of `fitting` characters each."""
    found: list[tuple[float, int]] = []
    at = line = 0
    for word in words:
        if at and at + len(word) > fitting:
            at, line = 0, line + 1
        found.append((WORD * at + 0.02, line))
        at += len(word) + 1
    return found


def _signed(number: float) -> str:
    return f"{number:+.2f}".replace("-", "−")
