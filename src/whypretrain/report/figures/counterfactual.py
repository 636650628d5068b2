"""What v(N) and its sign would be without preserved, discarded or new interactions."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures.draw import MOST_COLUMNS, Tables, panels, run
from whypretrain.report.figures.summary import means, whiskers
from whypretrain.settings.figures import FigureSettings

REMOVALS = (
    ("probe", "preserve"),
    ("probe", "discard"),
    ("finetune", "preserve"),
    ("finetune", "new"),
)
LABELS = {"measured": "this part removed", "permutation": "as much, at random"}
MODELS = {"probe": "probe", "finetune": "fine-tuned"}


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Change of v(N) above, share of samples with v > 0 below; in grey the random removal."""
    numbers = summarise(tables["counterfactual"].query("order == 'all'"), settings)
    figure, axes = panels(settings, numbers, rows=2)
    for column, (name, (above, below)) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name].set_index(["variant", "removed"])
        _bars(above, own[own["quantity"] == "change"])
        above.axvline(0, color="black", linewidth=0.6)
        above.locator_params(axis="x", nbins=5)
        above.set_xlabel("change of v(N) [nats]")
        _bars(below, own[own["quantity"] == "positive_after"])
        before = own.loc[own["quantity"] == "positive_before", "value"]
        places = np.arange(len(REMOVALS))
        below.vlines(
            before[list(REMOVALS)],
            places - 0.42,
            places + 0.38,
            color="black",
            linewidth=1.5,
            label="nothing removed",
        )
        below.set_xlim(0, 1.05)
        below.set_xticks([0, 0.5, 1])
        below.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        below.set_xlabel("samples with v(N) > 0")
        is_first = column % MOST_COLUMNS == 0
        names = [f"{MODELS[v]} without {style.LABELS[r]}" if is_first else "" for v, r in REMOVALS]
        for panel in (above, below):
            panel.set_yticks(range(len(REMOVALS)), names)
            panel.invert_yaxis()
            panel.tick_params(axis="y", length=0)
    handles, labels = next(iter(axes.values()))[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure, numbers


def summarise(table: pd.DataFrame, settings: FigureSettings) -> pd.DataFrame:
    """Means over samples of change and sign, and how far measured exceeds the random removal."""
    table = table.assign(change=table["v_after"] - table["v_before"])
    paired = ["experiment", "variant", "removed", "sample"]
    parts = []
    for quantity in ("change", "positive_after"):
        wide = table.pivot(index=paired, columns="reference", values=quantity)
        wide["excess"] = wide["measured"] - wide["permutation"]
        long = wide.melt(value_name="value", ignore_index=False).reset_index()
        parts.append(long.assign(quantity=quantity))
    measured = table[table["reference"] == "measured"]
    for quantity in ("positive_before", "strength"):
        same = measured[[*paired, "reference", quantity]].rename(columns={quantity: "value"})
        parts.append(same.assign(quantity=quantity))
    keys = ["variant", "removed", "quantity", "reference"]
    return means(pd.concat(parts, ignore_index=True), keys, "value", settings.statistics)


def _bars(panel: Axes, own: pd.DataFrame) -> None:
    for reference, label in LABELS.items():
        rows = own[own["reference"] == reference].loc[list(REMOVALS)]
        is_measured = reference == "measured"
        shift = -0.17 if is_measured else 0.23
        places = [place + shift for place in range(len(rows))]
        panel.barh(
            places,
            rows["value"],
            height=0.5 if is_measured else 0.3,
            color=[style.COLOURS[part] for _, part in REMOVALS] if is_measured else style.NULL,
            hatch=[style.HATCHES[part] for _, part in REMOVALS] if is_measured else "",
            edgecolor="white",
            linewidth=0.4,
            label=label,
        )
        panel.errorbar(
            rows["value"],
            places,
            xerr=whiskers(rows, "value"),
            fmt="none",
            ecolor="black",
            elinewidth=0.7,
            capsize=1.2,
        )


if __name__ == "__main__":
    run("counterfactual", __doc__, draw)
