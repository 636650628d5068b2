"""Fig. 2: preserved, discarded and new knowledge per order of interaction.

As in the paper, discarded and preserved together are the pre-trained model's strength, preserved
and new together the fine-tuned model's.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.config.figures import FigureSettings
from whypretrain.figures import style
from whypretrain.figures.draw import Tables, legend_below, panels, run

PARTS = ("discard", "preserve", "new")


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One panel an experiment; the numbers are means over samples of the mean over sets."""
    knowledge = tables["knowledge"]
    chosen = knowledge[knowledge["quantity"].isin(PARTS) & (knowledge["order"] > 0)]
    keys = ["experiment", "order", "quantity"]
    numbers = chosen.groupby(keys, as_index=False, sort=False).agg(
        strength=("strength", "mean"), n_samples=("sample", "size"), n_sets=("n_sets", "first")
    )
    figure, axes = panels(settings)
    for column, (name, (panel,)) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name]
        wide = own.pivot(index="order", columns="quantity", values="strength")
        _bars(panel, wide)
        panel.set_xlabel("mean strength |I(S)| [nats]")
        if column == 0:
            panel.set_ylabel("order |S|")
    legend_below(figure, next(iter(axes.values()))[0])
    return figure, numbers


def _bars(panel: Axes, wide: pd.DataFrame) -> None:
    starts = {
        "discard": -wide["discard"],
        "preserve": 0 * wide["preserve"],
        "new": wide["preserve"],
    }
    for part in PARTS:
        panel.barh(
            wide.index,
            wide[part],
            left=starts[part],
            height=0.75,
            color=style.COLOURS[part],
            hatch=style.HATCHES[part],
            edgecolor="white",
            linewidth=0.4,
            label=style.LABELS[part],
        )
    panel.use_sticky_edges = False  # leave room beyond the longest bar
    panel.axvline(0, color="black", linewidth=0.6)
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    panel.set_yticks(wide.index)
    panel.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")


if __name__ == "__main__":
    run("fig2", __doc__, draw)
