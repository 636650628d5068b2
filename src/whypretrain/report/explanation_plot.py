"""A picture of one explanation: the sample with its players, and its strongest interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whypretrain.report import style
from whypretrain.report.player_sheet import draw_image_players, draw_text_players

if TYPE_CHECKING:
    from whypretrain.report.explanation import Explanation


def plot(explanation: Explanation, count: int = 10) -> Figure:
    """The sample with its players beside bars of its `count` strongest interactions.

    The figure belongs to no window: a notebook shows it, `figure.savefig` keeps it.
    """
    with mpl.rc_context():  # a notebook's own style stays as it is
        style.apply()
        return _draw(explanation, count)


def _draw(explanation: Explanation, count: int) -> Figure:
    strongest = explanation.strongest(count)
    height = max(2.2, 0.22 * len(strongest) + 0.7)
    picture = _picture(explanation)
    if picture is None:
        figure = Figure(figsize=(3.6, height))
        axes = figure.subplots()
    elif explanation.words:
        figure = Figure(figsize=(5.6, height + 0.9))
        above, axes = figure.subplots(2, height_ratios=[0.9, height])
        above.imshow(picture)
        above.set_axis_off()
    else:
        figure = Figure(figsize=(7.0, height))
        left, axes = figure.subplots(1, 2, width_ratios=[1.6, 1])
        left.imshow(picture)
        left.set_axis_off()
    values = strongest["interaction"]
    colours = [style.COLOURS["positive" if value > 0 else "negative"] for value in values]
    axes.barh(np.arange(len(values)), values, color=colours, height=0.7)
    axes.set_yticks(np.arange(len(values)), strongest["players"])
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_xlabel("interaction I(S) [nats]")
    axes.set_title(
        f"label {explanation.label}, predicted {explanation.prediction}, "
        f"log-odds {explanation.outputs[-1]:.2f}"
    )
    sns.despine(ax=axes)
    return figure


def _picture(explanation: Explanation) -> NDArray[np.uint8] | None:
    """The sample with its players drawn in, where it is known."""
    if explanation.words:
        return draw_text_players(explanation.words, np.array(explanation.word_players))
    if explanation.image is None:
        return None
    return draw_image_players(explanation.image, explanation.players)
