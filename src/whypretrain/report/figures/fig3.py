"""Fig. 3: the share of the preserved knowledge that training from scratch reaches (eq. 8).

Above, the ratio under every reading of 0/0 with its interval; the grey line is the chance level,
where scratch's interactions are permuted among the sets of their order, the cross a second
fine-tuned run. Below, the test accuracy of the three models.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

OFFSETS = (-0.2, 0.0, 0.2)


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """One bar an experiment for the reading that is configured, marks for the other readings."""
    ratios = drawing.pick(tables, "ratio", order="all")
    accuracies = drawing.pick(tables, "accuracy")
    width = max(4.8, 0.9 * len(settings.experiments) + 1.4)
    figure, (above, below) = plt.subplots(
        2, figsize=(width, 4.4), sharex=True, height_ratios=[3, 2]
    )
    places = np.arange(len(settings.experiments))

    def in_turn(rows: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
        own = rows[rows[column] == value].set_index("experiment")
        return own.reindex(settings.experiments)

    drawn = settings.figures.ratio_reading
    own = in_turn(ratios, "reading", drawn)
    above.bar(
        places,
        own["number"],
        yerr=drawing.whiskers(own),
        error_kw={"linewidth": 0.8},
        width=0.7,
        color=style.COLOURS["preserve"],
        label=f"{style.READINGS[drawn]} (bar)",
    )
    for place, number in enumerate(own["number"]):
        above.text(place, 0.02, f"{number:.0%}", ha="center", fontsize=7.5)
    look = {"color": style.NULL, "linewidth": 1.5, "label": "chance level of the bar"}
    above.hlines(own["chance"], places - 0.42, places + 0.42, **look)
    if own["second_run"].notna().any():
        look = {"color": "black", "markersize": 4, "label": "second fine-tuned run"}
        above.plot(places + 0.42, own["second_run"], "x", **look)
    others = [reading for reading in style.READINGS if reading != drawn]
    for reading, offset in zip(others, OFFSETS, strict=True):
        drawing.points(
            above,
            places + offset,
            in_turn(ratios, "reading", reading),
            linestyle="none",
            marker=style.READING_MARKERS[reading],
            color="black",
            markerfacecolor="white",
            label=style.READINGS[reading],
        )
    above.set(ylim=(0, 1), ylabel="ratio of preserved knowledge\nthat scratch reaches")
    for variant, offset in zip(style.VARIANTS, OFFSETS, strict=True):
        own = in_turn(accuracies, "variant", variant)
        drawing.points(below, places + offset, own, variant, linestyle="none")
    for panel in (above, below):
        panel.yaxis.set_major_formatter(drawing.PERCENT)
    below.set_ylabel("test accuracy")
    below.set_xticks(places, drawing.names_with_n(ratios, settings))
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    drawing.legend_below(figure, below)
    return figure, pd.concat([ratios, accuracies], ignore_index=True)
