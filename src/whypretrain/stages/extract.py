"""Stage `extract`: all 2**n interactions of every sample, for every snapshot of one trajectory.

A measurement in the output is kept while the digest of all that made it holds: weights, image,
label, players, baseline, settings and the code that evaluates. Each group of samples is written to
a hidden folder beside the output as soon as it is measured, so a killed job loses one group at
most.
"""

import math
import shutil
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from whypretrain import __version__
from whypretrain.data.samples import Samples, read_samples
from whypretrain.files.artifacts import ArtifactError, damaged, keep, library_versions
from whypretrain.files.exclusive import exclusive
from whypretrain.files.progress import Progress, say
from whypretrain.interactions.extraction import Extractor, sample_digests
from whypretrain.interactions.forward import PlainForward
from whypretrain.interactions.measure import Evaluation
from whypretrain.interactions.record import Record, new_record, read_record, write_record
from whypretrain.networks.build import build, load_all
from whypretrain.networks.numerics import configure
from whypretrain.settings.interactions import ExtractSettings
from whypretrain.stages import command

NOT_MEASURED = -1.0
"""Noise floor of a group of samples without the first one."""


class Known:
    """What was measured before, by digest."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.found: dict[str, Evaluation] = {}
        self.noise: dict[str, NDArray[np.float64]] = {}
        """Noise floors, by the digest of the sample that each was measured on."""
        for path in paths:
            if record := _read(path):
                self.add(record)

    def add(self, record: Record) -> None:
        """Add all measurements of a record."""
        for k, digests in enumerate(record.digests):
            pairs = zip(record.outputs[k], record.logits[k], strict=True)
            self.found |= zip(map(str, digests), (Evaluation(*pair) for pair in pairs), strict=True)
            if record.noise_floor[k, 0] != NOT_MEASURED:
                self.noise[str(digests[0])] = record.noise_floor[k]

    def has(self, digest: str, *, noise: bool) -> bool:
        """Whether a sample was measured, and the noise floor on it where that is asked for."""
        return digest in self.found and (digest in self.noise or not noise)


def _read(path: Path) -> Record | None:
    if not path.exists():
        return None
    try:
        return read_record(path)
    except ArtifactError as error:
        say(f"{error}\n{path}: computing it anew")
        return None


def measure_snapshot(
    extractor: Extractor,
    samples: Samples,
    digests: list[str],
    known: Known,
    partial: Path,
    *,
    progress: Progress,
) -> None:
    """Measure every sample that is not known; it is known then and stands in the folder `partial`.

    A group of samples is always measured together, so that what was known changes no bits.
    """
    with ThreadPoolExecutor(max_workers=1) as writer:
        written: Future[None] | None = None
        for positions in extractor.groups():
            missing = [i for i in positions if not known.has(digests[i], noise=i == 0)]
            if missing:
                measured = extractor.measure(positions, [digests[i] for i in positions])
                new = [one for i, one in zip(positions, measured, strict=True) if i in missing]
                if missing[0] == 0:
                    noise = extractor.noise_floor(new[0])
                else:
                    noise = np.full(extractor.n_players + 1, NOT_MEASURED)
                record = new_record(
                    replace(samples, samples=[samples.samples[i] for i in missing]),
                    fractions=[0.0],
                    epochs=[math.nan],
                    outputs=np.stack([one.outputs for one in new])[None],
                    logits=np.stack([one.logits for one in new])[None],
                    noise_floor=noise[None],
                    digests=[[digests[i] for i in missing]],
                )
                known.add(record)
                if written:
                    written.result()  # raises what went wrong
                # Written while the next group is computed.
                path = partial / f"{digests[missing[0]]}.h5"
                written = writer.submit(write_record, path, record, {})
            progress.update(len(positions))
        if written:
            written.result()


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
    command.path_argument(parser, "--weights", "snapshots in order, safetensors", nargs="+")
    command.path_argument(parser, "--interactions", "file to write, HDF5")
    command.add_code(parser)
    command.add_compute(parser)
    arguments = parser.parse_args()
    settings: ExtractSettings = arguments.settings
    output: Path = arguments.interactions
    device = configure(threads=arguments.threads, device=arguments.device)

    samples = read_samples(arguments.samples)
    model = build(settings.architecture, len(samples.classes)).eval()
    # 1.4 to 1.7 times faster on a CPU (`make bench`); on a card it was not measured.
    # (The types of torch do not know the argument.)
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    model.to(device, memory_format=layout)  # type: ignore[call-overload]
    extractor = Extractor(model, samples, settings, device)
    measured_by = extractor.measured_by
    if settings.extraction.sharing and isinstance(measured_by.forward, PlainForward):
        say(f"{type(model).__name__}: nothing known to share, so every mask is computed whole")

    n_total = len(samples.samples) * len(arguments.weights)
    label = f"extract {output.parent.name}/{output.stem}"
    progress = Progress(label, n_total, "sample")
    partial = output.with_name(f".{output.stem}.partial")
    with exclusive(output.with_name(f".{output.stem}.lock")):
        before = _read(output)
        known = Known(sorted(partial.glob("*.h5")))
        if before:
            known.add(before)
        digests: list[list[str]] = []
        spots: list[tuple[float, float]] = []
        weights_digests: list[str] = []
        n_kept = 0
        for path in arguments.weights:
            metadata, weights_digest = load_all(model, path)
            spots.append(_spot(metadata, path))
            weights_digests.append(weights_digest)
            digests.append(
                sample_digests(
                    samples, weights=weights_digest, settings=settings, code=arguments.code
                )
            )
            n_kept += len(known.found.keys() & set(digests[-1]))
            measure_snapshot(extractor, samples, digests[-1], known, partial, progress=progress)
        fractions, epochs = zip(*spots, strict=True)
        is_same = before is not None and (
            before.samples == [sample.id for sample in samples.samples]
            and before.digests.tolist() == digests
            and np.array_equal(before.fractions, fractions)
        )
        if is_same:
            keep(output)  # newer than its inputs, so that it counts as up to date
        else:
            record = new_record(
                samples,
                fractions=fractions,
                epochs=epochs,
                outputs=np.array([[known.found[one].outputs for one in row] for row in digests]),
                logits=np.array([[known.found[one].logits for one in row] for row in digests]),
                noise_floor=np.array([known.noise[row[0]] for row in digests]),
                digests=digests,
            )
            attributes = {
                "settings": settings.to_json(),
                "weights_digests": weights_digests,
                "weights_metadata": metadata,
                "versions": {"whypretrain": __version__, **library_versions()},
                "device": device.type,
            }
            write_record(output, record, attributes)
        shutil.rmtree(partial, ignore_errors=True)
    say(f"{label}: {n_total - n_kept} samples computed, {n_kept} kept")


if __name__ == "__main__":
    command.run(main)
