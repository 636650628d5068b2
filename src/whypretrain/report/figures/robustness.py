"""Accuracy of the final networks against the level of a shift of their inputs.

The numbers also hold the accuracy that each network loses under each shift and, to be set beside
it, the share of the pre-trained strength that fine-tuning preserves.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from statsmodels.stats.proportion import proportion_confint

from whypretrain.knowledge.intervals import bootstrap, mean, quotient
from whypretrain.report import style
from whypretrain.report.figures.draw import MOST_COLUMNS, Tables, legend_below, panels, run
from whypretrain.settings.figures import FigureSettings
from whypretrain.settings.statistics import Statistics

LEVELS = {
    "noise": "noise, σ as share of black to white",
    "rotation": "rotation [degrees]",
    "masked_words": "share of words masked",
    "none": "unshifted",
}


def accuracies(robustness: pd.DataFrame, options: Statistics) -> pd.DataFrame:
    """Accuracy under every shift, and how much of it the shift costs, with intervals.

    Accuracies have Wilson intervals. What is lost has a bootstrap interval over test items, each
    compared with itself unshifted.

    Returns
    -------
    table with columns `experiment`, `variant`, `shift`, `level`, `quantity` (`accuracy` or
    `accuracy_lost`), `value`, `low`, `high`, `n_items`
    """
    keys = ["experiment", "variant", "shift", "level"]
    rows = []
    for row in robustness.to_dict("records"):
        names = {key: row[key] for key in keys}
        n_items = int(row["n_items"])
        low, high = proportion_confint(
            row["n_correct"], n_items, alpha=1 - options.confidence, method="wilson"
        )
        accuracy = {"quantity": "accuracy", "value": row["n_correct"] / n_items}
        rows.append({**names, **accuracy, "low": low, "high": high, "n_items": n_items})
        if row["shift"] == "none":
            continue
        change = np.zeros(n_items)
        change[: row["n_lost"]] = 1
        change[n_items - row["n_gained"] :] = -1
        bounds = bootstrap(mean, [change], options)
        lost = {"quantity": "accuracy_lost", "value": change.mean()}
        rows.append({**names, **lost, "low": bounds.low, "high": bounds.high, "n_items": n_items})
    return pd.DataFrame(rows).astype({"low": float, "high": float})


def preserved_shares(knowledge: pd.DataFrame, options: Statistics) -> pd.DataFrame:
    """Preserved over preserved and discarded strength, over all sets but the empty one.

    Returns
    -------
    table with columns `experiment`, `quantity` (`preserved_share`), `value`, `low`, `high` (a
    bootstrap interval over samples), `n_samples`
    """
    chosen = knowledge[(knowledge["order"] > 0) & (knowledge["reference"] == "measured")]
    total = chosen.assign(strength=chosen["strength"] * chosen["n_sets"]).pivot_table(
        index=["experiment", "sample"],
        columns="quantity",
        values="strength",
        aggfunc="sum",
        sort=False,
    )
    rows = []
    for experiment, own in total.groupby("experiment", sort=False):
        kept = own["preserve"].to_numpy()
        held = kept + own["discard"].to_numpy()
        bounds = bootstrap(quotient, [kept, held], options)
        row = {
            "experiment": experiment,
            "quantity": "preserved_share",
            "value": float(quotient(kept, held)),
            "low": float(bounds.low),
            "high": float(bounds.high),
            "n_samples": len(own),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """A column of panels an experiment, one a kind of shift; level 0 is the split as it is."""
    measured = accuracies(tables["robustness"], settings.statistics)
    shares = preserved_shares(tables["knowledge"], settings.statistics)
    drawn = measured[measured["quantity"] == "accuracy"]
    kinds = {
        name: [kind for kind in own["shift"].unique() if kind != "none"] or ["none"]
        for name, own in drawn.groupby("experiment", sort=False)
    }
    most = max(len(found) for found in kinds.values())
    figure, axes = panels(settings, drawn, "n_items", rows=most, share_y=True)
    for position, (name, stacked) in enumerate(axes.items()):
        own = drawn[drawn["experiment"] == name]
        share = shares.loc[shares["experiment"] == name, "value"].item()
        stacked[0].set_title(f"{stacked[0].get_title()}\npreserved share {share:.0%}")
        for panel, kind in zip(stacked, kinds[name], strict=False):
            _lines(panel, own[own["shift"].isin(["none", kind])])
            panel.set_xlabel(LEVELS[kind])
            if position % MOST_COLUMNS == 0:
                panel.set_ylabel("test accuracy")
        for panel in stacked[len(kinds[name]) :]:
            panel.set_visible(False)
    legend_below(figure, next(iter(axes.values()))[0])
    return figure, pd.concat([measured, shares], ignore_index=True)


def _lines(panel: Axes, own: pd.DataFrame) -> None:
    for variant in ("probe", "finetune", "scratch"):
        line = own[own["variant"] == variant].sort_values("level")
        panel.errorbar(
            line["level"],
            line["value"],
            yerr=[line["value"] - line["low"], line["high"] - line["value"]],
            color=style.COLOURS[variant],
            linestyle=style.DASHES[variant],
            marker=style.MARKERS[variant],
            markersize=3,
            linewidth=1.2,
            elinewidth=0.7,
            label=style.LABELS[variant],
        )
    panel.set_ylim(0, 1.02)


if __name__ == "__main__":
    run("robustness", __doc__, draw)
