"""The training loop: repeatable, resumable, with snapshots where they are due."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from tests.conftest import small
from whypretrain.data.batches import Inputs
from whypretrain.data.images import Images
from whypretrain.data.table import Split
from whypretrain.networks import train as training
from whypretrain.networks.build import build, read_weights
from whypretrain.networks.numerics import seed_everything
from whypretrain.networks.train import Run, evaluate, evaluation_batch, fit
from whypretrain.settings.training import Augmentation, Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=4, batch_size=5, learning_rate=0.01, warmup_epochs=1)
FRACTIONS = (0.0, 0.1, 0.5, 1.0)


def run_in(folder: Path, recipe: Recipe, fractions: Sequence[float], *, seed: int = 0) -> Run:
    return Run(
        recipe=recipe,
        seed=seed,
        device=CPU,
        snapshots={fraction: folder / f"{fraction}.safetensors" for fraction in fractions},
        history=folder / "history.csv",
        label="test",
        identity=f"{recipe}{seed}",
        metadata={"version": "test"},
    )


def run(
    folder: Path,
    digits: tuple[Split, Split],
    recipe: Recipe = RECIPE,
    *,
    seed: int = 0,
    network: str = "whypretrain_resnet",
) -> None:
    architecture = small(network)
    torch.manual_seed(seed)
    fit(
        build(architecture, 3),
        Images(digits[0], architecture, recipe.augmentation, device=CPU),
        Images(digits[1], architecture, device=CPU),
        run_in(folder, recipe, FRACTIONS, seed=seed),
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_snapshots_stand_where_they_are_due(digits: tuple[Split, Split], tmp_path: Path) -> None:
    run(tmp_path, digits)
    n_steps = 4 * 3  # 12 images in batches of 5
    for fraction, step in zip(FRACTIONS, (0, 1, 6, 12), strict=True):
        assert step == round(fraction * n_steps)
        metadata = read_weights(tmp_path / f"{fraction}.safetensors")[1].metadata
        assert metadata["fraction"] == fraction
        assert metadata["step"] == step
        assert metadata["epoch"] == pytest.approx(step / 3)
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert history.loc[0, ["train_loss", "train_accuracy"]].isna().all()
    assert history["test_loss"].notna().all()
    assert history["learning_rate"].iloc[-1] < history["learning_rate"].iloc[1]
    files = {*(f"{fraction}.safetensors" for fraction in FRACTIONS), "history.csv"}
    sums = {f".{name}.sha256" for name in files}
    turns = {".history.lock", ".history.done"}
    assert {path.name for path in tmp_path.iterdir()} - turns == files | sums


def test_same_seed_same_bytes_another_seed_others(
    digits: tuple[Split, Split], tmp_path: Path
) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(tmp_path / name, digits, seed=seed)
    first, again, other = (contents(tmp_path / name) for name in "abc")
    assert first == again
    assert first["1.0.safetensors"] != other["1.0.safetensors"]


@pytest.mark.parametrize(
    ("killed_in_epoch", "precision"),
    [(0, torch.float32), (2, torch.float32), (3, torch.float32), (2, torch.float16)],
)
def test_a_killed_run_goes_on_to_the_same_end(
    killed_in_epoch: int,
    precision: torch.dtype,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "_precision", lambda *_: precision)
    run(tmp_path / "undisturbed", digits)
    monkeypatch.setenv(training.CHECKPOINT_VARIABLE, "0")
    seeds: list[int] = []

    def kill_in_epoch(*parts: int | str) -> int:
        seeds.append(int(parts[-1]))
        if seeds[-1] == killed_in_epoch and seeds.count(killed_in_epoch) == 1:
            raise KeyboardInterrupt
        return seed_everything(*parts)

    monkeypatch.setattr("whypretrain.networks.train.seed_everything", kill_in_epoch)
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
    monkeypatch.setenv(training.CHECKPOINT_VARIABLE, "0")
    monkeypatch.setattr("whypretrain.networks.train.shutil.copyfile", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "other", digits, seed=1)  # leaves a checkpoint of seed 1
    monkeypatch.undo()
    run(tmp_path / "other", digits, seed=0)
    assert contents(tmp_path / "other") == contents(tmp_path / "run")


def test_divergence_says_what_to_change(digits: tuple[Split, Split], tmp_path: Path) -> None:
    wild = RECIPE.model_copy(update={"learning_rate": 1e30, "optimizer": "sgd"})
    with pytest.raises(FloatingPointError, match=r"loss is .* lower learning_rate \(now 1e\+30\)"):
        run(tmp_path, digits, recipe=wild)


@pytest.mark.parametrize(("learning_rate", "collapses"), [(0.05, False), (0.2, True)])
def test_a_network_that_does_not_begin_to_learn_is_told_early(
    learning_rate: float,
    collapses: bool,
    digits: tuple[Split, Split],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A VGG without BatchNorm, whose loss stays above ln 3 where the rate is too high."""
    recipe = Recipe(epochs=10, batch_size=4, optimizer="sgd", learning_rate=learning_rate)
    run(tmp_path, digits, recipe, network="whypretrain_vgg")
    said = [line for line in capsys.readouterr().err.splitlines() if "not begun" in line]
    assert len(said) == collapses
    assert all("after 2 of 10 epochs" in line and "(now 0.2)" in line for line in said)
    losses = pd.read_csv(tmp_path / "history.csv")["train_loss"]
    assert len(losses) == 11
    assert (losses.iloc[-1] > 1) == collapses


def test_a_last_batch_of_one_is_left_out(digits: tuple[Split, Split], tmp_path: Path) -> None:
    run(tmp_path, digits, recipe=RECIPE.model_copy(update={"batch_size": 11}))
    metadata = read_weights(tmp_path / "1.0.safetensors")[1].metadata
    assert metadata["step"] == 4


def weights(path: Path) -> dict[str, Tensor]:
    return read_weights(path / "1.0.safetensors")[0]


def test_a_resumed_run_sees_the_same_random_changes(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaken = Augmentation(crop_min_scale=0.5, rotate=10, flip=True, jitter=0.2)
    recipe = RECIPE.model_copy(update={"epochs": 3, "augmentation": shaken})
    run(tmp_path / "undisturbed", digits, recipe)
    monkeypatch.setenv(training.CHECKPOINT_VARIABLE, "0")
    monkeypatch.setattr("whypretrain.networks.train.shutil.copyfile", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "killed", digits, recipe)
    state = torch.load(tmp_path / "killed" / ".history.partial" / "checkpoint.pt")
    assert state["epoch"] == 3
    monkeypatch.undo()
    run(tmp_path / "killed", digits, recipe)
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_micro_batches_add_up_to_the_batch(
    size: int, digits: tuple[Split, Split], tmp_path: Path
) -> None:
    """With SGD, whose steps are proportional to the gradient, and a network without BatchNorm."""
    whole = Recipe(epochs=2, batch_size=5, optimizer="sgd", learning_rate=0.1, label_smoothing=0.1)
    parts = whole.model_copy(update={"micro_batch_size": size})
    for name, recipe in (("whole", whole), ("parts", parts)):
        run(tmp_path / name, digits, recipe, network="whypretrain_vit")
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)
    first, second = (pd.read_csv(tmp_path / name / "history.csv") for name in ("whole", "parts"))
    pd.testing.assert_frame_equal(first, second, rtol=1e-4)


@pytest.mark.parametrize("frozen", [False, True])
def test_frozen_batch_norm_keeps_its_statistics_and_learns_its_weights(
    frozen: bool, digits: tuple[Split, Split], tmp_path: Path
) -> None:
    run(tmp_path, digits, RECIPE.model_copy(update={"freeze_batch_norm": frozen}))
    before, after = (read_weights(tmp_path / f"{f}.safetensors")[0] for f in (0.0, 1.0))
    same = {name for name in before if torch.equal(before[name], after[name])}
    statistics = {n for n in before if n.endswith(("_mean", "_var", "_tracked"))}
    assert statistics
    assert same == (statistics if frozen else set())


def test_the_head_learns_faster_by_the_multiplier(
    digits: tuple[Split, Split], tmp_path: Path
) -> None:
    """One step of plain SGD moves the head by the learning rate times the same gradient."""
    plain = Recipe(
        epochs=1, batch_size=12, optimizer="sgd", learning_rate=0.01, momentum=0, weight_decay=0
    )
    fast = plain.model_copy(update={"head_learning_rate_multiplier": 10.0})
    moved: list[dict[str, Tensor]] = []
    for name, recipe in (("plain", plain), ("fast", fast)):
        run(tmp_path / name, digits, recipe, network="whypretrain_vgg")
        start, _ = read_weights(tmp_path / name / "0.0.safetensors")
        moved.append({k: v - start[k] for k, v in weights(tmp_path / name).items()})
    head = {name for name in moved[0] if name.startswith("head.fc.")}
    assert len(head) == 2
    for name, value in moved[0].items():
        factor = 10 if name in head else 1
        torch.testing.assert_close(moved[1][name], factor * value, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_mixed_precision_trains_float32_weights_and_says_so(
    precision: torch.dtype,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[bool, bool]] = []

    def looked_at(module: nn.Module, *_: object) -> None:
        seen.append((module.training, torch.is_autocast_enabled("cpu")))

    run(tmp_path / "full", digits)
    monkeypatch.setattr(training, "_precision", lambda *_: precision)
    hook = nn.modules.module.register_module_forward_hook(looked_at)
    run(tmp_path / "mixed", digits)
    hook.remove()
    assert set(seen) == {(True, True), (False, False)}
    mixed, loaded = read_weights(tmp_path / "mixed" / "1.0.safetensors")
    assert loaded.metadata["precision"] == str(precision).removeprefix("torch.")
    full, loaded = read_weights(tmp_path / "full" / "1.0.safetensors")
    assert loaded.metadata["precision"] == "float32"
    assert {name: value.dtype for name, value in mixed.items()} == {
        name: value.dtype for name, value in full.items()
    }


@pytest.mark.parametrize(
    ("device", "wanted", "capability", "expected"),
    [
        ("cpu", True, None, torch.float32),
        ("cuda", False, None, torch.float32),
        ("cuda", True, (7, 5), torch.float16),
        ("cuda", True, (8, 0), torch.bfloat16),
    ],
)
def test_the_card_decides_the_precision(
    device: str,
    wanted: bool,
    capability: tuple[int, int] | None,
    expected: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: capability)
    recipe = Recipe(mixed_precision=wanted)
    assert training._precision(recipe, torch.device(device)) is expected


class Sequences(Inputs):
    """Ids of different lengths, whose class is their first one; padded with 0."""

    def __init__(self, n: int) -> None:
        generator = torch.Generator().manual_seed(n)
        lengths = torch.randint(1, 6, (n, 1), generator=generator)
        ids = torch.randint(1, 4, (n, 5), generator=generator)
        self.ids = torch.where(torch.arange(5) < lengths, ids, 0)
        self.labels, self.device = self.ids[:, 0] - 1, CPU

    def batch(self, index: Tensor, drawn: Tensor | None) -> Tensor:
        del drawn
        ids = self.ids[index]
        return ids[:, ids.any(dim=0)]


class FirstId(nn.Module):
    """A classifier of sequences by the embedding of their first id."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 8, padding_idx=0)
        self.head = nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.embedding(ids)[:, 0])

    def get_classifier(self) -> nn.Linear:
        return self.head


def test_inputs_of_different_lengths_are_learnt(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = FirstId()
    recipe = Recipe(epochs=5, batch_size=8, learning_rate=0.1, micro_batch_size=3)
    fit(model, Sequences(60), Sequences(20), run_in(tmp_path, recipe, [1.0]))
    assert evaluate(model, Sequences(20)).accuracy == 1


@pytest.mark.parametrize(("side", "expected"), [(28, 256), (224, 64), (448, 16), (4000, 1)])
def test_large_images_are_evaluated_in_smaller_batches(side: int, expected: int) -> None:
    class Large(Sequences):
        def batch(self, index: Tensor, drawn: Tensor | None) -> Tensor:
            del drawn
            return torch.zeros(len(index), 3, side, side)

    assert evaluation_batch(Large(2)) == expected


def test_a_loss_that_is_not_finite_is_seen_before_a_snapshot(
    digits: tuple[Split, Split], tmp_path: Path
) -> None:
    """Whatever the step; else it is looked at once in a while, as a card would have to wait."""
    wild = Recipe(epochs=4, batch_size=1, learning_rate=1e30, optimizer="sgd")
    architecture = small("whypretrain_vgg")
    train, test = (Images(split, architecture, device=CPU) for split in digits)
    with pytest.raises(FloatingPointError, match="by step 5;"):
        fit(build(architecture, 3), train, test, run_in(tmp_path, wild, [5 / 48, 1.0]))


def test_progress_counts_steps_and_ends_with_the_test(
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("whypretrain.files.progress.INTERVAL", 0.0)
    run(tmp_path, digits)
    *lines, warning = capsys.readouterr().err.splitlines()
    assert "WARNING: it has not learned" in warning  # in twelve steps
    assert len(lines) == 4 * 3
    assert "1/12" in lines[0]
    assert "12/12" in lines[-1]
    last = pd.read_csv(tmp_path / "history.csv").iloc[-1]
    assert lines[-1].endswith(
        f"loss {last.train_loss:.3f}; test loss {last.test_loss:.3f} "
        f"accuracy {last.test_accuracy:.1%}"
    )


@pytest.mark.parametrize("scaled", [False, True])
def test_a_checkpoint_holds_the_gradient_scale(scaled: bool, tmp_path: Path) -> None:
    before = torch.amp.GradScaler("cpu", init_scale=8.0, enabled=scaled)
    before.scale(torch.ones(1))  # a scaler keeps its scale from its first use on
    run = run_in(tmp_path, RECIPE, FRACTIONS)
    training._save(run, {"scaler": before}, 1, [])
    after = torch.amp.GradScaler("cpu", enabled=scaled)
    assert training._resume(run, {"scaler": after}) == (1, [])
    assert after.get_scale() == before.get_scale()
