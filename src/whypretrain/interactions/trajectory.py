"""Measuring a trajectory: only what is missing, and each group of samples is kept once done."""

import math
from collections.abc import Iterable
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
"""Noise floor of a group of samples without the first one."""


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
        self.noise: dict[str, NDArray[np.float64]] = {}
        """Noise floors, by the digest of the sample that each was measured on."""
        for path in paths:
            if record := read_if_whole(path):
                self.add(record)

    def add(self, record: Record) -> None:
        """Add all measurements of a record."""
        for k, digests in enumerate(record.digests):
            pairs = zip(record.outputs[k], record.logits[k], strict=True)
            self.found |= zip(map(str, digests), (Evaluation(*pair) for pair in pairs), strict=True)
            if record.noise_floor[k, 0] != NOT_MEASURED:
                self.noise[str(digests[0])] = record.noise_floor[k]


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

    def lacking(positions: list[int]) -> list[int]:
        # The first sample is known where its noise floor is, too.
        return [i for i in positions if digests[i] not in (known.found if i else known.noise)]

    groups = extractor.groups()
    with ThreadPoolExecutor(max_workers=1) as writer:
        written: Future[None] | None = None
        for positions, following in zip(groups, [*groups[1:], []], strict=True):
            if lacking(following):
                extractor.expect(following)
            if missing := lacking(positions):
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


def read_if_whole(path: Path) -> Record | None:
    """A record, or None where there is none or it is damaged, which is said."""
    if not path.exists():
        return None
    try:
        return read_record(path)
    except ArtifactError as error:
        say(f"{error}\n{path}: computing it anew")
        return None
