"""Networks of the workflow's, loaded for a notebook."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import small, write_encoder
from whypretrain import explain_image, explain_text, load_snapshot
from whypretrain.files.artifacts import ArtifactError
from whypretrain.networks.build import build, save_weights
from whypretrain.settings.models import Architecture, ImageArchitecture


def run_of(architecture: Architecture, folder: Path) -> torch.nn.Module:
    """A folder as a training leaves it, with one snapshot."""
    torch.manual_seed(0)
    network = build(architecture, 3).eval()
    settings = f'{{"architecture": {architecture.to_json()}, "seed": 0}}'
    path = folder / "snapshot-0.5000.safetensors"
    save_weights(path, network.state_dict(), {"fraction": 0.5, "settings": settings})
    return network


@pytest.fixture
def architecture() -> ImageArchitecture:
    return small("whypretrain_resnet")


def test_an_image_is_normalised_as_in_training(
    architecture: ImageArchitecture, tmp_path: Path
) -> None:
    network = run_of(architecture, tmp_path)
    snapshot = load_snapshot(tmp_path, 0.5)
    image = torch.rand(1, 28, 28)
    normalised = (image - 0.3) / 0.35
    with torch.inference_mode():
        torch.testing.assert_close(snapshot(image[None]), network(normalised[None]))
    found = explain_image(snapshot, image, label=1, players=3)
    expected = explain_image(network, normalised, label=1, players=found.players)
    np.testing.assert_allclose(found.outputs, expected.outputs, atol=1e-5)
    masked = explain_image(snapshot, image, label=1, players=found.players, baseline=0.3)
    np.testing.assert_allclose(masked.outputs, expected.outputs, atol=1e-5)  # the mean is 0.3


def test_a_text_network_comes_with_its_tokenizer_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = write_encoder(Path("results/pretrained/tiny/transformers"), "bert")
    architecture = written.model_copy(update={"max_tokens": 9})
    run = tmp_path / "results/runs/tiny/sentences/scratch"
    run.mkdir(parents=True)
    run_of(architecture, run)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    snapshot = load_snapshot(run, 0.5)
    assert explain_text(snapshot, snapshot.tokenizer, "a truly lovely film").n_players == 4
    with pytest.raises(ValueError, match="longer than the 9 tokens"):
        explain_text(snapshot, snapshot.tokenizer, "film " * 9, players=3)
    with pytest.raises(TypeError, match="takes no images"):
        snapshot.normalised(torch.rand(1, 3, 4, 4))


def test_what_is_not_there_is_named(architecture: ImageArchitecture, tmp_path: Path) -> None:
    run_of(architecture, tmp_path)
    message = re.escape(f"{tmp_path} keeps 0.5000")
    with pytest.raises(FileNotFoundError, match=message):
        load_snapshot(tmp_path)
    with pytest.raises(FileNotFoundError, match="keeps none"):
        load_snapshot(tmp_path / "nowhere")
    save_weights(tmp_path / "snapshot-1.0000.safetensors", {"weight": torch.zeros(2)}, {})
    with pytest.raises(ArtifactError, match="does not say which architecture"):
        load_snapshot(tmp_path)
