"""Measuring a trajectory: only what is missing, and each group of samples is kept once done."""

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from whypretrain.data.samples import Samples
from whypretrain.files.artifacts import ArtifactError
from whypretrain.files.progress import Progress, say
from whypretrain.interactions.measure import Evaluation, Extractor
from whypretrain.interactions.record import Record, new_record, read_record, write_record
from whypretrain.settings.base import digest
from whypretrain.settings.interactions import ExtractSettings

NOT_MEASURED = -1.0
"""Noise floor in the record of a group of samples, which is not that of all."""


def sample_digests(
    samples: Samples, *, weights: str, settings: ExtractSettings, code: str
) -> list[str]:
    """Digest of all that determines the outputs of each sample under one snapshot.

    Parameters
    ----------
    weights : digest of the snapshot
    code : digest of the code that evaluates
    """
    common, n_classes = (weights, settings.to_json(), code), str(len(samples.classes))
    return [
        digest(
            *(*common, str(one.label), n_classes),
            *(array.tobytes() for array in (one.inputs, one.players, one.baseline)),
        )
        for one in samples.samples
    ]


class Known:
    """What was measured before, by digest."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.found: dict[str, Evaluation] = {}
        self.noise: dict[tuple[str, ...], NDArray[np.float64]] = {}
        """Noise floors, by the digests of the samples that each was measured on."""
        for path in paths:
            if record := read_if_whole(path):
                self.add(record)

    def add(self, record: Record) -> None:
        """Add all measurements of a record."""
        for k, digests in enumerate(record.digests):
            pairs = zip(record.outputs[k], record.logits[k], strict=True)
            self.found |= zip(map(str, digests), (Evaluation(*pair) for pair in pairs), strict=True)
            if record.noise_floor[k, 0] != NOT_MEASURED:
                self.noise[_of_noise([*map(str, digests)])] = record.noise_floor[k]

    def noise_floor(self, digests: Sequence[str]) -> NDArray[np.float64]:
        """Noise of each order, (n_players + 1,), in samples under one snapshot."""
        return self.noise[_of_noise(digests)]


def noise_positions(n_samples: int) -> list[int]:
    """Which samples the noise floor is measured on: the first, the middle and the last.

    >>> noise_positions(20), noise_positions(3), noise_positions(2), noise_positions(1)
    ([0, 10, 19], [0, 1, 2], [0, 1], [0])
    """
    return sorted({0, n_samples // 2, n_samples - 1})


def _of_noise(digests: Sequence[str]) -> tuple[str, ...]:
    return tuple(digests[i] for i in noise_positions(len(digests)))


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

    So is the noise floor, the root mean square of three samples'. A group of samples is always
    measured together, so that what was known changes no bits.
    """

    def lacking(positions: list[int]) -> list[int]:
        return [i for i in positions if digests[i] not in known.found]

    def record_of(positions: list[int], noise: NDArray[np.float64]) -> Record:
        found = [known.found[digests[i]] for i in positions]
        return new_record(
            replace(samples, samples=[samples.samples[i] for i in positions]),
            fractions=[0.0],
            epochs=[math.nan],
            outputs=np.stack([one.outputs for one in found])[None],
            logits=np.stack([one.logits for one in found])[None],
            noise_floor=noise[None],
            digests=[[digests[i] for i in positions]],
        )

    groups = extractor.groups()
    not_measured = np.full(extractor.n_players + 1, NOT_MEASURED)
    with ThreadPoolExecutor(max_workers=1) as writer:
        written: Future[None] | None = None
        for positions, following in zip(groups, [*groups[1:], []], strict=True):
            if lacking(following):
                extractor.expect(following)
            if missing := lacking(positions):
                measured = extractor.measure(positions, [digests[i] for i in positions])
                pairs = zip(positions, measured, strict=True)
                known.found |= {digests[i]: one for i, one in pairs if i in missing}
                if written:
                    written.result()  # raises what went wrong
                # Written while the next group is computed.
                path = partial / f"{digests[missing[0]]}.h5"
                written = writer.submit(write_record, path, record_of(missing, not_measured), {})
            progress.update(len(positions))
        if written:
            written.result()
    if _of_noise(digests) not in known.noise:
        chosen = noise_positions(len(digests))
        floors = [extractor.noise_floor(i, known.found[digests[i]].outputs) for i in chosen]
        record = record_of(chosen, np.sqrt(np.square(floors).mean(axis=0)))
        known.add(record)
        write_record(partial / f"noise-{digests[0]}.h5", record, {})


def read_if_whole(path: Path) -> Record | None:
    """A record, or None where there is none or it is damaged, which is said."""
    if not path.exists():
        return None
    try:
        return read_record(path)
    except ArtifactError as error:
        say(f"{error}\n{path}: computing it anew")
        return None
