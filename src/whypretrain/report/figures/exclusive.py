"""Knowledge of one model alone.

What only the fine-tuned model holds, and what only the one from scratch holds. Beyond the bars
stands what the two have in common, so that each side in all is the strength of a model's
interactions.
"""

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

SIDES = {"finetune": -1, "scratch": 1}
COLUMNS = ["number", "low", "high", "chance"]
COMMON = drawing.EDGE | {"height": drawing.BAR, "color": "#E6E6E6", "label": "in common"}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """One panel an experiment; the numbers are means over samples of the mean over sets."""
    numbers = drawing.by_order(tables, *SIDES, *(f"{variant}_only" for variant in SIDES))
    figure, panels = drawing.panels(settings, numbers, "order |S|")
    for own, (panel,) in panels:
        for variant, side in SIDES.items():
            whole, only = (
                side * own[own["quantity"] == quantity].set_index("order")[COLUMNS]
                for quantity in (variant, f"{variant}_only")
            )
            if side < 0:
                only = only.rename(columns={"low": "high", "high": "low"})
            drawing.chance_ticks(panel, only["chance"], "alone, chance level")
            look = {"color": style.COLOURS[variant], "hatch": style.HATCHES[variant]}
            look["label"] = f"only {style.LABELS[variant]}"
            drawing.bars(panel, only.index, only, sideways=True, size=drawing.BAR, **look)
            rest = whole["number"] - only["number"]
            panel.barh(only.index, rest, left=only["number"], **COMMON)
        drawing.two_sided(panel, only.index)
        panel.set_xlabel("mean strength [nats]")
    drawing.legend_below(figure, settings, interval="line")
    return figure, numbers
