"""Fig. 3: the share of the preserved knowledge that training from scratch reaches (eq. 8)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from whypretrain.config.figures import FigureSettings
from whypretrain.figures import style
from whypretrain.figures.draw import Tables, run
from whypretrain.metrics.knowledge import RATIO_READINGS, average_ratio

MARKS = {"positive": "o", "zero": "v", "salient": "^", "weighted": "D"}


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """One bar an experiment for the reading that is configured, marks for the other readings."""
    chosen = tables["ratio"].query("order == 'all'")
    rows = []
    for name in settings.experiments:
        for reading in RATIO_READINGS:
            own = chosen[(chosen["experiment"] == name) & (chosen["reading"] == reading)]
            ratio = average_ratio(
                own["numerator"].to_numpy(), own["denominator"].to_numpy(), reading=reading
            )
            rows.append(
                {"experiment": name, "reading": reading, "ratio": ratio, "n_samples": len(own)}
            )
    numbers = pd.DataFrame(rows)

    drawn = settings.figures.ratio_reading
    places = np.arange(len(settings.experiments))
    figure, axes = plt.subplots(figsize=(max(3.4, 0.9 * len(places) + 1.2), 2.8))
    wide = numbers.pivot(index="experiment", columns="reading", values="ratio")
    wide = wide.loc[settings.experiments]
    bars = axes.bar(
        places,
        wide[drawn],
        width=0.6,
        color=style.COLOURS["preserve"],
        label=f"{drawn} (bar)",
    )
    axes.bar_label(bars, fmt="{:.0%}", padding=2, fontsize=7.5)
    others = [reading for reading in RATIO_READINGS if reading != drawn]
    for offset, reading in zip((-0.15, 0.0, 0.15), others, strict=True):
        axes.plot(
            places + offset,
            wide[reading],
            linestyle="none",
            marker=MARKS[reading],
            markersize=4,
            color="black",
            markerfacecolor="white",
            label=reading,
        )
    axes.set_xticks(places, [title.replace(" · ", "\n") for title in settings.titles])
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylabel("ratio of preserved knowledge\nthat scratch reaches")
    figure.legend(title="reading of 0/0", loc="outside lower center", ncols=4)
    return figure, numbers


if __name__ == "__main__":
    run("fig3", __doc__, draw)
