"""A network that the workflow trained, as a notebook takes it: with what its inputs go through."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from torch import Tensor, nn

from whypretrain.data.batches import normalise
from whypretrain.data.texts import Tokenizer
from whypretrain.files.artifacts import damaged
from whypretrain.networks.build import build, head_keys, load_all, read_weights
from whypretrain.settings.models import Architecture, ImageArchitecture, TextArchitecture


class Snapshot(nn.Module):
    """A trained network in eval mode that takes images as they are, and texts by its tokenizer.

    Attributes
    ----------
    network : the network of timm's, or a transformers encoder or decoder with a classifier
    architecture : as configured: `image_size`, `channels`, `mean` and `std`, or `max_tokens`
    tokenizer : the fast tokenizer of transformers' that belongs to it; None for images
    """

    def __init__(self, network: nn.Module, architecture: Architecture) -> None:
        super().__init__()
        self.network, self.architecture = network, architecture
        self.tokenizer: Any = None
        if isinstance(architecture, TextArchitecture):
            self.tokenizer = Tokenizer(architecture).of_transformers
        self.eval().requires_grad_(False)

    def normalised(self, images: Tensor) -> Tensor:
        """What the network is given: images of (…, channels, height, width), pixels in [0, 1]."""
        if not isinstance(self.architecture, ImageArchitecture):
            message = "a network of texts takes no images"
            raise TypeError(message)
        return normalise(images, self.architecture)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, shape (batch, n_classes).

        Parameters
        ----------
        inputs : images with pixels in [0, 1], (batch, channels, image_size, image_size), or token
            ids, int64 of shape (batch, length), of which shorter sentences end with
            `network.padding`
        """
        images = isinstance(self.architecture, ImageArchitecture)
        logits: Tensor = self.network(self.normalised(inputs) if images else inputs)
        return logits


def load_snapshot(run: str | Path, fraction: float = 1.0) -> Snapshot:
    """A network as it was after a fraction of its training.

    Parameters
    ----------
    run : folder of a training, `results/runs/<model>/<dataset>/<run>`; the linear probe's too
    fraction : one of those configured as `snapshots`; 1 is the end

    Raises
    ------
    FileNotFoundError
        If the folder keeps no snapshot of that fraction; those it keeps are named.
    whypretrain.files.artifacts.ArtifactError
        If a file is damaged, or no snapshot of the workflow's.
    """
    folder = Path(run)
    path = folder / f"snapshot-{fraction:.4f}.safetensors"
    if not path.is_file():
        kept = sorted(p.stem.partition("-")[2] for p in folder.glob("snapshot-*.safetensors"))
        message = f"{path}: there is no such snapshot; {folder} keeps {', '.join(kept) or 'none'}"
        raise FileNotFoundError(message)
    tensors, loaded = read_weights(path)
    architecture = _architecture(path, loaded.metadata)
    weight = next(name for name in head_keys(build(architecture, 2)) if name.endswith("weight"))
    if weight not in tensors:
        raise damaged(path, f"no classifier: '{weight}' is missing")
    network = build(architecture, len(tensors[weight]))
    load_all(network, path)
    return Snapshot(network, architecture)


def _architecture(path: Path, metadata: dict[str, Any]) -> Architecture:
    """What the file says of its network. A text model's folder is found from anywhere."""
    try:
        described = json.loads(metadata["settings"])["architecture"]
        found: Architecture = TypeAdapter(Architecture).validate_python(described)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, "it does not say which architecture it is of") from error
    if isinstance(found, ImageArchitecture) or Path(found.folder).is_dir():
        return found
    parents = path.resolve().parents  # the folder is written as seen from beside `results`
    beside = next((one.parent for one in parents if one.name == "results"), Path())
    return found.model_copy(update={"folder": str(beside / found.folder)})
