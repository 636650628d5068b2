"""BatchNorm statistics of what is measured: right, repeatable, and nothing to training."""

import copy
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from tests.conftest import small
from tests.networks.test_train import FRACTIONS, RECIPE, contents, run, run_in
from whypretrain.data.images import Images
from whypretrain.data.table import Split
from whypretrain.networks import batch_norm
from whypretrain.networks import train as training
from whypretrain.networks.batch_norm import reestimated
from whypretrain.networks.build import build, load_all, read_weights
from whypretrain.networks.numerics import seed_everything
from whypretrain.networks.train import evaluate, fit
from whypretrain.settings.training import Augmentation, Recipe

CPU = torch.device("cpu")
ANEW = RECIPE.model_copy(update={"reestimate_batch_norm": True})
STATISTICS = ("_mean", "_var", "_tracked")
LAST = "1.0.safetensors"


def network(name: str = "whypretrain_resnet", **options: object) -> nn.Module:
    torch.manual_seed(0)
    architecture = small(name)
    return build(architecture.model_copy(update={"options": options}), 3)


def weights(path: Path) -> dict[str, Tensor]:
    return read_weights(path)[0]


@pytest.mark.parametrize("batch_size", [100, 4])
def test_statistics_are_those_of_the_whole_split(
    digits: tuple[Split, Split], batch_size: int
) -> None:
    """torch's own function is the oracle, for a network in which nothing else differs."""
    images = Images(digits[0], small("whypretrain_resnet"), device=CPU)
    model = network()
    expected = copy.deepcopy(model)
    update_bn(((x,) for x, _ in images.batches(batch_size, seed=5)), expected)
    with reestimated(model, images, batch_size=batch_size, seed=5):
        assert not any(module.training for module in model.modules())
        for name, value in expected.state_dict().items():
            torch.testing.assert_close(model.state_dict()[name], value)


def test_afterwards_the_network_and_the_generators_are_as_before(
    digits: tuple[Split, Split],
) -> None:
    images = Images(digits[0], small("whypretrain_vgg"), device=CPU)
    model = network("whypretrain_vgg", drop_rate=0.5).train()
    layer = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d)).eval()
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with reestimated(model, images, batch_size=5, seed=0):
        inside = copy.deepcopy(model.state_dict())
    assert torch.equal(torch.rand(2), expected)
    assert [m for m in model.modules() if not m.training] == [layer]
    assert layer.momentum == 0.1
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    changed = {name for name in before if not torch.equal(before[name], inside[name])}
    assert changed == {name for name in before if name.endswith(STATISTICS)}


def test_dropout_and_augmentation_are_off(digits: tuple[Split, Split]) -> None:
    shaken = Augmentation(rotate=90, translate=0.3, flip=True)
    statistics = []
    for rate, augmentation in ((0.0, None), (0.9, shaken)):
        images = Images(digits[0], small("whypretrain_resnet"), augmentation, device=CPU)
        model = network(drop_path_rate=rate).train()
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):  # timm starts residual branches at 0
                nn.init.ones_(layer.weight)
        with reestimated(model, images, batch_size=6, seed=1):
            statistics.append(copy.deepcopy(model.state_dict()))
    for name, value in statistics[0].items():
        # Augmented images are kept smaller, and enlarged by other arithmetic.
        torch.testing.assert_close(statistics[1][name], value, atol=0.02, rtol=0.02)


def test_of_a_large_split_a_part_is_enough(
    digits: tuple[Split, Split], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_norm, "MOST_ESTIMATED", 7)
    images = Images(digits[0], small("whypretrain_resnet"), device=CPU)
    model, seen = network(), []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    with reestimated(model, images, batch_size=4, seed=0):
        assert seen == [3, 3]


def test_a_network_without_batch_norm_is_left_alone(digits: tuple[Split, Split]) -> None:
    model = network("whypretrain_vit").train()
    model.register_forward_pre_hook(lambda *_: 1 / 0)
    images = Images(digits[0], small("whypretrain_vit"), device=CPU)
    with reestimated(model, images, batch_size=4, seed=0):
        assert model.training


@pytest.mark.parametrize("micro_batch_size", [None, 3])
def test_training_goes_on_as_it_would(
    micro_batch_size: int | None, digits: tuple[Split, Split], tmp_path: Path
) -> None:
    """Bit for bit: what is trained, and the losses of training."""
    for name, recipe in (("lagging", RECIPE), ("anew", ANEW)):
        parts = recipe.model_copy(update={"micro_batch_size": micro_batch_size})
        run(tmp_path / name, digits, parts)
    for fraction in FRACTIONS:
        file = f"{fraction}.safetensors"
        before, after = (weights(tmp_path / name / file) for name in ("lagging", "anew"))
        for name, value in before.items():
            if not name.endswith("_tracked"):
                assert torch.equal(value, after[name]) != name.endswith(STATISTICS)
    histories = [pd.read_csv(tmp_path / name / "history.csv") for name in ("lagging", "anew")]
    tested = ["test_loss", "test_accuracy"]
    lagging, anew = (history.drop(columns=tested) for history in histories)
    pd.testing.assert_frame_equal(lagging, anew)
    assert (histories[0]["test_loss"] != histories[1]["test_loss"]).all()


def test_the_history_is_that_of_the_snapshots(digits: tuple[Split, Split], tmp_path: Path) -> None:
    run(tmp_path, digits, ANEW)
    history = pd.read_csv(tmp_path / "history.csv").set_index("epoch")
    test = Images(digits[1], small("whypretrain_resnet"), device=CPU)
    train = Images(digits[0], small("whypretrain_resnet"), device=CPU)
    model = network().eval()
    for fraction, epoch in ((0.0, 0), (0.5, 2), (1.0, 4)):
        load_all(model, tmp_path / f"{fraction}.safetensors")
        score = evaluate(model, test)
        assert history.loc[epoch, "test_accuracy"] == score.accuracy
        assert history.loc[epoch, "test_loss"] == pytest.approx(score.loss, rel=1e-6)
        kept = copy.deepcopy(model.state_dict())
        with reestimated(model, train, batch_size=256, seed=0):
            for name, value in model.state_dict().items():
                torch.testing.assert_close(value, kept[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("killed_in_epoch", [0, 2, 3])
def test_a_killed_run_goes_on_to_the_same_end(
    killed_in_epoch: int,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(tmp_path / "undisturbed", digits, ANEW)
    monkeypatch.setenv(training.CHECKPOINT_VARIABLE, "0")

    def kill(*parts: int | str) -> int:
        if parts[-1] == killed_in_epoch:
            raise KeyboardInterrupt
        return seed_everything(*parts)

    with monkeypatch.context() as killed:
        killed.setattr(training, "seed_everything", kill)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed", digits, ANEW)
    run(tmp_path / "killed", digits, ANEW)
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")


def test_it_makes_up_for_averages_that_lag(digits: tuple[Split, Split], tmp_path: Path) -> None:
    """After one large step, running averages are still nearly those of the first weights."""
    large = Recipe(epochs=1, batch_size=12, learning_rate=0.1)
    losses = []
    for anew in (False, True):
        recipe = large.model_copy(update={"reestimate_batch_norm": anew})
        model = network()
        train, test = (Images(split, small("whypretrain_resnet"), device=CPU) for split in digits)
        fit(model, train, test, run_in(tmp_path / str(anew), recipe, [1.0]))
        load_all(model, tmp_path / str(anew) / LAST)
        losses.append(evaluate(model, train).loss)
    assert losses[1] < 0.5 * losses[0]
