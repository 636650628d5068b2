"""Knowledge that only the fine-tuned model holds, and that only the one from scratch holds.

Beyond the bars stands what the two have in common, so that each side in all is the strength of a
model's interactions.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures.draw import MOST_COLUMNS, Tables, panels, run
from whypretrain.report.figures.summary import referenced_means, whiskers
from whypretrain.settings.figures import FigureSettings

SIDES = {"finetune": -1, "scratch": 1}
HATCHES = {"finetune": "////", "scratch": "...."}


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One panel an experiment; the numbers are means over samples of the mean over sets."""
    quantities = [*SIDES, *(f"{variant}_only" for variant in SIDES)]
    knowledge = tables["knowledge"]
    chosen = knowledge[knowledge["quantity"].isin(quantities) & (knowledge["order"] > 0)]
    numbers = referenced_means(chosen, ["order", "quantity"], "strength", settings.statistics)
    sizes = chosen.drop_duplicates(["experiment", "order"])[["experiment", "order", "n_sets"]]
    numbers = numbers.merge(sizes, on=["experiment", "order"])
    figure, axes = panels(settings, numbers)
    for column, (name, (panel,)) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name]
        for variant in SIDES:
            _bars(panel, own, variant)
        panel.axvline(0, color="black", linewidth=0.6)
        panel.use_sticky_edges = False
        panel.spines["left"].set_visible(False)
        panel.tick_params(axis="y", length=0)
        panel.set_yticks(sorted(own["order"].unique()))
        panel.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        panel.set_xlabel("mean strength [nats]")
        if column % MOST_COLUMNS == 0:
            panel.set_ylabel("order |S|")
    handles, labels = next(iter(axes.values()))[0].get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    figure.legend(by_label.values(), by_label.keys(), loc="outside lower center", ncols=2)
    return figure, numbers


def _bars(panel: Axes, own: pd.DataFrame, variant: str) -> None:
    side = SIDES[variant]
    only = own[own["quantity"] == f"{variant}_only"].set_index("order")
    whole = own[own["quantity"] == variant].set_index("order")["strength"]
    panel.barh(
        only.index,
        side * only["strength"],
        height=0.75,
        color=style.COLOURS[variant],
        hatch=HATCHES[variant],
        edgecolor="white",
        linewidth=0.4,
        label=f"only {style.LABELS[variant]}",
    )
    panel.barh(
        only.index,
        side * (whole - only["strength"]),
        left=side * only["strength"],
        height=0.75,
        color="#E6E6E6",
        edgecolor="white",
        linewidth=0.4,
        label="in common",
    )
    panel.vlines(
        side * only["permutation"],
        only.index - 0.375,
        only.index + 0.375,
        color=style.NULL,
        linewidth=1.2,
        label="alone, if scratch were permuted",
    )
    panel.errorbar(
        side * only["strength"],
        only.index,
        xerr=whiskers(only, "strength")[::side],
        fmt="none",
        ecolor="black",
        elinewidth=0.7,
        capsize=1.2,
    )


if __name__ == "__main__":
    run("exclusive", __doc__, draw)
