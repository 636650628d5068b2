"""The walk over samples: what is got ready ahead, and that nothing is computed to no purpose."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import small
from whypretrain.data.samples import Samples, read_samples, write_samples
from whypretrain.data.table import Split
from whypretrain.files.progress import Progress
from whypretrain.interactions.forward import MaskedInput
from whypretrain.interactions.measure import Evaluation, Extractor
from whypretrain.interactions.sampling import make_samples
from whypretrain.interactions.sharing import convolutional
from whypretrain.interactions.sharing.convolutional import SharedConvolutionalNetwork
from whypretrain.interactions.sharing.plan import make_plan
from whypretrain.interactions.trajectory import Known, measure_snapshot, noise_positions
from whypretrain.networks.build import build
from whypretrain.settings.interactions import (
    Extraction,
    ExtractSettings,
    GridPlayers,
    SamplesSettings,
    Sampling,
)

ARCHITECTURE = small("whypretrain_resnet")


@pytest.fixture
def samples(digits: tuple[Split, Split], tmp_path: Path) -> Samples:
    sampling = Sampling(per_class=1, players=GridPlayers(n=4, cells=4, margin=0))
    drawn = make_samples(*digits, SamplesSettings(sampling=sampling, architecture=ARCHITECTURE))
    write_samples(tmp_path / "samples.h5", drawn)
    return read_samples(tmp_path / "samples.h5")


class Watched(Extractor):
    """Notes what it is asked for."""

    def __init__(self, samples: Samples, batch_size: int | None = 5) -> None:
        torch.manual_seed(0)
        network = build(ARCHITECTURE, len(samples.classes)).eval()
        settings = ExtractSettings(
            architecture=ARCHITECTURE,
            background="keep",
            extraction=Extraction(batch_size=batch_size),
        )
        self.calls: list[tuple[str, list[int]]] = []
        super().__init__(network, samples, settings, torch.device("cpu"))

    def expect(self, positions: Sequence[int]) -> None:
        self.calls.append(("expect", [*positions]))
        super().expect(positions)

    def measure(self, positions: Sequence[int], digests: Sequence[str]) -> list[Evaluation]:
        self.calls.append(("measure", [*positions]))
        return super().measure(positions, digests)


def walk(extractor: Watched, samples: Samples, snapshot: str, known: Known, folder: Path) -> None:
    digests = [f"{snapshot}{i}".zfill(16) for i in range(len(samples.samples))]
    progress = Progress("test", len(digests), "sample")
    measure_snapshot(extractor, samples, digests, known, folder / "partial", progress=progress)


def test_the_next_group_is_expected_before_one_is_measured(
    samples: Samples, tmp_path: Path
) -> None:
    extractor, known = Watched(samples), Known([])
    walk(extractor, samples, "a", known, tmp_path)
    assert extractor.calls == [
        ("expect", [1]), ("measure", [0]), ("expect", [2]), ("measure", [1]), ("measure", [2]),
    ]  # fmt: skip
    extractor.calls.clear()
    del known.found["a1".zfill(16)]
    walk(extractor, samples, "a", known, tmp_path)
    assert extractor.calls == [("expect", [1]), ("measure", [1])]  # no group that is known
    assert not extractor._expected  # nothing is held that was measured


def test_each_sample_is_planned_once_and_shared_once_a_snapshot(
    samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans, prepared = [], []
    prepare = SharedConvolutionalNetwork.prepare

    def planned(*arguments: object, **options: object) -> object:
        plans.append(make_plan(*arguments, **options))  # type: ignore[arg-type]
        return plans[-1]

    def counted(self: SharedConvolutionalNetwork, masked: MaskedInput) -> object:
        prepared.append(masked)
        return prepare(self, masked)

    monkeypatch.setattr(convolutional, "make_plan", planned)
    monkeypatch.setattr(SharedConvolutionalNetwork, "prepare", counted)
    extractor, known = Watched(samples, batch_size=None), Known([])
    assert extractor.measured_by.batch_size > 1  # it was fitted
    assert (len(plans), len(prepared)) == (1, 0)
    for snapshot in "ab":
        walk(extractor, samples, snapshot, known, tmp_path)
    assert (len(plans), len(prepared)) == (3, 2 * 3)


def test_what_was_expected_changes_no_bit(samples: Samples) -> None:
    extractor = Watched(samples)
    expected = extractor.measure([1], ["1" * 16])[0]
    extractor.expect([1])
    np.testing.assert_array_equal(extractor.measure([1], ["1" * 16])[0].outputs, expected.outputs)


@pytest.mark.parametrize(("n_samples", "chosen"), [(3, [0, 1, 2]), (2, [0, 1]), (1, [0])])
def test_noise_is_the_root_mean_square_of_three_samples(
    samples: Samples, n_samples: int, chosen: list[int], tmp_path: Path
) -> None:
    fewer = replace(samples, samples=samples.samples[:n_samples])
    extractor, known = Watched(fewer), Known([])
    walk(extractor, fewer, "a", known, tmp_path)
    digests = [f"a{i}".zfill(16) for i in range(n_samples)]
    each = [extractor.noise_floor(i, known.found[digests[i]].outputs) for i in chosen]
    expected = np.sqrt(np.mean([one**2 for one in each], axis=0))
    assert expected.shape == (5,)
    assert expected.max() > 0
    np.testing.assert_allclose(known.noise_floor(digests), expected, rtol=1e-12)
    kept = Known(sorted((tmp_path / "partial").glob("*.h5")))
    np.testing.assert_array_equal(kept.noise_floor(digests), known.noise_floor(digests))
    assert kept.found.keys() == set(digests)


def test_of_many_samples_the_first_the_middle_and_the_last_are_measured_again() -> None:
    assert noise_positions(20) == [0, 10, 19]
    assert noise_positions(401) == [0, 200, 400]
