"""The samples of an experiment, measured under one snapshot after the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from whypretrain.data.images import normalise
from whypretrain.data.samples import Sample, Samples
from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.measure import Evaluation, Measure
from whypretrain.networks.build import classifier
from whypretrain.settings.base import digest
from whypretrain.settings.interactions import ExtractSettings
from whypretrain.settings.models import Architecture, ImageArchitecture


def sample_digests(
    samples: Samples, *, weights: str, settings: ExtractSettings, code: str
) -> list[str]:
    """Digest of all that determines the outputs of each sample under one snapshot.

    Parameters
    ----------
    weights : digest of the snapshot
    code : digest of the code that evaluates
    """
    common = (weights, settings.to_json(), code)
    n_classes = str(len(samples.classes))
    return [
        digest(
            *common,
            str(sample.label),
            n_classes,
            *[array.tobytes() for array in (sample.inputs, sample.players, sample.baseline)],
        )
        for sample in samples.samples
    ]


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
    """A network with the samples that are measured under it.

    Parameters
    ----------
    model : in eval mode on the device; its weights may be replaced in place between calls
    """

    def __init__(
        self, model: nn.Module, samples: Samples, settings: ExtractSettings, device: torch.device
    ) -> None:
        self.samples, self.settings, self.device = samples.samples, settings, device
        self.n_players = samples.n_players
        options = settings.extraction
        self.measured_by = Measure(
            model,
            classifier(model),
            sharing=options.sharing,
            precision=options.precision,
            batch_size=options.batch_size,
        )
        self.measured_by.fit(self._masked(max(self.samples, key=lambda s: s.inputs.size)))

    def groups(self) -> list[list[int]]:
        """Positions of the samples that share batches."""
        shapes = [sample.inputs.shape for sample in self.samples]
        return self.measured_by.groups(shapes, self.n_players)

    def measure(self, positions: Sequence[int], digests: Sequence[str]) -> list[Evaluation]:
        """Measure the samples of a group, whose digests draw the coalitions that are checked.

        Raises
        ------
        FloatingPointError
            If outputs are not finite, or shared ones differ from plain ones.
        """
        samples = [self.samples[i] for i in positions]
        group = [self._masked(sample) for sample in samples]
        labels = [sample.label for sample in samples]
        try:
            return self.measured_by(group, labels, [int(one[:16], 16) for one in digests])
        except FloatingPointError as error:
            names = ", ".join(sample.id for sample in samples)
            precision = self.settings.extraction.precision
            message = f"samples {names}: {error} (extraction.precision = '{precision}')"
            raise FloatingPointError(message) from error

    def noise_floor(self, first: Evaluation) -> NDArray[np.float64]:
        """Noise of each order, (n_players + 1,), measured on the first sample."""
        sample = self.samples[0]
        return self.measured_by.noise_floor(self._masked(sample), sample.label, first.outputs)

    def _masked(self, sample: Sample) -> MaskedInput:
        architecture = self.settings.architecture
        return MaskedInput(
            inputs=network_input(sample.inputs, architecture, self.device),
            baseline=network_input(sample.baseline, architecture, self.device),
            players=torch.from_numpy(sample.players).to(self.device),
            n_players=self.n_players,
            background=self.settings.background,
        )
