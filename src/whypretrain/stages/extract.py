"""Stage `extract`: measure all 2**n interactions of every sample at every snapshot of one run.

A measurement in the output is kept as long as the digest of everything that determines it holds:
weights, image, label, players, baseline, settings and the evaluating code. Each measured group of
samples is written to a hidden folder beside the output, so a killed job loses at most one group.
"""

import math
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from whypretrain import __version__
from whypretrain.files.artifacts import damaged
from whypretrain.settings.interactions import ExtractSettings
from whypretrain.stages import command


def _spot(metadata: dict[str, Any], path: Path) -> tuple[float, float]:
    """Where a snapshot was taken: fraction of the run, and epoch (NaN for the probe)."""
    try:
        epoch = metadata["epoch"]
        return float(metadata["fraction"]), math.nan if epoch is None else float(epoch)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, f"its metadata lacks fraction or epoch ({error!r})") from error


def main() -> None:
    paths = {
        "samples": "samples of the experiment, HDF5",
        "weights+": "snapshots in order, safetensors",
        "interactions": "file to write, HDF5",
    }
    arguments, settings = command.parse("extract", __doc__, ExtractSettings, paths, resumes=True)
    output = arguments.interactions

    import numpy as np

    from whypretrain.data.samples import read_samples
    from whypretrain.files.artifacts import exclusive, keep
    from whypretrain.files.progress import Progress, say
    from whypretrain.interactions.forward import PlainForward
    from whypretrain.interactions.measure import Extractor
    from whypretrain.interactions.record import new_record, write_record
    from whypretrain.interactions.trajectory import (
        Known,
        measure_snapshot,
        read_if_whole,
        sample_digests,
    )
    from whypretrain.networks.build import build, load_all
    from whypretrain.networks.numerics import configure, laid_out

    device = configure(threads=arguments.threads, device=arguments.device)
    samples = read_samples(arguments.samples)
    model = laid_out(build(settings.architecture, len(samples.classes)).eval(), device)
    extractor = Extractor(model, samples, settings, device)
    plain = isinstance(extractor.measured_by.forward, PlainForward)
    if settings.extraction.sharing and plain:
        say(f"{type(model).__name__}: nothing known to share, so every mask is computed whole")

    n_total = len(samples.samples) * len(arguments.weights)
    label = f"extract {output.parent.name}/{output.stem}"
    progress = Progress(label, n_total, "sample")
    partial = output.with_name(f".{output.stem}.partial")
    with exclusive(output):
        before = read_if_whole(output)
        known = Known(sorted(partial.glob("*.h5")))
        if before:
            known.add(before)
        loaded, spots, digests, n_kept = [], [], [], 0
        for path in arguments.weights:
            loaded.append(load_all(model, path))
            spots.append(_spot(loaded[-1].metadata, path))
            made_by = {"weights": loaded[-1].sha256, "code": arguments.code}
            digests.append(sample_digests(samples, settings=settings, **made_by))
            n_kept += len(known.found.keys() & set(digests[-1]))
            measure_snapshot(extractor, samples, digests[-1], known, partial, progress=progress)
        fractions, epochs = zip(*spots, strict=True)
        if before is not None and (
            before.samples == [sample.id for sample in samples.samples]
            and before.digests.tolist() == digests
            and np.array_equal(before.fractions, fractions)
        ):
            keep(output)  # newer than its inputs, so that it counts as up to date
        else:
            record = new_record(
                samples,
                fractions=fractions,
                epochs=epochs,
                outputs=np.array([[known.found[one].outputs for one in row] for row in digests]),
                logits=np.array([[known.found[one].logits for one in row] for row in digests]),
                noise_floor=np.array([known.noise_floor(row) for row in digests]),
                digests=digests,
            )
            versions = {name: version(name) for name in ("torch", "timm", "numpy", "h5py")}
            attributes = {
                "settings": settings.to_json(),
                "weights_digests": [one.sha256 for one in loaded],
                "weights_metadata": loaded[-1].metadata,
                "versions": {"whypretrain": __version__, **versions},
                "device": device.type,
            }
            write_record(output, record, attributes)
        shutil.rmtree(partial, ignore_errors=True)
    say(f"{label}: {n_total - n_kept} samples computed, {n_kept} kept")


if __name__ == "__main__":
    command.run(main)
