"""Stage `extract`: all 2**n interactions of every sample, for every snapshot of one trajectory.

What is already on disk is kept where the digest of all that made it still holds: weights, image,
label, players, baseline, numerics and the code that evaluates. Each finished sample is written to a
folder beside the output at once, so a kill loses at most the group of samples in progress.
"""

import math
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from whypretrain import __version__
from whypretrain.data.images import normalise
from whypretrain.data.samples import Sample, Samples, read_samples
from whypretrain.files.artifacts import ArtifactError, damaged, keep, library_versions
from whypretrain.files.exclusive import exclusive
from whypretrain.files.progress import Progress, say
from whypretrain.interactions.evaluate import Evaluation, check_outputs, evaluate
from whypretrain.interactions.forward import PlainForward
from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.memory import fitting_batch_size
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.noise import noise_by_order
from whypretrain.interactions.sharing.choose import choose_forward
from whypretrain.interactions.store import (
    Measurement,
    read_measurements,
    write_measurements,
)
from whypretrain.networks.build import build, classifier, load_all
from whypretrain.networks.numerics import configure, forward_precision
from whypretrain.settings.identity import digest
from whypretrain.settings.interactions import ExtractSettings
from whypretrain.settings.models import Architecture, ImageArchitecture
from whypretrain.stages import command

N_CHECKED = 4  # coalitions of every sample that are computed without sharing too
TOLERANCE = {"float32": 1e-5, "tf32": 1e-3, "bf16": 1e-2}
"""Largest difference between shared and plain outputs: see :func:`check_outputs`."""


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


class Extractor:
    """A network with what it takes to measure samples under it, snapshot after snapshot.

    Parameters
    ----------
    model : the network, in eval mode on the device; its weights are swapped in place
    """

    def __init__(
        self, model: nn.Module, samples: Samples, settings: ExtractSettings, device: torch.device
    ) -> None:
        self.samples, self.settings, self.device = samples, settings, device
        self.plain, self.head = PlainForward(model), classifier(model)
        self.forward = choose_forward(model) if settings.extraction.sharing else self.plain
        if settings.extraction.sharing and isinstance(self.forward, PlainForward):
            say(f"{type(model).__name__}: nothing known to share, so every mask is computed whole")
        longest = self._masked(max(samples.samples, key=lambda sample: sample.inputs.size))
        self.batch_size = settings.extraction.batch_size or fitting_batch_size(
            self.forward, model, longest
        )

    def groups(self) -> list[list[int]]:
        """Positions of the samples that share batches: always the same ones, whatever is missing.

        Else the last bits of a sample could depend on which others were there already.
        """
        n_together = max(self.batch_size >> self.samples.n_players, 1)
        positions = range(len(self.samples.samples))
        groups: list[list[int]] = []
        for _, alike in groupby(positions, lambda i: self.samples.samples[i].inputs.shape):
            same = list(alike)
            groups += [same[i : i + n_together] for i in range(0, len(same), n_together)]
        return groups

    def measure(self, positions: list[int], digests: list[str]) -> list[Measurement]:
        """Measure the samples of a group; the noise floor on the first sample of all."""
        samples = [self.samples.samples[i] for i in positions]
        group, labels = [self._masked(s) for s in samples], [s.label for s in samples]
        precision = self.settings.extraction.precision
        try:
            with forward_precision(precision, self.device):
                found = evaluate(self.forward, group, labels, batch_size=self.batch_size)
        except FloatingPointError as error:
            names = ", ".join(sample.id for sample in samples)
            message = f"samples {names}: {error} (extraction.precision = '{precision}')"
            raise FloatingPointError(message) from error
        measured = []
        for position, masked, made_from, one in zip(positions, group, digests, found, strict=True):
            sample = self.samples.samples[position]
            if self.forward is not self.plain:
                self._check(masked, sample.label, one.outputs, made_from)
            measured.append(
                Measurement(
                    sample=sample.id,
                    label=sample.label,
                    outputs=one.outputs,
                    interactions=mobius(one.outputs),
                    players=sample.players,
                    logits=one.logits,
                    digest=made_from,
                    noise_floor=self._noise(masked, sample.label, one) if position == 0 else None,
                )
            )
        return measured

    def _check(
        self, masked: MaskedInput, label: int, outputs: NDArray[np.float64], made_from: str
    ) -> None:
        """Compare some outputs, the last among them, with what the plain network says."""
        drawn = np.random.default_rng(int(made_from[:16], 16)).integers(
            len(outputs), size=N_CHECKED
        )
        drawn[-1] = len(outputs) - 1
        precision = self.settings.extraction.precision
        check_outputs(
            self.plain,
            self.head,
            masked,
            label,
            outputs,
            coalitions=torch.from_numpy(drawn).to(self.device),
            tolerance=TOLERANCE[precision],
        )

    def _noise(self, masked: MaskedInput, label: int, found: Evaluation) -> NDArray[np.float64]:
        """The floor: against plain float32, in batches of another size."""
        other = max(self.batch_size * 3 // 8, 1)
        (repeated,) = evaluate(self.plain, [masked], [label], batch_size=other)
        return noise_by_order(found.outputs, repeated.outputs)

    def _masked(self, sample: Sample) -> MaskedInput:
        architecture = self.settings.architecture
        return MaskedInput(
            inputs=network_input(sample.inputs, architecture, self.device),
            baseline=network_input(sample.baseline, architecture, self.device),
            players=torch.from_numpy(sample.players).to(self.device),
            n_players=self.samples.n_players,
            background=self.settings.background,
        )


def extract_snapshot(
    extractor: Extractor,
    digests: list[str],
    known: dict[str, Measurement],
    partial: Path,
    *,
    progress: Progress,
) -> list[Measurement]:
    """Measure every sample whose digest is neither `known` nor in the folder `partial`."""
    found = {**_read_partial(partial, digests), **known}
    if digests[0] in found and found[digests[0]].noise_floor is None:
        del found[digests[0]]  # it was not the first sample before
    with ThreadPoolExecutor(max_workers=1) as writer:
        written: Future[None] | None = None
        for positions in extractor.groups():
            wanted = [digests[i] for i in positions]
            missing = [made_from for made_from in wanted if made_from not in found]
            if missing:
                measured = extractor.measure(positions, wanted)
                new = [item for item in measured if item.digest in missing]
                found |= {item.digest: item for item in new}
                if written:
                    written.result()  # raises what went wrong
                # Written while the next group is computed.
                written = writer.submit(write_measurements, partial / f"{missing[0]}.h5", new, {})
            progress.update(len(positions))
        if written:
            written.result()
    return [found[made_from] for made_from in digests]


def _read_partial(partial: Path, digests: list[str]) -> dict[str, Measurement]:
    """What a run that was killed had measured under this snapshot."""
    found: dict[str, Measurement] = {}
    for made_from in digests:
        found |= _known(partial / f"{made_from}.h5")
    return found


def _known(path: Path) -> dict[str, Measurement]:
    if not path.exists():
        return {}
    try:
        return {item.digest: item for item in read_measurements(path)}
    except ArtifactError as error:
        say(f"{error}\n{path}: computing it anew")
        return {}


def _spot(metadata: dict[str, Any], path: Path) -> tuple[float, float]:
    """Where a snapshot was taken: fraction of the run, and epoch (NaN for the probe)."""
    try:
        epoch = metadata["epoch"]
        return float(metadata["fraction"]), math.nan if epoch is None else float(epoch)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, f"its metadata lacks fraction or epoch ({error!r})") from error


def main() -> None:
    """Command line."""
    parser = command.parser("extract", __doc__, ExtractSettings)
    command.path_argument(parser, "--samples", "samples of the experiment, HDF5")
    command.path_argument(parser, "--weights", "snapshots, safetensors", nargs="+")
    command.path_argument(
        parser, "--interactions", "files to write, HDF5, one a snapshot", nargs="+"
    )
    command.add_code(parser)
    command.add_compute(parser)
    arguments = parser.parse_args()
    settings: ExtractSettings = arguments.settings
    if len(arguments.weights) != len(arguments.interactions):
        parser.error("--weights and --interactions need equally many paths")
    device = configure(threads=arguments.threads, device=arguments.device)

    samples = read_samples(arguments.samples)
    model = build(settings.architecture, len(samples.classes)).eval()
    # 1.4 to 1.7 times faster on a CPU (`make bench`); on a card it was not measured.
    # (The types of torch do not know the argument.)
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    model.to(device, memory_format=layout)  # type: ignore[call-overload]
    extractor = Extractor(model, samples, settings, device)
    folder = arguments.interactions[0].parent
    label = f"extract {folder.parent.name}/{folder.name}"
    with exclusive(folder / ".interactions.lock"):
        partial = folder / ".interactions.partial"
        partial.mkdir(parents=True, exist_ok=True)
        progress = Progress(label, len(samples.samples) * len(arguments.weights), "sample")
        n_kept = 0
        for weights, path in zip(arguments.weights, arguments.interactions, strict=True):
            metadata, made_from = load_all(model, weights)
            fraction, epoch = _spot(metadata, weights)
            digests = [
                sample_digest(
                    samples, sample, weights=made_from, settings=settings, code=arguments.code
                )
                for sample in samples.samples
            ]
            known = _known(path)
            n_kept += len(known.keys() & set(digests))
            measured = extract_snapshot(extractor, digests, known, partial, progress=progress)
            if list(known) == digests:
                keep(path)  # newer than its inputs, so that it counts as up to date
            else:
                attributes = {
                    "settings": settings.to_json(),
                    "weights_digest": made_from,
                    "weights_metadata": metadata,
                    "fraction": fraction,
                    "epoch": epoch,
                    "versions": {"whypretrain": __version__, **library_versions()},
                    "device": device.type,
                }
                write_measurements(path, measured, attributes)
        shutil.rmtree(partial)
    n_total = len(samples.samples) * len(arguments.weights)
    say(f"{label}: {n_total - n_kept} samples computed, {n_kept} kept")


if __name__ == "__main__":
    command.run(main)
