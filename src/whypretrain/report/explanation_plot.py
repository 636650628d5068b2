"""A picture of one explanation: the sample with its players, and its strongest interactions."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import NDArray

from whypretrain.report import style
from whypretrain.report.player_sheet import draw_image_players, draw_text_players


def draw(
    strongest: pd.DataFrame,
    title: str,
    *,
    players: NDArray[np.integer],
    image: NDArray[Any] | None = None,
    words: Sequence[str] = (),
) -> Figure:
    """The sample with its players beside bars of its strongest interactions.

    The figure belongs to no window: a notebook shows it, `figure.savefig` keeps it.

    Parameters
    ----------
    strongest : columns `players` (names) and `interaction` (nats)
    players : of every pixel of the image, or of every word
    image, words : the sample; without either, only the bars are drawn
    """
    with mpl.rc_context():  # a notebook's own style stays as it is
        style.apply()
        return _draw(strongest, title, players=players, image=image, words=words)


def _draw(
    strongest: pd.DataFrame,
    title: str,
    *,
    players: NDArray[np.integer],
    image: NDArray[Any] | None,
    words: Sequence[str],
) -> Figure:
    height = max(2.2, 0.22 * len(strongest) + 0.7)
    if words:
        figure = Figure(figsize=(5.6, height + 0.9))
        picture, axes = figure.subplots(2, height_ratios=[0.9, height])
        picture.imshow(draw_text_players(list(words), players))
        picture.set_axis_off()
    elif image is not None:
        figure = Figure(figsize=(7.0, height))
        picture, axes = figure.subplots(1, 2, width_ratios=[1.6, 1])
        picture.imshow(draw_image_players(image, players))
        picture.set_axis_off()
    else:
        figure = Figure(figsize=(3.6, height))
        axes = figure.subplots()
    values = strongest["interaction"]
    colours = [style.COLOURS["positive" if value > 0 else "negative"] for value in values]
    axes.barh(np.arange(len(values)), values, color=colours, height=0.7)
    axes.set_yticks(np.arange(len(values)), strongest["players"])
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_xlabel("interaction I(S) [nats]")
    axes.set_title(title)
    sns.despine(ax=axes)
    return figure
