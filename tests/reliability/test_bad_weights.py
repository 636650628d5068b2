# ruff: noqa: E501  (a case a line)
"""Weights that are none or do not fit: one line by the stage `convert`, before any training."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import small, write_encoder
from tests.reliability.stages import run, run_convert
from whypretrain.networks.build import build
from whypretrain.settings.models import ImageArchitecture
from whypretrain.settings.training import Recipe, TrainSettings
from whypretrain.stages import train


def resnet(folder: Path, change: Callable[[dict[str, torch.Tensor]], None] | None = None) -> Path:
    tensors = build(small("whypretrain_resnet"), 3).state_dict()
    if change:
        change(tensors)
    save_file(tensors, folder / "net.safetensors")
    return folder / "net.safetensors"


def put(value: float) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors["conv1.weight"][0, 0, 0, 0] = value

    return change


def pickled(folder: Path, name: str) -> Path:
    torch.save(build(small("whypretrain_resnet"), 3).state_dict(), folder / name)
    return folder / name


RESNET = small("whypretrain_resnet")
# (what is wrong, architecture, what makes the source, what `convert` ends with)
WEIGHTS: list[tuple[str, ImageArchitecture, Callable[[Path], Path], str]] = [
    ("NaN", RESNET, lambda f: resnet(f, put(float("nan"))), "weights that are not finite: conv1.weight"),
    ("infinity", RESNET, lambda f: resnet(f, put(float("inf"))), "weights that are not finite: conv1.weight"),
    ("a missing key", RESNET, lambda f: resnet(f, lambda t: t.__delitem__("conv1.weight")), "missing ['conv1.weight']"),
    ("another shape", RESNET, lambda f: resnet(f, lambda t: t.update({"conv1.weight": torch.zeros(2)})), "of another shape ['conv1.weight']"),
    ("another network", small("whypretrain_vgg"), resnet, "weights do not fit whypretrain_vgg"),
    ("three channels for one", ImageArchitecture(timm="whypretrain_resnet", image_size=28), resnet, "of another shape ['conv1.weight']"),
    ("no such network", RESNET.model_copy(update={"timm": "no_such_net"}), resnet, "timm = 'no_such_net'"),
    ("no such option", RESNET.model_copy(update={"options": {"depht": 3}}), resnet, "options = {'depht': 3}"),
    ("an option of another kind", RESNET.model_copy(update={"options": {"act_layer": 5}}), resnet, "options = {'act_layer': 5}"),
    ("nothing there", RESNET, lambda f: f / "none", "no file or folder is there"),
    ("an empty file", RESNET, lambda f: ((f / "x.safetensors").write_bytes(b"") and f) or f / "x.safetensors", "cannot be read as weights"),
    ("pickled, .pt", RESNET, lambda f: pickled(f, "net.pt"), "net.pt is pickled, which is never read: save the weights as safetensors"),
    ("pickled, .pth", RESNET, lambda f: pickled(f, "net.pth"), "net.pth is pickled, which is never read"),
    ("a folder with a pickle", RESNET, lambda f: pickled(f, "pytorch_model.bin").parent, "pytorch_model.bin is pickled, which is never read"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "source", "message"), [c[1:] for c in WEIGHTS], ids=[c[0] for c in WEIGHTS]
)
def test_weights_that_do_not_fit_are_named(
    architecture: ImageArchitecture, source: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    said = run_convert(tmp_path / "out", architecture, source(tmp_path))
    assert said
    assert message in said
    assert not (tmp_path / "out" / "weights.safetensors").exists()


def test_images_of_a_size_that_a_network_does_not_take_are_named_before_training(
    tmp_path: Path,
) -> None:
    narrow = {"depth": 1, "embed_dim": 12}
    vit = ImageArchitecture(timm="vit_tiny_patch16_224", options=narrow, image_size=64)
    save_file(build(vit, 3).state_dict(), tmp_path / "net.safetensors")
    said = run_convert(tmp_path / "out", vit, tmp_path / "net.safetensors")
    assert "timm = 'vit_tiny_patch16_224': takes no images of image_size = 64" in said


def test_an_encoder_that_is_shorter_than_its_sentences_is_named(tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "bert", "bert")
    longer = encoder.model_copy(update={"folder": str(tmp_path / "out"), "max_tokens": 64})
    said = run_convert(tmp_path / "out", longer, Path(encoder.folder))
    assert "does not take max_tokens = 64 tokens" in said
    weights = Path(encoder.folder) / "model.safetensors"
    tensors = load_file(weights)
    tensors["bert.embeddings.LayerNorm.weight"][0] = float("nan")
    save_file(tensors, weights, metadata={"format": "pt"})
    fitting = longer.model_copy(update={"max_tokens": 32})
    assert "not finite: encoder.embeddings.LayerNorm.weight" in run_convert(
        tmp_path / "out", fitting, Path(encoder.folder)
    )


def test_training_that_diverges_ends_at_once(digits_folder: Path, tmp_path: Path) -> None:
    recipe = Recipe(epochs=50, batch_size=6, optimizer="sgd", learning_rate=1e30)
    settings = TrainSettings(
        architecture=RESNET, variant="scratch", recipe=recipe, snapshots=[0, 1], seed=0
    )
    paths: list[object] = ["--folder", tmp_path / "run"]
    for split in ("train", "test"):
        paths += [f"--{split}", digits_folder / f"{split}.parquet"]
    said = run(train.main, settings, paths)
    assert "lower learning_rate (now 1e+30) or set clip_gradient_norm" in said
    assert not list((tmp_path / "run").glob("*.safetensors"))
