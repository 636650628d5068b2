"""Extraction by hand: what is computed, kept, checked and written."""

from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import pytest
import torch

from tests.conftest import small
from tests.stages.test_stages import run
from whypretrain.data.batches import network_input
from whypretrain.data.samples import read_samples, write_samples
from whypretrain.data.table import Split
from whypretrain.interactions.forward import Assemble, Forward, MaskedInput, PlainForward, log_odds
from whypretrain.interactions.measure import evaluate
from whypretrain.interactions.record import read_record
from whypretrain.interactions.sampling import make_samples
from whypretrain.networks.build import build, load_all, save_weights
from whypretrain.settings.interactions import (
    Extraction,
    ExtractSettings,
    GridPlayers,
    SamplesSettings,
    Sampling,
)
from whypretrain.stages import extract

ARCHITECTURE = small("whypretrain_resnet")


def extraction(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    digits: tuple[Split, Split],
    per_class: int,
    *,
    killed_at: int = 0,
    noise: list[int] | None = None,
    noise_killed_at: int = 0,
    background: Literal["keep", "mask"] = "keep",
    **options: Any,
) -> list[int]:
    """Run the stage on two random snapshots; returns one entry a sample that was evaluated.

    `noise` gets one entry a sample that was evaluated again, plainly, for the noise floor.
    """
    sampling = Sampling(per_class=per_class, players=GridPlayers(n=4, cells=4, margin=0))
    samples = make_samples(*digits, SamplesSettings(sampling=sampling, architecture=ARCHITECTURE))
    write_samples(folder / "samples.h5", samples)
    settings = ExtractSettings(
        architecture=ARCHITECTURE,
        background=background,
        extraction=Extraction(**{"batch_size": 5} | options),
    )
    weights = [folder / f"{name}.safetensors" for name in "ab"]
    for seed, path in enumerate(weights):
        if not path.exists():
            torch.manual_seed(seed)
            spot = {"fraction": seed, "epoch": seed}
            save_weights(path, build(ARCHITECTURE, 3).state_dict(), spot)
    counts: list[int] = []
    again: list[int] = [] if noise is None else noise

    def counted(forward: Forward, group: list[MaskedInput], *rest: Any, **options: Any) -> Any:
        if isinstance(forward, PlainForward):  # which only measures the noise floor
            again.append(len(group))
            if 0 < noise_killed_at <= len(again):
                raise KeyboardInterrupt
        else:
            counts.extend([1] * len(group))
            if 0 < killed_at <= len(counts):
                raise KeyboardInterrupt
        return evaluate(forward, group, *rest, **options)

    monkeypatch.setattr("whypretrain.interactions.measure.evaluate", counted)
    run(
        monkeypatch,
        extract,
        *("--settings", settings.to_json(), "--samples", folder / "samples.h5"),
        *("--weights", *weights),
        *("--interactions", folder / "net.h5"),
    )
    monkeypatch.setattr("whypretrain.interactions.measure.evaluate", evaluate)
    return counts


def test_extraction_computes_only_what_is_missing(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "net.h5"
    assert len(extraction(tmp_path, monkeypatch, digits, per_class=1)) == 6
    before = output.read_bytes()
    assert len(extraction(tmp_path, monkeypatch, digits, per_class=1)) == 0
    assert output.read_bytes() == before
    assert len(extraction(tmp_path, monkeypatch, digits, per_class=2)) == 6
    (tmp_path / "a.safetensors").unlink()
    another = build(ARCHITECTURE, 3).state_dict()
    save_weights(tmp_path / "a.safetensors", another, {"fraction": 0, "epoch": 0})
    assert len(extraction(tmp_path, monkeypatch, digits, per_class=2)) == 6
    output.write_bytes(b"damaged")
    assert len(extraction(tmp_path, monkeypatch, digits, per_class=2)) == 12
    assert {path.name for path in tmp_path.glob(".net.*")} <= {".net.h5.sha256", ".net.lock"}


def test_outputs_that_are_not_finite_name_their_samples(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(ARCHITECTURE, 3)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1e30)
    save_weights(tmp_path / "a.safetensors", model.state_dict(), {"fraction": 0, "epoch": 0})
    said = r"samples \w+: \d+ of 16 outputs .*precision = 'float32'"
    with pytest.raises(FloatingPointError, match=said):
        extraction(tmp_path, monkeypatch, digits, per_class=1)


def test_a_killed_extraction_loses_one_sample_at_most(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        extraction(tmp_path, monkeypatch, digits, per_class=1, killed_at=5)
    # Three samples of the first snapshot and one of the second were done.
    assert len(extraction(tmp_path, monkeypatch, digits, per_class=1)) == 2


def test_a_killed_extraction_ends_with_the_same_bytes(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samples share batches here: what is done already must not change those of the others."""
    for name in ("killed", "undisturbed"):
        (tmp_path / name).mkdir()
    with pytest.raises(KeyboardInterrupt):
        extraction(
            tmp_path / "killed", monkeypatch, digits, per_class=2, killed_at=5, batch_size=32
        )
    for name in ("killed", "undisturbed"):
        extraction(tmp_path / name, monkeypatch, digits, per_class=2, batch_size=32)
    files = [(tmp_path / run / "net.h5").read_bytes() for run in ("killed", "undisturbed")]
    assert files[0] == files[1]


@pytest.mark.parametrize("noise_killed_at", [1, 3, 4, 5])
def test_killed_as_it_measures_noise_it_ends_with_the_same_bytes(
    noise_killed_at: int,
    digits: tuple[Split, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("killed", "undisturbed"):
        (tmp_path / name).mkdir()
    with pytest.raises(KeyboardInterrupt):
        extraction(tmp_path / "killed", monkeypatch, digits, 2, noise_killed_at=noise_killed_at)
    noise: list[int] = []
    counts = extraction(tmp_path / "killed", monkeypatch, digits, 2, noise=noise)
    # What a snapshot has is kept, its noise floor once all three samples are measured.
    assert len(counts) == (6 if noise_killed_at <= 3 else 0)
    assert len(noise) == (6 if noise_killed_at <= 3 else 3)
    extraction(tmp_path / "undisturbed", monkeypatch, digits, 2)
    files = [(tmp_path / run / "net.h5").read_bytes() for run in ("killed", "undisturbed")]
    assert files[0] == files[1]


def test_added_samples_end_with_the_same_bytes(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("grown", "at once"):
        (tmp_path / name).mkdir()
    extraction(tmp_path / "grown", monkeypatch, digits, per_class=1)
    for name in ("grown", "at once"):
        extraction(tmp_path / name, monkeypatch, digits, per_class=2)
    files = [(tmp_path / run / "net.h5").read_bytes() for run in ("grown", "at once")]
    assert files[0] == files[1]
    noise: list[int] = []
    extraction(tmp_path / "grown", monkeypatch, digits, per_class=2, noise=noise)
    assert not noise  # nothing is measured again where nothing is missing


def test_sharing_changes_nothing_beyond_the_noise_floor(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for sharing in (True, False):
        folder = tmp_path / str(sharing)
        folder.mkdir()
        extraction(folder, monkeypatch, digits, per_class=1, sharing=sharing)
        found[sharing] = read_record(folder / "net.h5")
    floor = found[True].noise_floor
    assert floor.shape == (2, 5)
    assert (floor >= 0).all()
    assert (floor < 1e-5).all()
    np.testing.assert_allclose(found[True].outputs, found[False].outputs, atol=1e-5)


def test_a_masked_background_is_masked_in_every_version(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extraction(tmp_path, monkeypatch, digits, per_class=1)
    kept = read_record(tmp_path / "net.h5").outputs[1]
    assert len(extraction(tmp_path, monkeypatch, digits, per_class=1, background="mask")) == 6
    samples = read_samples(tmp_path / "samples.h5")
    model = build(ARCHITECTURE, 3).eval()
    load_all(model, tmp_path / "b.safetensors")
    masked = read_record(tmp_path / "net.h5").outputs[1]
    for sample, outputs in zip(samples.samples, masked, strict=True):
        inputs = network_input(sample.baseline, ARCHITECTURE, torch.device("cpu"))[None]
        nothing_left = log_odds(model(inputs), sample.label).item()
        assert outputs[0] == pytest.approx(nothing_left, abs=1e-5)
    # Not in every sample: the network is random.
    assert (np.abs(kept - masked)[:, [0, -1]].max(axis=0) > 1e-3).all()


def test_lower_precision_is_measured_as_noise(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extraction(tmp_path, monkeypatch, digits, per_class=1, precision="bf16")
    floor = read_record(tmp_path / "net.h5").noise_floor
    assert floor[1, 0] > 1e-5  # this sample has players that look masked anyway


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a card")
def test_tf32_needs_a_card(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="'tf32': needs CUDA"):
        extraction(tmp_path, monkeypatch, digits, per_class=1, precision="tf32")


def test_three_products_in_tf32_have_nearly_the_floor_of_float32(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = {}
    for precision in ("float32", "tf32x3"):
        folder = tmp_path / precision
        folder.mkdir()
        extraction(folder, monkeypatch, digits, per_class=1, precision=precision)
        records[precision] = read_record(folder / "net.h5")
    plain, three = records["float32"], records["tf32x3"]
    assert not np.array_equal(plain.outputs, three.outputs)
    np.testing.assert_allclose(three.outputs, plain.outputs, atol=1e-5)
    assert three.noise_floor.max() < 5 * plain.noise_floor.max()


def test_wrong_sharing_is_refused_and_nothing_is_written(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(PlainForward):
        def prepare(self, masked: MaskedInput) -> Assemble:
            return lambda coalitions: masked.versions(coalitions & ~1)

    monkeypatch.setattr("whypretrain.interactions.measure.choose_forward", Wrong)
    with pytest.raises(FloatingPointError, match=r"set extraction\.sharing to false"):
        extraction(tmp_path, monkeypatch, digits, per_class=1)
    assert not (tmp_path / "net.h5").exists()


def test_extraction_is_efficient_and_says_how_it_was_made(
    digits: tuple[Split, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extraction(tmp_path, monkeypatch, digits, per_class=1)
    record = read_record(tmp_path / "net.h5")
    assert np.abs(record.residuals).max() < 1e-12
    assert record.fractions.tolist() == record.epochs.tolist() == [0, 1]
    for outputs, logits in zip(record.outputs, record.logits, strict=True):
        found = [
            log_odds(torch.from_numpy(row[None]), int(label)).item()
            for row, label in zip(logits, record.labels, strict=True)
        ]
        np.testing.assert_allclose(outputs[:, -1], found, atol=1e-5)
    with h5py.File(tmp_path / "net.h5") as file:
        assert {"versions", "settings", "weights_digests", "device"} <= set(file.attrs)
