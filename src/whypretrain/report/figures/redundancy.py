"""How many interactions can be removed before v(N) changes its sign.

Only samples with v(N) > 0 and v(∅) <= 0 are shown: those that the interactions decide rightly.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures.draw import MOST_COLUMNS, Tables, line_with_band, panels, run
from whypretrain.report.figures.summary import means, whiskers
from whypretrain.settings.figures import FigureSettings

NAMES = {"probe": "probe", "finetune": "fine-tuned", "scratch": "scratch"}


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Share removable without a change above; below, samples changed by removing the strongest."""
    numbers = summarise(tables["redundancy"], settings)
    figure, axes = panels(settings, numbers, rows=2)
    for column, (name, (above, below)) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name]
        _shares(above, own)
        _changed(below, own[own["quantity"] == "changed"])
        for panel in (above, below):
            panel.set_ylim(0, 1.02)
            panel.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        if column % MOST_COLUMNS == 0:
            above.set_ylabel("interactions removable,\nweakest first")
            below.set_ylabel("samples changed")
    above, below = next(iter(axes.values()))
    handles, labels = below.get_legend_handles_labels()
    grey, grey_label = above.get_legend_handles_labels()
    figure.legend(handles + grey, labels + grey_label, loc="outside lower center", ncols=2)
    return figure, numbers


def summarise(table: pd.DataFrame, settings: FigureSettings) -> pd.DataFrame:
    """Means over the samples that are decided rightly by interactions.

    Quantities: `prunable_share`, `prunable_strength_share`, `random_share` (in random sequence),
    and `changed`, the share of samples changed by the `n_removed` strongest.
    """
    decided = table[(table["v"] > 0) & (table["v_empty"] <= 0)]
    decided = decided.assign(random_share=decided["n_random"] / decided["n_sets"])
    options = settings.statistics
    parts = [
        means(decided, ["variant"], quantity, options)
        .rename(columns={quantity: "value"})
        .assign(quantity=quantity)
        for quantity in ("prunable_share", "prunable_strength_share", "random_share")
    ]
    most = decided["n_critical"].max() if len(decided) else 1
    counts = [step * 10**power for power in range(7) for step in (1, 2, 5)]
    # Up to the first count by which all have changed.
    shown = [count for count in counts if count < most] or [1]
    shown.append(counts[counts.index(shown[-1]) + 1])
    changed = pd.concat(
        [
            decided.assign(n_removed=count, value=(decided["n_critical"] <= count).astype(float))
            for count in shown
        ]
    )
    parts.append(means(changed, ["variant", "n_removed"], "value", options))
    parts[-1]["quantity"] = "changed"
    numbers = pd.concat(parts, ignore_index=True)
    return numbers.astype({"n_removed": "Int64"})


def _shares(panel: Axes, own: pd.DataFrame) -> None:
    for quantity, shift, width in (("prunable_share", -0.15, 0.5), ("random_share", 0.25, 0.3)):
        rows = own[own["quantity"] == quantity].set_index("variant").reindex(list(NAMES))
        is_random = quantity == "random_share"
        places = np.arange(len(rows)) + shift
        panel.bar(
            places,
            rows["value"],
            width=width,
            color=style.NULL if is_random else [style.COLOURS[variant] for variant in NAMES],
            label="in random sequence" if is_random else None,
        )
        panel.errorbar(
            places,
            rows["value"],
            yerr=whiskers(rows, "value"),
            fmt="none",
            ecolor="black",
            elinewidth=0.7,
            capsize=1.2,
        )
    sizes = own[own["quantity"] == "prunable_share"].set_index("variant")["n_samples"]
    names = [f"{NAMES[variant]}\n({sizes.get(variant, 0)})" for variant in NAMES]
    panel.set_xticks(range(len(NAMES)), names)
    panel.set_xlabel("model (samples)")
    panel.tick_params(axis="x", length=0)


def _changed(panel: Axes, own: pd.DataFrame) -> None:
    for variant in NAMES:
        line = own[own["variant"] == variant].astype({"n_removed": int})
        line_with_band(panel, line, "n_removed", "value", variant)
    panel.set_xscale("log")
    panel.set_xlim(0.8, 1.25 * max(own["n_removed"], default=10))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.minorticks_off()
    counts = sorted(own["n_removed"].dropna().unique())
    if counts and counts[-1] < 10:  # else powers of ten are labelled
        panel.set_xticks(counts)
    panel.set_xlabel("strongest interactions removed")


if __name__ == "__main__":
    run("redundancy", __doc__, draw)
