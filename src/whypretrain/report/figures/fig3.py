"""Fig. 3: the share of the preserved knowledge that training from scratch reaches (eq. 8).

Above, the ratio under every reading of 0/0 with its interval; the grey line is what scratch would
reach if its interactions were permuted among the sets of their order, the cross what a second
fine-tuned network reaches. Below, the test accuracy of the three models.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.knowledge.strengths import RATIO_READINGS
from whypretrain.report import style
from whypretrain.report.figures.draw import Tables, names_with_n, run
from whypretrain.report.figures.summary import accuracies, ratio_mean, whiskers
from whypretrain.settings.figures import FigureSettings

MARKS = {"positive": "o", "zero": "v", "salient": "^", "weighted": "D"}
VARIANTS = ("probe", "finetune", "scratch")


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One bar an experiment for the reading that is configured, marks for the other readings."""
    ratios = tables["ratio"].query("order == 'all'")
    history = accuracies(tables["history"], settings.statistics)
    numbers = pd.DataFrame(
        [
            {"experiment": name, "quantity": f"ratio {reading}"}
            | ratio_mean(ratios[ratios["experiment"] == name], reading, settings.statistics)
            for name in settings.experiments
            for reading in RATIO_READINGS
        ]
        + [
            {"experiment": name, "quantity": f"accuracy {variant}"}
            | _accuracy(history, name, variant)
            for name in settings.experiments
            for variant in VARIANTS
        ]
    )
    width = max(4.8, 0.9 * len(settings.experiments) + 1.4)
    figure, (above, below) = plt.subplots(
        2, figsize=(width, 4.2), sharex=True, height_ratios=[3, 2]
    )
    _draw_ratios(above, numbers, settings)
    _draw_accuracies(below, numbers, settings)
    of_samples = numbers[numbers["quantity"].str.startswith("ratio")]
    below.set_xticks(range(len(settings.experiments)), names_with_n(of_samples, settings))
    handles, labels = above.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure, numbers


def _accuracy(history: pd.DataFrame, experiment: str, variant: str) -> dict[str, float]:
    own = history[(history["experiment"] == experiment) & (history["variant"] == variant)]
    last = own.iloc[-1]
    return {
        "number": last["test_accuracy"],
        "low": last["accuracy_low"],
        "high": last["accuracy_high"],
        "n": last["n_test"],
    }


def _draw_ratios(axes: Axes, numbers: pd.DataFrame, settings: FigureSettings) -> None:
    drawn = settings.figures.ratio_reading
    places = np.arange(len(settings.experiments))
    offsets = iter((-0.2, 0.0, 0.2))
    for reading in (drawn, *(other for other in RATIO_READINGS if other != drawn)):
        own = numbers[numbers["quantity"] == f"ratio {reading}"].set_index("experiment")
        own = own.loc[settings.experiments]
        errors = whiskers(own, "number")
        if reading == drawn:
            axes.bar(
                places,
                own["number"],
                yerr=errors,
                error_kw={"linewidth": 0.8},
                width=0.7,
                color=style.COLOURS["preserve"],
                label=f"0/0 {drawn} (bar)",
            )
            for place, number in enumerate(own["number"]):
                axes.text(place, 0.02, f"{number:.0%}", ha="center", fontsize=7.5)
            axes.hlines(
                own["permutation"],
                places - 0.42,
                places + 0.42,
                color=style.NULL,
                linewidth=1.5,
                label="permuted (of the bar)",
            )
            if "self" in own:
                axes.plot(
                    places + 0.42,
                    own["self"],
                    "x",
                    color="black",
                    markersize=4,
                    label="a second fine-tuned",
                )
            continue
        axes.errorbar(
            places + next(offsets),
            own["number"],
            yerr=errors,
            linestyle="none",
            marker=MARKS[reading],
            markersize=4,
            linewidth=0.8,
            color="black",
            markerfacecolor="white",
            label=f"0/0 {reading}",
        )
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylabel("ratio of preserved knowledge\nthat scratch reaches")


def _draw_accuracies(axes: Axes, numbers: pd.DataFrame, settings: FigureSettings) -> None:
    places = np.arange(len(settings.experiments))
    for variant, offset in zip(VARIANTS, (-0.2, 0.0, 0.2), strict=True):
        own = numbers[numbers["quantity"] == f"accuracy {variant}"].set_index("experiment")
        own = own.loc[settings.experiments]
        axes.errorbar(
            places + offset,
            own["number"],
            yerr=whiskers(own, "number"),
            linestyle="none",
            marker=style.MARKERS[variant],
            markersize=4,
            linewidth=0.8,
            color=style.COLOURS[variant],
            label=style.LABELS[variant],
        )
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylabel("test accuracy")


if __name__ == "__main__":
    run("fig3", __doc__, draw)
