"""Three answers of the data to each claim of the paper: claims down, experiments across.

As worded: is the number in the range of the paper's words? Beyond chance: do networks agree more
than chance gives? Beyond retraining: does a second run give something else? Under the first reading
of each claim; the CSV file has them all.
"""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from whypretrain.claims.catalogue import CLAIMS, Claim
from whypretrain.report.figures import drawing
from whypretrain.settings.report import FigureSettings

GREEN, RED, GREY = "#00664B", "#D55E00", "#D9D9D9"
ANSWERS: Mapping[str, tuple[str, drawing.Look]] = {
    "yes": ("✓", {"facecolor": GREEN, "edgecolor": GREEN}),
    "no": ("✗", {"facecolor": "white", "edgecolor": RED}),
    "open": ("?", {"facecolor": GREY, "edgecolor": GREY}),
}
"""Sign and look of each answer: filled, hollow and pale, which a grey printer keeps apart."""
INK = {"yes": "white", "no": RED, "open": "black"}
QUESTIONS = {
    "as_worded": ("number", "1 as\nworded"),
    "beyond_chance": ("agreement", "2 beyond\nchance"),
    "beyond_retraining": ("retraining", "3 beyond\nretraining"),
}
"""By column of answers: the column of its number, and its heading."""
CHANGES = "changes with the reading"
STEP, LINE = 0.52, 0.6  # inches of an answer across and of a claim down
WORDS = 3.6  # inches for the claims
MARK = 0.14  # inches, half of a mark


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """A mark an answer, with its number below."""
    claims = tables["claims"]
    first = claims.drop_duplicates(["experiment", "claim"])
    found = {(own["claim"], own["experiment"]): own for own in first.to_dict("records")}
    asked = [claim for claim in CLAIMS if (claims["claim"] == claim.key).any()]
    names = settings.experiments
    width = STEP * (len(QUESTIONS) + 0.4)
    size = WORDS + width * len(names), LINE * len(asked) + 1.6
    figure, axes = plt.subplots(figsize=size)
    # One unit is an inch, so that marks are squares.
    axes.set(xlim=(0, width * len(names)), ylim=(LINE * (len(asked) + 0.1), -0.34))
    for row, claim in enumerate(asked):
        top = LINE * row
        axes.axhline(top, color="0.85", linewidth=0.6)
        for column, name in enumerate(names):
            if (claim.key, name) in found:
                _cell(axes, width * column, top, found[claim.key, name])
    centres = [width * (column + 0.5) for column in range(len(names))]
    for centre in centres:
        for place, (_, heading) in enumerate(QUESTIONS.values()):
            x = centre + STEP * (place - 1)
            axes.text(x, -0.05, heading, ha="center", va="bottom", fontsize=6)
    of_samples = first[first["claim"] != "accuracy"]  # which is of the whole test split
    axes.set_xticks(centres, drawing.names_with_n(of_samples, settings))
    axes.xaxis.tick_top()
    axes.set_yticks([LINE * (row + 0.5) for row in range(len(asked))], [""] * len(asked))
    for row, claim in enumerate(asked):
        _words(axes, LINE * row, claim)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    signs = [Patch(**look, label=f"{sign} {answer}") for answer, (sign, look) in ANSWERS.items()]
    title = "– not asked    * changes with the reading"
    figure.legend(handles=signs, title=title, loc="outside lower center", ncols=len(signs))
    return figure, claims


def _cell(axes: Axes, left: float, top: float, own: Mapping[Any, Any]) -> None:
    """Three marks side by side, each with its number."""
    for place, (answer, (number, _)) in enumerate(QUESTIONS.items()):
        x, y = left + STEP * (place + 0.7), top + 0.22
        told = own[answer]
        if told in ANSWERS:
            sign, look = ANSWERS[told]
            corner = (x - MARK, y - 0.8 * MARK)
            axes.add_patch(Rectangle(corner, 2 * MARK, 1.6 * MARK, linewidth=1.1, **look))
            ink: drawing.Look = {"color": INK[told], "fontweight": "bold"}
            axes.text(x, y, sign, ha="center", va="center", fontsize=8, **ink)
        else:
            axes.text(x, y, "–", ha="center", va="center", color="0.5")
        star = "*" if answer == "as_worded" and CHANGES in own["note"] else ""
        words = f"{_short(own[number])}{star}"
        axes.text(x, top + 0.45, words, ha="center", va="center", fontsize=7)


def _words(axes: Axes, top: float, claim: Claim) -> None:
    """What is claimed, and what its numbers are."""
    words = [claim.number, *(one.words for one in (claim.chance, claim.retraining) if one)]
    lines = "\n".join(f"{number} {own}" for number, own in enumerate(words, 1))
    look: drawing.Look = {"ha": "right", "transform": axes.get_yaxis_transform(), "clip_on": False}
    axes.text(-0.01, top + 0.06, claim.statement, va="top", fontsize=8, **look)
    axes.text(-0.01, top + 0.21, lines, va="top", fontsize=6, color="0.3", **look)


def _short(number: float) -> str:
    if np.isnan(number):  # not asked
        return ""
    return (f"{number:.2g}" if abs(number) < 100 else f"{number:.0f}").replace("-", "−")
