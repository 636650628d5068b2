"""Three answers to each claim.

Claims of the paper down, and below each of them a line an experiment. As worded: is the number in
the range of the paper's words? Beyond chance: do networks agree more than chance gives? Beyond
retraining: does a second run give something else? Under the first reading of each claim; the CSV
file has them all.
"""

from collections.abc import Mapping
from textwrap import shorten, wrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from whypretrain.claims.catalogue import CLAIMS, Claim
from whypretrain.report import style
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
ROW, STEP, NAME = 0.2, 0.7, 1.2  # inches of an experiment down, an answer and a name across
MARK = 0.11  # inches, half of a mark
STATEMENT, DETAIL = 0.135, 0.115  # inches, lines of the claim and of what its numbers are
WIDE = 5.0  # inches from which on words stand beside answers, not above them
GAP = 0.1


def draw(tables: drawing.Tables, settings: FigureSettings) -> drawing.Drawn:
    """A mark an answer, with its number beside it."""
    claims = tables["claims"]
    first = claims.drop_duplicates(["experiment", "claim"])
    found = {(own["claim"], own["experiment"]): own for own in first.to_dict("records")}
    asked = [claim for claim in CLAIMS if (claims["claim"] == claim.key).any()]
    width, of_answers = settings.figures.width - 0.1, NAME + STEP * len(QUESTIONS)
    is_wide = width >= WIDE
    left = width - of_answers if is_wide else 0.0
    of_words = left - 0.1 if is_wide else width
    names = [_named(title) for title in settings.titles]
    figure, axes = plt.subplots()
    figure.set_layout_engine("none")  # places are in inches here
    of_samples = first[first["claim"] != "accuracy"]  # which is of the whole test split
    y = _heading(axes, drawing.counted_lines(of_samples, settings), width, left)
    for claim in asked:
        axes.hlines(y, 0, width, color="0.85", linewidth=0.6)
        below = _words(axes, y + 0.06, claim, of_words)
        if not is_wide:
            y = below
        for name, title in zip(settings.experiments, names, strict=True):
            y += ROW
            axes.text(left, y - ROW / 2, title, va="center", fontsize=6.5)
            if (claim.key, name) in found:
                _cells(axes, left + NAME, y - ROW / 2, found[claim.key, name])
        y = max(y, below) + GAP
    signs = [Patch(**look, label=f"{sign} {answer}") for answer, (sign, look) in ANSWERS.items()]
    note = "– not asked    * changes with the reading"
    look: drawing.Look = {"loc": "lower center", "ncols": len(signs), "borderaxespad": 0.0}
    axes.legend(handles=signs, title=note, **look)
    height = y + 0.45
    # One unit is an inch, so that marks are squares and words fit.
    figure.set_size_inches(width + 0.1, height)
    axes.set_position((0.05 / (width + 0.1), 0, width / (width + 0.1), 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, claims


def _named(title: str) -> str:
    """The name of an experiment in its line, with the mark of one that is not judged."""
    name, *marks = title.split("\n")
    return shorten(name, 22, placeholder="…") + (" †" if marks else "")


def _heading(axes: Axes, counted: list[str], width: float, left: float) -> float:
    """What the experiments rest on, and names of the answers; where they end."""
    y = 0.06
    for line in counted:
        lines = wrap(line, int((width if left == 0 else left) / 0.053))
        axes.text(0, y, "\n".join(lines), va="top", fontsize=style.SMALLEST, color="0.3")
        y += DETAIL * len(lines)
    y = max(y + (0.22 if left == 0 else 0), 0.3)
    for place, (_, heading) in enumerate(QUESTIONS.values()):
        x = left + NAME + STEP * place
        axes.text(x, y - 0.02, heading, va="bottom", fontsize=style.SMALLEST)
    return y + 0.04


def _cells(axes: Axes, left: float, y: float, own: Mapping[Any, Any]) -> None:
    """Three marks side by side, each with its number."""
    for place, (answer, (number, _)) in enumerate(QUESTIONS.items()):
        x = left + STEP * place + MARK
        told = own[answer]
        if told in ANSWERS:
            sign, look = ANSWERS[told]
            corner = (x - MARK, y - 0.6 * MARK)
            axes.add_patch(Rectangle(corner, 2 * MARK, 1.2 * MARK, linewidth=1.0, **look))
            ink: drawing.Look = {"color": INK[told], "fontweight": "bold"}
            axes.text(x, y, sign, ha="center", va="center", fontsize=7, **ink)
        else:
            axes.text(x, y, "–", ha="center", va="center", color="0.5")
        star = "*" if answer == "as_worded" and CHANGES in own["note"] else ""
        words = f"{_short(own[number])}{star}"
        axes.text(x + MARK + 0.03, y, words, va="center", fontsize=6.5)


def _words(axes: Axes, y: float, claim: Claim, width: float) -> float:
    """What is claimed, and what its numbers are; where the words end."""
    statement = wrap(claim.statement, int(width / 0.06))
    axes.text(0, y, "\n".join(statement), va="top", fontsize=7, fontweight="bold")
    y += STATEMENT * len(statement)
    words = [claim.number, *(one.words for one in (claim.chance, claim.retraining) if one)]
    for number, own in enumerate(words, 1):
        lines = wrap(f"{number} {own}", int(width / 0.05), subsequent_indent="  ")
        look: drawing.Look = {"fontsize": style.SMALLEST, "color": "0.3", "va": "top"}
        axes.text(0, y, "\n".join(lines), **look)
        y += DETAIL * len(lines)
    return y


def _short(number: float) -> str:
    if np.isnan(number):  # not asked
        return ""
    digits = ".0f" if abs(number) >= 100 else ".2g" if abs(number) >= 0.001 else ".4f"
    return f"{number:{digits}}".replace("-", "−")
