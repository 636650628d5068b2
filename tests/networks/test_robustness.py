"""Robustness: the table by a slow count, on images and on sentences."""

from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.conftest import small
from tests.data.test_texts import SPLIT
from tests.stages.test_stages import run
from whypretrain.data.inputs import inputs_of
from whypretrain.data.shifts import shifted
from whypretrain.data.table import Split
from whypretrain.networks.build import build, classifier, save_weights
from whypretrain.networks.robustness import attacked, robustness_table
from whypretrain.networks.train import evaluate
from whypretrain.settings.models import Architecture, TextArchitecture
from whypretrain.settings.robustness import Robustness, RobustnessSettings
from whypretrain.stages import robustness

CPU = torch.device("cpu")
LEVELS = Robustness(
    noise=[0.2, 2.0], rotation=[30], adversarial=[0.05], masked_words=[0.2, 1.0], seed=4
)


def settings_of(architecture: Architecture) -> RobustnessSettings:
    return RobustnessSettings(architecture=architecture, robustness=LEVELS)


def built(architecture: Architecture, split: Split) -> nn.Module:
    """A random network whose predictions on the split are spread over the classes."""
    torch.manual_seed(0)
    model = build(architecture, len(split.classes)).eval()
    data = inputs_of(split, architecture, device=CPU)
    logits = model(data.batch(torch.arange(len(data)), None)).detach()
    with torch.no_grad():
        classifier(model).bias.sub_(logits.mean(dim=0))
    return model


def check_by_hand(
    table: pd.DataFrame, model: nn.Module, split: Split, architecture: Architecture
) -> None:
    """Every number again, one item at a time."""
    plain: list[bool] = []
    inputs = inputs_of(split, architecture, device=CPU)
    for row in cast("Any", table.itertuples()):
        labels = torch.tensor(split.labels)
        attack = row.shift == "adversarial"
        data = inputs if attack else shifted(inputs, split, row.shift, row.level, LEVELS.seed)
        shown = [data.batch(item, None) for item in torch.arange(len(data)).split(1)]
        if attack:
            each = zip(shown, labels.split(1), strict=True)
            shown = [against(model, image, label, row.level) for image, label in each]
        logits = torch.cat([model(one).detach() for one in shown])
        right = (logits.argmax(dim=1) == labels).tolist()
        plain = plain or right
        assert row.n_items == len(split.ids)
        assert row.n_correct == sum(right)
        assert row.accuracy == pytest.approx(sum(right) / len(right))
        assert row.loss == pytest.approx(functional.cross_entropy(logits, labels).item(), rel=1e-4)
        pairs = list(zip(plain, right, strict=True))
        assert row.n_lost == pairs.count((True, False))
        assert row.n_gained == pairs.count((False, True))


def against(model: nn.Module, image: Tensor, label: Tensor, step: float) -> Tensor:
    """One step that raises the loss, in intensities."""
    mean, std = 0.3, 0.35
    pixels = (image * std + mean).requires_grad_()
    functional.cross_entropy(model((pixels - mean) / std), label).backward()
    assert pixels.grad is not None
    return ((pixels + step * pixels.grad.sign()).detach().clamp(0, 1) - mean) / std


def test_images(digits: tuple[Split, Split]) -> None:
    architecture = small("whypretrain_resnet")
    model = built(architecture, digits[1])
    table = robustness_table(model, digits[1], settings_of(architecture), CPU)
    assert list(zip(table["shift"], table["level"], strict=True)) == [
        ("none", 0.0),
        ("noise", 0.2),
        ("noise", 2.0),
        ("rotation", 30.0),
        ("adversarial", 0.05),
    ]
    check_by_hand(table, model, digits[1], architecture)
    assert table["n_lost"].iloc[0] == table["n_gained"].iloc[0] == 0
    assert (table["n_lost"] + table["n_gained"]).iloc[1:].sum() > 0
    whole = evaluate(model, inputs_of(digits[1], architecture, device=CPU))
    assert table["accuracy"].iloc[0] == whole.accuracy


def test_sentences(encoder: TextArchitecture) -> None:
    # More sentences than one, so that batches are sorted; of unlike lengths, so that they move.
    texts = [" ".join(text.split()[: 2 + i % 7]) for i, text in enumerate(SPLIT.texts * 4)]
    split = SPLIT._replace(
        ids=[str(i) for i in range(len(texts))], texts=texts, labels=[0, 1, 1, 0, 1, 0] * 4
    )
    model = built(encoder, split)
    table = robustness_table(model, split, settings_of(encoder), CPU)
    assert table["shift"].tolist() == ["none", "masked_words", "masked_words"]
    check_by_hand(table, model, split, encoder)
    assert (table["n_lost"] + table["n_gained"]).iloc[1:].sum() > 0


def test_the_stage_writes_the_table_the_same_each_time(
    digits_folder: Path,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    architecture = small("whypretrain_vit")
    model = built(architecture, digits[1])
    weights = tmp_path / "net" / "digits" / "run" / "weights.safetensors"
    save_weights(weights, model.state_dict(), {})
    written = []
    for name in ("a", "b"):
        run(
            monkeypatch,
            robustness,
            *("--settings", settings_of(architecture).to_json(), "--weights", weights),
            *("--test", digits_folder / "test.parquet"),
            *("--table", tmp_path / "net" / "digits" / "run" / f"{name}.csv"),
        )
        written.append(weights.with_name(f"{name}.csv").read_bytes())
    assert written[0] == written[1]
    expected = robustness_table(model, digits[1], settings_of(architecture), CPU)
    pd.testing.assert_frame_equal(pd.read_csv(weights.with_name("a.csv")), expected)


def test_shifts_can_be_left_out() -> None:
    none = RobustnessSettings(
        architecture=small("whypretrain_vit"),
        robustness=Robustness(noise=[], rotation=[], adversarial=[]),
    )
    assert none.shifts() == [("none", 0.0)]


def test_an_attack_takes_one_step_and_harms_even_a_network_that_is_very_sure(
    digits: tuple[Split, Split],
) -> None:
    architecture, split = small("whypretrain_vit"), digits[1]
    model = built(architecture, split)
    with torch.no_grad():
        classifier(model).weight.mul_(1e6)  # the loss of most items is 0 in float32
        classifier(model).bias.mul_(1e6)
    inputs = inputs_of(split, architecture, device=CPU)
    images, labels = next(inputs.batches(32))
    labels = model(images).argmax(dim=1)
    losses = functional.cross_entropy(model(images), labels, reduction="none")
    assert (losses == 0).float().mean() > 0.5
    moved = attacked(model, images, labels, architecture, 0.05)
    intensities = moved * 0.35 + 0.3
    assert -1e-6 <= intensities.min() <= intensities.max() <= 1 + 1e-6
    changes = (moved - images).abs() * 0.35
    assert changes.max() <= 0.05 + 1e-5
    inner = (intensities > 1e-3) & (intensities < 1 - 1e-3)
    assert ((changes[inner] - 0.05).abs() < 1e-5).all()
    assert (model(moved).argmax(dim=1) != labels).float().mean() > 0.2
