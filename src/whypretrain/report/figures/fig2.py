"""Fig. 2: preserved, discarded and new knowledge per order of interaction.

As in the paper, discarded and preserved together are the pre-trained model's strength, preserved
and new together the fine-tuned model's. A black line on the end of each part is its interval. The
grey ticks are where preserved knowledge would end if the fine-tuned model's interactions were
permuted among the sets of their order: transfer is what goes beyond. What lies under the noise
floor is shaded.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures.draw import Tables, legend_below, panels, run
from whypretrain.report.figures.summary import referenced_means
from whypretrain.settings.figures import FigureSettings

PARTS = ("discard", "preserve", "new")
HEIGHT = 0.75  # of a bar, in orders


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One panel an experiment; the numbers are means over samples of the mean over sets."""
    knowledge = tables["knowledge"]
    chosen = knowledge[knowledge["quantity"].isin(PARTS) & (knowledge["order"] > 0)]
    keys = ["order", "quantity"]
    numbers = referenced_means(chosen, keys, "strength", settings.statistics)
    fixed = chosen[["experiment", *keys, "n_sets", "noise_floor"]].drop_duplicates()
    numbers = numbers.merge(fixed, on=["experiment", *keys])
    figure, axes = panels(settings, numbers)
    for column, (name, (panel,)) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name]
        _bars(panel, own)
        panel.set_xlabel("mean strength |I(S)| [nats]")
        if column == 0:
            panel.set_ylabel("order |S|")
    legend_below(figure, next(iter(axes.values()))[0])
    return figure, numbers


def _bars(panel: Axes, own: pd.DataFrame) -> None:
    wide = own.pivot(index="order", columns="quantity")
    strength, low, high = wide["strength"], wide["low"], wide["high"]
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
    null = wide["permutation"]["preserve"]
    panel.vlines(
        null,
        wide.index - HEIGHT / 2,
        wide.index + HEIGHT / 2,
        color=style.NULL,
        linewidth=1.2,
        label="preserved, permuted",
    )
    floor = own.groupby("order")["noise_floor"].first()
    panel.fill_betweenx(floor.index, -floor, floor, color=style.NULL, alpha=0.4, linewidth=0)
    panel.use_sticky_edges = False  # leave room beyond the longest bar
    panel.axvline(0, color="black", linewidth=0.6)
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    panel.set_yticks(wide.index)
    panel.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


if __name__ == "__main__":
    run("fig2", __doc__, draw)
