"""Fig. 2: preserved, discarded and new knowledge per order of interaction.

As in the paper, discarded and preserved together are the pre-trained model's strength, preserved
and new together the fine-tuned model's. A black line on the end of each part is its interval. The
grey ticks are the chance level of preserved knowledge, where the fine-tuned model's interactions
are permuted among the sets of their order: transfer is what goes beyond. What lies under the noise
floor is shaded.
"""

from whypretrain.report import style
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

# Where intervals stand on a bar: a third of it apart, as preserved and new end on the same side.
PARTS = {"discard": 0.0, "preserve": -0.18, "new": 0.18}


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """One panel an experiment; the numbers are means over samples of the mean over sets."""
    numbers = drawing.by_order(tables, *PARTS)
    figure, panels = drawing.panels(settings, numbers, "order |S|")
    for own, (panel,) in panels:
        wide = own.pivot(index="order", columns="quantity")
        for part, shift in PARTS.items():
            sign = -1 if part == "discard" else 1
            start = wide["number"]["preserve"] * (part == "new")
            look = drawing.EDGE | {"color": style.COLOURS[part], "hatch": style.HATCHES[part]}
            look |= {"left": start, "height": drawing.BAR, "label": style.LABELS[part]}
            panel.barh(wide.index, sign * wide["number"][part], **look)
            ends = [start + sign * wide[bound][part] for bound in ("low", "high")]
            panel.hlines(wide.index + shift, *ends, color="black", linewidth=0.8)
        drawing.chance_ticks(panel, wide["chance"]["preserve"], "preserved, chance level")
        floor = wide["noise_floor"]["preserve"]
        panel.fill_betweenx(floor.index, -floor, floor, color=style.NULL, alpha=0.4, linewidth=0)
        drawing.two_sided(panel, wide.index)
        panel.set_xlabel("mean strength |I(S)| [nats]")
    drawing.legend_below(figure)
    return figure, numbers
