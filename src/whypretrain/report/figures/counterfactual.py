"""v(N) without parts of knowledge.

What v(N) and its sign would be without preserved, discarded, new or exclusive interactions.
"""

import numpy as np

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

REMOVALS = [
    ("probe", "preserve"),
    ("probe", "discard"),
    ("finetune", "preserve"),
    ("finetune", "new"),
    ("finetune", "finetune_only"),
    ("scratch", "scratch_only"),
]
EXCLUSIVE = {"finetune_only": "finetune", "scratch_only": "scratch"}
"""Parts that one of the two models alone holds, drawn as that model is."""
QUANTITIES = ("counterfactual_change", "counterfactual_positive")
BEFORE = "counterfactual_positive_before"
RANDOM = drawing.EDGE | {"height": 0.3, "color": style.NULL, "label": "as much, from all sets"}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """Change of v(N) above, share of samples with v > 0 below; grey: as much of all sets alike."""
    numbers = drawing.pick(tables, *QUANTITIES, BEFORE, order="all")
    figure, panels = drawing.panels(settings, numbers, "", "", beside=1.3)
    places = np.arange(len(REMOVALS))
    names = style.LABELS | dict.fromkeys(EXCLUSIVE, "its own")
    words = [f"{style.SHORT[v]} without {names[part]}" for v, part in REMOVALS]
    drawn_as = [EXCLUSIVE.get(part, part) for _, part in REMOVALS]
    look = {
        "color": [style.COLOURS[name] for name in drawn_as],
        "hatch": [style.HATCHES[name] for name in drawn_as],
        "label": "this part removed",
    }
    for of_experiment, stacked in panels:
        own = of_experiment.set_index(["variant", "level"])
        for panel, quantity in zip(stacked, QUANTITIES, strict=True):
            rows = own[own["quantity"] == quantity].loc[REMOVALS]
            drawing.bars(panel, places - 0.17, rows, sideways=True, size=0.5, **look)
            panel.barh(places + 0.23, rows["chance"], **RANDOM)
            panel.set_yticks(places, words if drawing.is_first(panel) else [""] * len(words))
            panel.invert_yaxis()
            panel.tick_params(axis="y", length=0)
        above, below = stacked
        above.axvline(0, color="black", linewidth=0.6)
        above.locator_params(axis="x", nbins=4)
        above.set_xlabel("change of v(N) [nats]")
        before = own.loc[own["quantity"] == BEFORE, "number"][REMOVALS]
        ends = places - 0.42, places + 0.38
        below.vlines(before, *ends, color="black", linewidth=1.5, label="nothing removed")
        below.set(xlim=(0, 1.05), xticks=[0, 0.5, 1], xlabel="samples with v(N) > 0")
        below.xaxis.set_major_formatter(drawing.PERCENT)
    drawing.legend_below(figure, settings, panels[0][1][1], interval="line")
    return figure, numbers
