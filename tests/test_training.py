"""The training loop: repeatable, resumable, with snapshots where they are due."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.conftest import small
from whypretrain import training
from whypretrain.config.training import Recipe
from whypretrain.data.images import Images
from whypretrain.data.table import Split
from whypretrain.models.build import build, read_weights
from whypretrain.numerics import seed_everything
from whypretrain.training import Outputs, fit

RECIPE = Recipe(epochs=4, batch_size=5, learning_rate=0.01, warmup_epochs=1)
FRACTIONS = (0.0, 0.1, 0.5, 1.0)


def run(folder: Path, digits: tuple[Split, Split], recipe: Recipe = RECIPE, seed: int = 0) -> None:
    architecture = small("whypretrain_resnet")
    torch.manual_seed(seed)
    fit(
        build(architecture, 3),
        Images(digits[0], architecture),
        Images(digits[1], architecture),
        Outputs({f: folder / f"{f}.safetensors" for f in FRACTIONS}, folder / "history.csv"),
        recipe=recipe,
        seed=seed,
        device=torch.device("cpu"),
        label="test",
        identity=f"{recipe}{seed}",
        metadata={"version": "test"},
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_snapshots_stand_where_they_are_due(digits: tuple[Split, Split], tmp_path: Path) -> None:
    run(tmp_path, digits)
    n_steps = 4 * 3  # 12 images in batches of 5
    for fraction, step in zip(FRACTIONS, (0, 1, 6, 12), strict=True):
        assert step == round(fraction * n_steps)
        _, metadata = read_weights(tmp_path / f"{fraction}.safetensors")
        assert metadata["fraction"] == fraction
        assert metadata["step"] == step
        assert metadata["epoch"] == pytest.approx(step / 3)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert history.loc[0, ["train_loss", "train_accuracy"]].isna().all()
    assert history["test_loss"].notna().all()
    assert history["learning_rate"].iloc[-1] < history["learning_rate"].iloc[1]
    assert {path.name for path in tmp_path.iterdir()} == set(contents(tmp_path))
    assert not list(tmp_path.glob(".*"))


def test_same_seed_same_bytes_another_seed_others(
    digits: tuple[Split, Split], tmp_path: Path
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(tmp_path / name, digits, seed=seed)
    first, again, other = (contents(tmp_path / name) for name in "abc")
    assert first == again
    assert first["1.0.safetensors"] != other["1.0.safetensors"]


@pytest.mark.parametrize("killed_in_epoch", [0, 2, 3])
def test_a_killed_run_goes_on_to_the_same_end(
    killed_in_epoch: int,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(tmp_path / "undisturbed", digits)
    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL", -1.0)
    seeds: list[int] = []

    def kill_in_epoch(*parts: int | str) -> int:
        seeds.append(int(parts[-1]))
        if seeds[-1] == killed_in_epoch and seeds.count(killed_in_epoch) == 1:
            raise KeyboardInterrupt
        return seed_everything(*parts)

    monkeypatch.setattr("whypretrain.training.seed_everything", kill_in_epoch)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", digits)
    assert not (tmp_path / "killed" / "history.csv").exists()
    run(tmp_path / "killed", digits)
    assert seeds == [*range(killed_in_epoch + 1), *range(killed_in_epoch, 4)]
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")


def test_a_checkpoint_of_another_run_is_not_resumed(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = tmp_path / "run" / ".history.partial"
    partial.mkdir(parents=True)
    (partial / "checkpoint.pt").write_bytes(b"damaged")
    run(tmp_path / "run", digits)
    monkeypatch.setattr(training, "CHECKPOINT_INTERVAL", -1.0)
    monkeypatch.setattr("whypretrain.training.shutil.copyfile", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "other", digits, seed=1)  # leaves a checkpoint of seed 1
    monkeypatch.undo()
    run(tmp_path / "other", digits, seed=0)
    assert contents(tmp_path / "other") == contents(tmp_path / "run")


def test_divergence_says_what_to_change(digits: tuple[Split, Split], tmp_path: Path) -> None:
    wild = RECIPE.model_copy(update={"learning_rate": 1e30, "optimizer": "sgd"})
    with pytest.raises(FloatingPointError, match=r"loss is .* lower learning_rate \(now 1e\+30\)"):
        run(tmp_path, digits, recipe=wild)


def test_a_last_batch_of_one_is_left_out(digits: tuple[Split, Split], tmp_path: Path) -> None:
    run(tmp_path, digits, recipe=RECIPE.model_copy(update={"batch_size": 11}))
    _, metadata = read_weights(tmp_path / "1.0.safetensors")
    assert metadata["step"] == 4
