"""Overlays show the strongest sets of each model, where they are, and fit the print."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from tests.report.figures.test_print import faults
from whypretrain.report import overlay, style
from whypretrain.report.explanation import Explanation

PLAYERS = np.repeat(np.repeat(np.arange(4).reshape(2, 2), 3, axis=0), 3, axis=1).astype(np.int16)
IMAGE = np.arange(36, dtype=np.uint8).reshape(1, 6, 6) * 5
SENTENCE = "what a good film although far too long for its own plot and its cast"
WORDS = SENTENCE.split()


def explained(strongest: int, *, words: bool = False) -> Explanation:
    """Four players; one set is the strongest, the others weaken with their number."""
    strengths = 1 / (2.0 + np.arange(16))
    strengths[strongest] = -3.0
    own = [place if place < 4 else -1 for place in range(len(WORDS))]
    return Explanation(
        outputs=strengths,
        interactions=strengths,
        players=PLAYERS,
        logits=np.array([0.0, 1.0], dtype=np.float32),
        label=1,
        image=None if words else IMAGE,
        words=WORDS if words else [],
        word_players=own if words else [],
        classes=["negative", "positive"],
    )


def models(*, words: bool = False) -> dict[str, Explanation]:
    return {
        label: explained(strongest, words=words)
        for label, strongest in zip(style.LABELS.values(), (0b0001, 0b1001, 0b0110), strict=False)
    }


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("width", [3.4, 5.5, 7.0])
def test_nothing_is_covered_or_cut(width: float, words: bool) -> None:
    style.apply()
    figure = overlay.draw(models(words=words), width=width)
    assert figure.get_figwidth() <= width
    assert not faults(figure)


def test_sets_stand_by_model_strongest_first() -> None:
    figure = overlay.draw(models(), count=2)
    assert titles(figure)[::2] == [
        "I(S) = −3.00, order 1",
        "I(S) = −3.00, order 2",
        "I(S) = −3.00, order 2",
    ]
    assert titles(figure)[1] == "I(S) = +0.25, order 1"  # 0b0010 after 0b0001
    assert len(titles(overlay.draw(models(), count=99))) == 3 * 15


def test_a_sets_pixels_stay_as_they_are_and_others_pale() -> None:
    figure = overlay.draw({"one": explained(0b1001)}, count=1)
    (axes,) = figure.axes
    shown = np.asarray(axes.images[0].get_array())
    inside = np.isin(PLAYERS, [0, 3])
    plain = np.broadcast_to(IMAGE.transpose(1, 2, 0) / 255, shown.shape)
    np.testing.assert_allclose(shown[inside], plain[inside])
    assert (shown[~inside] >= 0.75).all()
    # Two squares of three pixels a side.
    outlines = [one for one in axes.collections if isinstance(one, LineCollection)]
    assert [len(one.get_segments()) for one in outlines] == [24, 24]


def test_only_words_of_the_set_are_boxed() -> None:
    figure = overlay.draw({"one": explained(0b0101, words=True)}, count=1)
    (axes,) = figure.axes
    boxed = [text.get_text() for text in axes.texts if text.get_bbox_patch() is not None]
    assert boxed == ["what", "good"]
    assert [text.get_text() for text in axes.texts] == WORDS


@pytest.mark.parametrize("width", [3.4, 7.0])
@pytest.mark.parametrize("words", [False, True])
def test_and_or_sets_are_told_apart(width: float, words: bool) -> None:
    own = explained(0b0001, words=words)
    strengths = np.zeros(27)
    strengths[[0b0010, 0b0110, 16, 26]] = 1.0, -12.0, 3.0, 2.0
    model = replace(own, interactions=strengths)
    style.apply()
    figure = overlay.draw(dict.fromkeys(list(style.LABELS.values())[:3], model), width=width)
    assert titles(figure)[:4] == [
        "AND −12.00, order 2",
        "OR +3.00, order 2",
        "OR +2.00, order 4",
        "I(S) = +1.00, order 1",  # all of one player is any of it
    ]
    assert not faults(figure)


def test_what_cannot_be_shown_is_said() -> None:
    bare = Explanation(np.zeros(2), np.zeros(2), PLAYERS, np.zeros(2, dtype=np.float32), 0)
    with pytest.raises(ValueError, match="needs the sample's image or words"):
        overlay.draw({"one": bare})


def test_a_notebook_draws_sets_of_one_model(tmp_path: Path) -> None:
    figure = explained(0b0001).plot_sets(3)
    assert len(figure.axes) == 3
    figure.savefig(tmp_path / "sets.svg")
