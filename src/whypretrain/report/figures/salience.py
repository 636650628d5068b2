"""What salient interactions rebuild.

How well they alone rebuild all outputs, by the threshold of salience.
"""

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

QUANTITIES = {
    "reconstruction_error": "error of rebuilt\noutputs [RMS / RMS\nof v(T) − v(∅)]",
    "salient_share": "interactions kept",
}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Error above, share of interactions kept below; in grey the error of as many at random."""
    numbers = drawing.pick(tables, *QUANTITIES).astype({"level": float})
    figure, panels = drawing.panels(settings, numbers, *QUANTITIES.values(), share_y=True)
    for of_experiment, stacked in panels:
        thresholds = sorted(of_experiment["level"].unique())
        for panel, quantity in zip(stacked, QUANTITIES, strict=True):
            own = of_experiment[of_experiment["quantity"] == quantity].set_index("variant")
            for variant in style.VARIANTS:
                label = "chance level: as many at random" if variant == "scratch" else None
                drawing.line(panel, own.loc[[variant]], "level", variant)
                drawing.chance_line(
                    panel, own.loc[[variant]], "level", variant, linewidth=1, label=label
                )
            panel.set_xscale("symlog", linthresh=0.01)
            panel.set_xticks(thresholds, [f"{tick:g}" for tick in thresholds])
            panel.minorticks_off()
            panel.yaxis.set_major_formatter(drawing.PERCENT)
        stacked[-1].set_xlabel("threshold / strongest |I(S)|")
    for panel in figure.axes:  # after all is drawn: panels of a row share their axis
        panel.set_ylim(bottom=0)
    drawing.legend_below(figure, settings, interval="band")
    return figure, numbers
