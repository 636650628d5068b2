"""How well salient interactions alone rebuild all outputs, by the threshold of salience."""

import pandas as pd
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

QUANTITIES = ("reconstruction_error", "salient_share")


def draw(tables: drawing.Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Error above, share of interactions kept below; in grey the error of as many at random."""
    numbers = drawing.pick(tables, *QUANTITIES).astype({"level": float})
    figure, axes = drawing.panels(settings, numbers, rows=2, share_y=True)
    for name, stacked in axes.items():
        of_experiment = numbers[numbers["experiment"] == name]
        thresholds = sorted(of_experiment["level"].unique())
        for panel, quantity in zip(stacked, QUANTITIES, strict=True):
            own = of_experiment[of_experiment["quantity"] == quantity].set_index("variant")
            for variant in style.VARIANTS:
                line = own.loc[[variant]]
                drawing.line_with_band(panel, line, line["level"], variant)
                panel.plot(
                    line["level"],
                    line["chance"],
                    color=style.NULL,
                    linestyle=style.DASHES[variant],
                    linewidth=1,
                    label="of each, as many at random" if variant == "scratch" else None,
                )
            panel.set_xscale("symlog", linthresh=0.01)
            panel.set_xticks(thresholds, [f"{tick:g}" for tick in thresholds])
            panel.minorticks_off()
            panel.yaxis.set_major_formatter(drawing.percent)
        stacked[-1].set_xlabel("threshold / strongest |I(S)|")
    drawing.label_left(
        axes, "error of outputs rebuilt\n[RMS / RMS of v(T) - v(∅)]", "interactions kept"
    )
    for panel in figure.axes:  # after all is drawn: panels of a row share their axis
        panel.set_ylim(bottom=0)
    drawing.legend_below(figure, next(iter(axes.values()))[0], ncols=2)
    return figure, numbers
