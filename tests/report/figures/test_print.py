"""Figures at the size of print: no text is too small, covered by another, or off the page."""

import importlib
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from tests.report.summaries import adapting_of, summary_of
from whypretrain.claims.overview import correlations, overview
from whypretrain.claims.verdicts import judge
from whypretrain.report import style
from whypretrain.settings.knowledge import Statistics
from whypretrain.settings.report import Figures, FigureSettings, Varied
from whypretrain.stages import figure as stage

TITLES = [
    "VGG-16 · CUB-200-2011",
    "ResNet-50 · Stanford Cars\n† scratch below its mark of 45 %",
    "ViT · digits",
    "BERT-base · SST-2",
    "VGG · digits",
    "ViT-Base · CIFAR-10",
    "DistilBERT · SST-2",
]
WAYS = (
    *("probe", "finetune", "scratch", "slow", "fast", "lp_ft", "l2_sp", "last_block", "biases"),
    *("lora", "layerwise", "head_first"),
)
SLACK = 0.5  # points by which boxes of texts, which are larger than their ink, may touch


def tables_of(names: list[str]) -> dict[str, pd.DataFrame]:
    """Tables of a suite, with ten players as by default."""
    own = {name: summary_of(name, n_players=10, start=0.05 * i) for i, name in enumerate(names)}
    numbers = pd.concat(
        {name: overview(table) for name, table in own.items()}, names=["experiment"]
    ).reset_index("experiment")
    numbers.insert(1, "kind", ["cnn", "transformer"][len(names) % 2])
    judged = {name: judge(table, "zero") for name, table in own.items()}
    ways = [adapting_of(name, WAYS, start=0.05 * i) for i, name in enumerate(names)]
    return {
        "summary": pd.concat(own.values(), ignore_index=True),
        "adapting": pd.concat(ways, ignore_index=True),
        "overview": numbers,
        "correlations": correlations(numbers),
        "claims": pd.concat(judged, names=["experiment"]).reset_index("experiment"),
    }


def settings_of(names: list[str], width: float) -> FigureSettings:
    varied = {
        name: Varied(base=names[0], levels={"sampling.per_class": name}) for name in names[3:]
    }
    return FigureSettings(
        experiments=names,
        titles=TITLES[: len(names)],
        varied=varied,
        figures=Figures(width=width),
        statistics=Statistics(),
    )


def ticked(axes: Axes) -> list[Any]:
    """Both axes; which ticks they draw is known to a private method alone."""
    return [axes.xaxis, axes.yaxis]


def shown(figure: Figure) -> list[Text]:
    """All texts that are drawn, those of axes that are not seen left out."""
    hidden = {id(text) for a in figure.axes if not a.get_visible() for text in a.findobj(Text)}
    off = [a for a in figure.axes if not a.axison]
    hidden |= {id(t) for a in off for axis in (a.xaxis, a.yaxis) for t in axis.findobj(Text)}
    for axes in figure.axes:
        for axis in ticked(axes):  # ticks beyond the limits are not drawn
            drawn = {id(t) for tick in axis._update_ticks() for t in tick.findobj(Text)}
            every = {id(t) for tick in axis.get_major_ticks() for t in tick.findobj(Text)}
            every |= {id(t) for tick in axis.get_minor_ticks() for t in tick.findobj(Text)}
            hidden |= every - drawn
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return [t for t in texts if t.get_visible() and t.get_text().strip() and id(t) not in hidden]


def faults(figure: Figure) -> list[str]:
    """What is too small, off the canvas, or covered by another text."""
    figure.draw_without_rendering()
    found, boxes = [], []
    slack = SLACK * figure.dpi / 72
    low, high = np.array(figure.bbox.min) - slack, np.array(figure.bbox.max) + slack
    for text in shown(figure):
        said, box = text.get_text().replace("\n", " / "), text.get_window_extent()
        if float(text.get_fontsize()) < style.SMALLEST:
            found.append(f"'{said}' has {text.get_fontsize()} pt")
        if (box.min < low).any() or (box.max > high).any():
            found.append(f"'{said}' leaves the canvas")
        boxes.append((said, box, text.get_rotation() % 90 != 0))
    for (one, a, leans), (other, b, too) in combinations(boxes, 2):
        if leans and too:  # slanted neighbours' boxes overlap where their ink does not
            continue
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        if min(across, down) > slack:
            found.append(f"'{one}' lies on '{other}'")
    return found


@pytest.fixture(autouse=True)
def _styled() -> Iterator[None]:
    style.apply()
    yield
    plt.close("all")


@pytest.fixture(scope="module", params=[1, 3, 7])
def names(request: pytest.FixtureRequest) -> list[str]:
    return [f"e{place}" for place in range(request.param)]


@pytest.fixture(scope="module")
def tables(names: list[str]) -> dict[str, pd.DataFrame]:
    return tables_of(names)


@pytest.mark.parametrize("width", [3.4, pytest.param(5.5, marks=pytest.mark.slow), 7.0])
@pytest.mark.parametrize("name", stage.NAMES)
def test_texts_are_legible(
    name: str, width: float, names: list[str], tables: dict[str, pd.DataFrame]
) -> None:
    science = importlib.import_module(f"whypretrain.report.figures.{name}")
    figure, _ = science.draw(tables, settings_of(names, width))
    assert figure.get_figwidth() <= width + 1e-9
    assert not faults(figure)


INTERVALS = "95% interval"
LEGENDS = {
    "adapting": {"chance level, 0", "full fine-tuning", "lora, titled"},
    "agreement": {"chance level, 0"},
    "fig2": {"chance level", "noise floor"},
    "fig3": {"chance level of each"},
    "fig4": {"chance level"},
    "exclusive": {"alone, chance level"},
    "salience": {"chance level: as many at random"},
    "sensitivity": {"chance level", "interval of the base"},
    "stopping": {"chance level, 0", "its chance level", "emerged until then", "emerges after it"},
    "turnover": {"chance level", "removed", "preserved", "emerged"},
}
"""What legends must tell besides the interval."""


@pytest.mark.parametrize("name", sorted(set(stage.NAMES) - {"claims", "pairs"}))
def test_legends_tell_what_is_drawn(name: str) -> None:
    science = importlib.import_module(f"whypretrain.report.figures.{name}")
    figure, _ = science.draw(tables_of(["e0", "e1"]), settings_of(["e0", "e1"], 7.0))
    told = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert {INTERVALS} | LEGENDS.get(name, set()) <= told


def test_faults_are_found() -> None:
    figure = plt.figure(figsize=(2, 1), layout="none")
    figure.text(0.1, 0.5, "small", fontsize=5)
    assert faults(figure) == ["'small' has 5.0 pt"]
    figure.text(0.12, 0.5, "upon it")
    figure.text(0.9, 0.1, "beyond the canvas")
    assert len(faults(figure)) == 3
