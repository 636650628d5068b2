"""How well salient interactions alone rebuild all outputs, by the threshold of salience."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whypretrain.report import style
from whypretrain.report.figures.draw import MOST_COLUMNS, Tables, line_with_band, panels, run
from whypretrain.report.figures.summary import means
from whypretrain.settings.figures import FigureSettings

VARIANTS = ("probe", "finetune", "scratch")
ABOVE = ("reconstruction_error", "random_error")
QUANTITIES = (*ABOVE, "salient_share")


def draw(tables: Tables, settings: FigureSettings) -> tuple[Figure, pd.DataFrame]:
    """Error above, share of interactions kept below; in grey the error of as many at random."""
    keys = ["variant", "threshold"]
    numbers = pd.concat(
        [
            means(tables["salience"], keys, quantity, settings.statistics)
            .rename(columns={quantity: "value"})
            .assign(quantity=quantity)
            for quantity in QUANTITIES
        ],
        ignore_index=True,
    )
    figure, axes = panels(settings, numbers, rows=2, share_y=True)
    for column, (name, (above, below)) in enumerate(axes.items()):
        own = numbers[numbers["experiment"] == name]
        for quantity in QUANTITIES:
            panel = above if quantity in ABOVE else below
            for variant in VARIANTS:
                chosen = (own["quantity"] == quantity) & (own["variant"] == variant)
                _line(panel, own[chosen], variant, is_reference=quantity == "random_error")
        for panel in (above, below):
            panel.set_xscale("symlog", linthresh=0.01)
            ticks = sorted(own["threshold"].unique())
            panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            panel.minorticks_off()
            panel.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        below.set_xlabel("threshold / strongest |I(S)|")
        if column % MOST_COLUMNS == 0:
            above.set_ylabel("error of outputs rebuilt\n[RMS / RMS of v(T) - v(∅)]")
            below.set_ylabel("interactions kept")
    for panel in figure.axes:  # after all is drawn: panels of a row share their axis
        panel.set_ylim(bottom=0)
    handles, labels = next(iter(axes.values()))[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure, numbers


def _line(panel: Axes, own: pd.DataFrame, variant: str, *, is_reference: bool) -> None:
    if is_reference:
        is_last = variant == VARIANTS[-1]
        panel.plot(
            own["threshold"],
            own["value"],
            color=style.NULL,
            linestyle=style.DASHES[variant],
            linewidth=1,
            label="of each, as many at random" if is_last else None,
        )
        return
    line_with_band(panel, own, "threshold", "value", variant)


if __name__ == "__main__":
    run("salience", __doc__, draw)
