"""Stage `extract`: all 2**n interactions of every sample, for every snapshot of one trajectory.

What is already on disk is kept where the digest of all that made it still holds: weights, image,
label, players, baseline, numerics and the code that evaluates. Each finished sample is written to a
folder beside the output at once, so a kill loses at most the sample in progress.
"""

import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from whypretrain import __version__, stage
from whypretrain.artifacts import (
    ArtifactError,
    atomic_path,
    digest,
    file_digest,
    library_versions,
)
from whypretrain.code import code_digest
from whypretrain.config.interactions import ExtractSettings
from whypretrain.config.models import Architecture, ImageArchitecture
from whypretrain.data.images import normalise
from whypretrain.data.samples import Sample, Samples, read_samples
from whypretrain.interactions.evaluate import evaluate_coalitions
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.store import Measurement, read_measurements, write_measurements
from whypretrain.models.build import build, load_all
from whypretrain.numerics import configure
from whypretrain.progress import Progress, say

NUMERICS_CODE = ("whypretrain.interactions.evaluate", "whypretrain.models.build")


def sample_digest(
    samples: Samples, sample: Sample, *, weights: str, settings: ExtractSettings, code: str
) -> str:
    """Digest of all that determines the outputs of one sample under one model."""
    arrays = (sample.inputs, sample.players, sample.baseline)
    return digest(
        weights,
        settings.to_json(),
        code,
        str(sample.label),
        str(len(samples.classes)),
        *[array.tobytes() for array in arrays],
    )


def network_input(
    sites: NDArray[Any], architecture: Architecture, device: torch.device
) -> torch.Tensor:
    """What the network takes: a normalised float32 image, or token ids as they are."""
    tensor = torch.from_numpy(sites).to(device)
    if not isinstance(architecture, ImageArchitecture):
        return tensor
    pixels = tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor
    return normalise(pixels, architecture)


def extract_snapshot(
    model: nn.Module,
    samples: Samples,
    digests: list[str],
    known: dict[str, Measurement],
    partial: Path,
    *,
    settings: ExtractSettings,
    device: torch.device,
    progress: Progress,
) -> list[Measurement]:
    """Measure every sample whose digest is not in `known`, under one model."""
    measured = []
    for sample, made_from in zip(samples.samples, digests, strict=True):
        outputs, logits = _remembered(known.get(made_from), partial / f"{made_from}.npz")
        if outputs is None or logits is None:
            outputs, logits = evaluate_coalitions(
                model,
                network_input(sample.inputs, settings.architecture, device),
                network_input(sample.baseline, settings.architecture, device),
                torch.from_numpy(sample.players).to(device),
                sample.label,
                n_players=samples.n_players,
                batch_size=settings.extraction.batch_size,
                background=settings.extraction.background,
            )
            with atomic_path(partial / f"{made_from}.npz") as path, path.open("wb") as file:
                np.savez(file, outputs=outputs, logits=logits)
        measured.append(
            Measurement(
                sample=sample.id,
                label=sample.label,
                outputs=outputs,
                interactions=mobius(outputs),
                players=sample.players,
                logits=logits,
                digest=made_from,
            )
        )
        progress.update()
    return measured


def _remembered(
    known: Measurement | None, path: Path
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Outputs and logits from the last finished file, or from a run that was killed."""
    if known is not None:
        return known.outputs, known.logits
    if path.exists():
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["outputs"], arrays["logits"]
    return None, None


def _known(path: Path) -> dict[str, Measurement]:
    if not path.exists():
        return {}
    try:
        return {item.digest: item for item in read_measurements(path)}
    except ArtifactError as error:
        say(f"{error}\n{path}: computing it anew")
        return {}


def main() -> None:
    """Command line."""
    parser = stage.parser("extract", __doc__, ExtractSettings)
    stage.path_argument(parser, "--samples", "samples of the experiment, HDF5")
    stage.path_argument(parser, "--weights", "snapshots, safetensors", nargs="+")
    stage.path_argument(parser, "--interactions", "files to write, HDF5, one a snapshot", nargs="+")
    stage.add_compute(parser)
    arguments = parser.parse_args()
    settings: ExtractSettings = arguments.settings
    if len(arguments.weights) != len(arguments.interactions):
        parser.error("--weights and --interactions need equally many paths")
    device = configure(threads=arguments.threads, device=arguments.device)

    samples = read_samples(arguments.samples)
    model = build(settings.architecture, len(samples.classes)).to(device).eval()
    code = digest(*[code_digest(module) for module in NUMERICS_CODE])
    folder = arguments.interactions[0].parent
    partial = folder / ".interactions.partial"
    partial.mkdir(parents=True, exist_ok=True)
    label = f"extract {folder.parent.name}/{folder.name}"
    progress = Progress(label, len(samples.samples) * len(arguments.weights), "sample")
    n_kept = 0
    for weights, path in zip(arguments.weights, arguments.interactions, strict=True):
        made_from = file_digest(weights)
        digests = [
            sample_digest(samples, sample, weights=made_from, settings=settings, code=code)
            for sample in samples.samples
        ]
        known = _known(path)
        n_kept += len(known.keys() & set(digests))
        metadata = load_all(model, weights)
        measured = extract_snapshot(
            model,
            samples,
            digests,
            known,
            partial,
            settings=settings,
            device=device,
            progress=progress,
        )
        if list(known) == digests:
            os.utime(path)  # newer than its inputs, so that it counts as up to date
        else:
            attributes = {
                "settings": settings.to_json(),
                "weights_digest": made_from,
                "weights_metadata": metadata,
                "fraction": metadata["fraction"],
                "epoch": math.nan if metadata["epoch"] is None else metadata["epoch"],
                "versions": {"whypretrain": __version__, **library_versions()},
                "device": device.type,
            }
            write_measurements(path, measured, attributes)
    shutil.rmtree(partial)
    n_total = len(samples.samples) * len(arguments.weights)
    say(f"{label}: {n_total - n_kept} samples computed, {n_kept} kept")


if __name__ == "__main__":
    stage.run(main)
