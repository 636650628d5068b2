"""Fig. 4: how close each model's interactions are to its final ones, along training (eq. 9).

Bands are intervals over samples. Thin grey lines show the chance level, where the snapshot's
interactions are permuted among the sets of their order; the level line, how alike two fine-tuned
runs of different seeds are in the end.
"""

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

LABEL = "Jaccard similarity\nto final interactions"


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """One panel an experiment; the numbers are means over samples."""
    numbers = drawing.pick(tables, "jaccard")
    figure, panels = drawing.panels(settings, numbers, LABEL, share_y=True)
    ceiling: drawing.Look = {"linestyle": (0, (1, 2)), "color": style.COLOURS["finetune"]}
    for own, (panel,) in panels:
        for variant, label in (("finetune", "chance level"), ("scratch", None)):
            line = own[own["variant"] == variant]
            drawing.line(panel, line, "epoch", variant)
            drawing.chance_line(panel, line, "epoch", variant, linewidth=0.9, label=label)
        for level in own["second_run"].dropna():
            panel.axhline(level, linewidth=0.9, label="two fine-tuned runs", **ceiling)
        panel.set(ylim=(0, 1.02), xlabel="epoch")
    drawing.legend_below(figure)
    return figure, numbers
