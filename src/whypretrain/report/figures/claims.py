"""What the data of a suite say about each claim of the paper: claims down, experiments across."""

import matplotlib.pyplot as plt
from matplotlib.patches import Patch, Rectangle

from whypretrain.claims.catalogue import CLAIMS
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

VERDICTS = {
    "holds": ("#009E73", "✓"),
    "not distinguishable from chance": ("#D9D9D9", "?"),
    "fails": ("#D55E00", "✗"),
}
CELL = (1.65, 0.42)  # inches
WORDS = 4.4  # inches for the claims


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """A cell a verdict, with the number and, in brackets, its chance level."""
    claims = tables["claims"]
    keys = [claim for claim in CLAIMS if (claims["claim"] == claim.key).any()]
    n_columns = len(settings.experiments)
    figure, axes = plt.subplots(figsize=(WORDS + CELL[0] * n_columns, CELL[1] * len(keys) + 1.0))
    found = {(own["claim"], own["experiment"]): own for own in claims.to_dict("records")}
    for row, claim in enumerate(keys):
        for column, name in enumerate(settings.experiments):
            own = found.get((claim.key, name))
            text = "–"
            if own is not None:
                colour, sign = VERDICTS.get(own["verdict"], ("#FFFFFF", "†"))
                corner = (column - 0.48, row - 0.46)
                axes.add_patch(Rectangle(corner, 0.96, 0.92, color=colour, alpha=0.55))
                text = f"{sign} {_short(own['number'])} ({_short(own['chance'])})"
            axes.text(column, row, text, ha="center", va="center")
    axes.set(xlim=(-0.5, n_columns - 0.5), ylim=(len(keys) - 0.5, -0.5))
    of_samples = claims[claims["claim"] != "accuracy"]  # which is of the whole test split
    axes.set_xticks(range(n_columns), drawing.names_with_n(of_samples, settings))
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(keys)), [f"{claim.statement}\n{claim.number}" for claim in keys])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    signs = [
        Patch(color=colour, alpha=0.55, label=f"{sign} {verdict}")
        for verdict, (colour, sign) in VERDICTS.items()
    ]
    figure.legend(handles=signs, title="number (chance level)", loc="outside lower center", ncols=3)
    return figure, claims


def _short(number: float) -> str:
    return (f"{number:.2g}" if abs(number) < 100 else f"{number:.0f}").replace("-", "−")
