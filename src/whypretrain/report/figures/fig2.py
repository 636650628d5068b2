"""Fig. 2: preserved, discarded and new knowledge per order of interaction.

As in the paper, discarded and preserved together are the pre-trained model's strength, preserved
and new together the fine-tuned model's. A black line on the end of each part is its interval. The
grey ticks are the chance level of preserved knowledge, where the fine-tuned model's interactions
are permuted among the sets of their order: transfer is what goes beyond. What lies under the noise
floor is shaded.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

PARTS = ("discard", "preserve", "new")
HEIGHT = 0.75  # of a bar, in orders


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One panel an experiment; the numbers are means over samples of the mean over sets."""
    numbers = drawing.by_order(tables, *PARTS)
    figure, axes = drawing.panels(settings, numbers)
    for name, (panel,) in axes.items():
        _bars(panel, numbers[numbers["experiment"] == name])
        panel.set_xlabel("mean strength |I(S)| [nats]")
    drawing.label_left(axes, "order |S|")
    drawing.legend_below(figure, next(iter(axes.values()))[0])
    return figure, numbers


def _bars(panel: Axes, own: pd.DataFrame) -> None:
    wide = own.pivot(index="order", columns="quantity")
    strength, low, high = wide["number"], wide["low"], wide["high"]
    starts = {"discard": 0 * strength["discard"], "preserve": 0 * strength["preserve"]}
    starts["new"] = strength["preserve"]
    for part in PARTS:
        sign = -1 if part == "discard" else 1
        panel.barh(
            wide.index,
            sign * strength[part],
            left=starts[part],
            height=HEIGHT,
            color=style.COLOURS[part],
            hatch=style.HATCHES[part],
            edgecolor="white",
            linewidth=0.4,
            label=style.LABELS[part],
        )
        ends = [starts[part] + sign * bound[part] for bound in (low, high)]
        # A third of a bar apart, as preserved and new end on the same side.
        shift = {"discard": 0.0, "preserve": -0.18, "new": 0.18}[part]
        panel.hlines(wide.index + shift, *ends, color="black", linewidth=0.8)
    panel.vlines(
        wide["chance"]["preserve"],
        wide.index - HEIGHT / 2,
        wide.index + HEIGHT / 2,
        color=style.NULL,
        linewidth=1.2,
        label="preserved, chance level",
    )
    floor = wide["noise_floor"]["preserve"]
    panel.fill_betweenx(floor.index, -floor, floor, color=style.NULL, alpha=0.4, linewidth=0)
    drawing.two_sided(panel, wide.index)
