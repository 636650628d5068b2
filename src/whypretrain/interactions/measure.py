"""Measure a network: its outputs v(T) on all 2**n_players masked versions of its inputs.

:class:`Measure` chooses the forward pass, fits the batch size, evaluates, compares shared with
plain computation and measures the noise floor: for extraction, notebooks and calibration alike.
:class:`Extractor` does so with an experiment's samples, under one snapshot after the other.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whypretrain.data.batches import network_input
from whypretrain.data.samples import Samples
from whypretrain.interactions.forward import (
    Assemble,
    Forward,
    MaskedInput,
    PlainForward,
    forward_precision,
    log_odds,
)
from whypretrain.interactions.mobius import noise_by_order
from whypretrain.interactions.sharing.attention import share_transformer
from whypretrain.interactions.sharing.convolutional import (
    SharedConvolutionalNetwork,
    share_convolutional_network,
)
from whypretrain.interactions.sharing.prefixes import share_decoder
from whypretrain.networks.build import classifier
from whypretrain.settings.interactions import ExtractSettings

N_CHECKED = 4
"""Coalitions of every input that are computed without sharing too."""
TOLERANCE = {"float32": 1e-5, "tf32x3": 5e-5, "tf32": 1e-3, "bf16": 1e-2}
"""Largest difference between shared and plain outputs: see :func:`check_outputs`."""
LARGEST_BATCH = {"cpu": 256, "cuda": 1024}  # beyond it, nothing is gained
CPU_BYTES = 2 << 30
SHARE = 0.4  # of a card, or of a machine with less memory than the above asks for
COPIES = 3  # input and output of the largest layer, and what its kernel or a residual adds

Precision = Literal["float32", "tf32x3", "tf32", "bf16"]


class Evaluation(NamedTuple):
    """One input under one network.

    `outputs`: v(T), the log-odds of the true class (eq. 1) for every coalition T, float64 of shape
    (2**n_players,). `logits`: on x_N, all players present, float32 of shape (n_classes,).
    """

    outputs: NDArray[np.float64]
    logits: NDArray[np.float32]


def choose_forward(model: nn.Module) -> Forward:
    """Share what masked versions have in common, as far as the network's structure is known.

    Parameters
    ----------
    model : in eval mode; a network whose structure is not known is computed plainly
    """
    shared = share_transformer(model) or share_decoder(model) or share_convolutional_network(model)
    return shared or PlainForward(model)


class Measure:
    """A network, ready to be measured; its weights may be replaced in place between calls.

    Parameters
    ----------
    model : in eval mode; maps a batch of inputs to logits
    head : its last layer; None if its structure is unknown, so that nothing can be shared
    sharing : compute once what the masked versions of an input have in common
    precision : of the forward passes
    batch_size : masked inputs a forward pass; :meth:`fit` chooses it if None

    Attributes
    ----------
    forward : the forward pass that is used
    plain : the one without sharing
    """

    def __init__(
        self,
        model: nn.Module,
        head: nn.Linear | None,
        *,
        sharing: bool = True,
        precision: Precision = "float32",
        batch_size: int | None = None,
    ) -> None:
        self.model, self.head, self.precision = model, head, precision
        self.plain = PlainForward(model)
        shares = sharing and head is not None
        self.forward: Forward = choose_forward(model) if shares else self.plain
        self.batch_size = batch_size or 1
        self._is_fitted = batch_size is not None

    def fit(self, largest: MaskedInput) -> None:
        """Choose the batch size by the largest of the inputs to come, unless one was given."""
        if not self._is_fitted:
            self.batch_size = fitting_batch_size(self.forward, self.model, largest)

    def expect(self, group: Sequence[MaskedInput]) -> None:
        """Let what is planned for inputs be planned while others, asked for first, are measured."""
        if isinstance(self.forward, SharedConvolutionalNetwork):
            for masked in group:
                self.forward.expect(masked)

    def groups(self, shapes: Sequence[tuple[int, ...]], n_players: int) -> list[list[int]]:
        """Positions of the inputs that share batches: the same ones whatever is already known.

        Otherwise the last bits of a sample could depend on which others were measured before.
        """
        n_together = max(self.batch_size >> n_players, 1)
        found: list[list[int]] = []
        for _, alike in groupby(range(len(shapes)), shapes.__getitem__):
            same = list(alike)
            found += [same[i : i + n_together] for i in range(0, len(same), n_together)]
        return found

    def __call__(
        self,
        group: Sequence[MaskedInput],
        labels: Sequence[int],
        seeds: Sequence[int],
        *,
        prepared: Sequence[Assemble] | None = None,
        tell: Callable[[int], object] | None = None,
    ) -> list[Evaluation]:
        """Evaluate a group of inputs as :func:`evaluate` does, and check some of the outputs.

        Parameters
        ----------
        seeds : draw the coalitions of each input that are checked

        Raises
        ------
        FloatingPointError
            If an output is not finite, or a shared one differs from the plain one.
        """
        device = group[0].inputs.device
        with forward_precision(self.precision, device):
            size = self.batch_size
            found = evaluate(
                self.forward, group, labels, batch_size=size, prepared=prepared, tell=tell
            )
        if self.head is None or self.forward is self.plain:
            return found
        for masked, label, seed, (outputs, _) in zip(group, labels, seeds, found, strict=True):
            drawn = np.random.default_rng(seed).integers(len(outputs), size=N_CHECKED)
            drawn[-1] = len(outputs) - 1
            check_outputs(
                self.plain,
                self.head,
                masked,
                label,
                outputs,
                coalitions=torch.from_numpy(drawn).to(device),
                tolerance=TOLERANCE[self.precision],
            )
        return found

    def noise_floor(
        self, masked: MaskedInput, label: int, outputs: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Noise of each order, (n_players + 1,): against plain float32 in other batches."""
        other = max(self.batch_size * 3 // 8, 1)
        (repeated,) = evaluate(self.plain, [masked], [label], batch_size=other)
        return noise_by_order(outputs, repeated.outputs)


@torch.inference_mode()
def evaluate(
    forward: Forward,
    group: Sequence[MaskedInput],
    labels: Sequence[int],
    *,
    batch_size: int,
    prepared: Sequence[Assemble] | None = None,
    tell: Callable[[int], object] | None = None,
    asked: Tensor | None = None,
) -> list[Evaluation]:
    """Compute the network's outputs on every masked version of every input of the group.

    Parameters
    ----------
    forward : a network in eval mode
    group : inputs of one shape with equally many players, whose versions share batches
    labels : the true class of each
    batch_size : versions a forward pass; where memory runs out, half as many are tried again
    prepared : the shared part of each input, if it is known already
    tell : called after each pass with the number of masked inputs that it computed
    asked : coalitions to compute, int64 of shape (n_asked,), on the device of the inputs; all if
        not given. Outputs are in their order, and logits those of the last.

    Raises
    ------
    FloatingPointError
        If an output is not finite.
    """
    device = group[0].inputs.device
    n_coalitions = 1 << group[0].n_players if asked is None else len(asked)
    assemble = prepared or [forward.prepare(masked) for masked in group]
    outputs = torch.empty(len(group), n_coalitions, dtype=torch.float64, device=device)
    logits = torch.empty(0)
    each = max(batch_size // len(group), 1)
    start = 0
    while start < n_coalitions:
        if asked is None:
            coalitions = torch.arange(start, min(start + each, n_coalitions), device=device)
        else:
            coalitions = asked[start : start + each]
        try:
            logits = _logits(forward, [one(coalitions) for one in assemble])
        except torch.OutOfMemoryError:
            if each == 1:
                raise
            each //= 2
            continue
        logits = logits.unflatten(0, (len(group), -1))
        for row, of_input, label in zip(outputs, logits, labels, strict=True):
            row[start : start + len(coalitions)] = log_odds(of_input, label)
        start += len(coalitions)
        if tell is not None:
            tell(len(group) * len(coalitions))
    if n_broken := int((~torch.isfinite(outputs)).sum()):
        message = f"{n_broken} of {outputs.numel()} outputs are not finite"
        raise FloatingPointError(message)
    last = logits[:, -1].float().cpu().numpy()  # the last coalition of all is N
    return [Evaluation(*pair) for pair in zip(outputs.cpu().numpy(), last, strict=True)]


def _logits(forward: Forward, parts: list[Tensor]) -> Tensor:
    """Logits of all parts, in one pass where they are alike: an input may be computed plainly."""
    if len({part.shape for part in parts}) == 1:
        return forward.rest(parts[0] if len(parts) == 1 else torch.cat(parts))
    return torch.cat([forward.rest(part) for part in parts])


@torch.inference_mode()
def check_outputs(
    plain: Forward,
    head: nn.Linear,
    masked: MaskedInput,
    label: int,
    outputs: NDArray[np.float64],
    *,
    coalitions: Tensor,
    tolerance: float,
) -> None:
    """Compare outputs with a plain forward pass on some coalitions.

    Parameters
    ----------
    head : the network's last layer. What its products add up to without their signs is the scale
        of rounding: where they cancel, logits and even their differences may be far smaller.
    outputs : float64 array of shape (2**n_players,), which another forward gave
    coalitions : int64 tensor of shape (batch,), on the device of the input
    tolerance : largest difference allowed, as a share of that scale

    Raises
    ------
    FloatingPointError
        If an output differs by more.
    """
    scales = []

    def see(_: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        scales.append(float((inputs[0].abs() @ head.weight.abs().T).max()))

    with head.register_forward_hook(see):
        logits = plain.rest(plain.prepare(masked)(coalitions))
    expected = log_odds(logits, label).cpu().numpy()
    difference = float(np.abs(outputs[coalitions.cpu().numpy()] - expected).max())
    allowed = tolerance * max(scales)
    if not difference <= allowed:
        message = (
            f"outputs of shared computation differ from plain ones by {difference:.2g}, more than "
            f"rounding explains ({allowed:.2g}); set extraction.sharing to false and report it"
        )
        raise FloatingPointError(message)


@torch.inference_mode()
def fitting_batch_size(forward: Forward, model: nn.Module, masked: MaskedInput) -> int:
    """A power of two of masked inputs that fit into memory together: at most 256, on CUDA 1024.

    It depends on how much memory there is, not on how much is free: another batch size may change
    last bits. :func:`evaluate` takes smaller batches where it does not fit. Only shapes count, so
    nothing that the versions share is computed.

    Parameters
    ----------
    forward : computes with `model`
    masked : the largest of the inputs to come
    """
    device = masked.inputs.device
    assembled = forward.example(masked)
    largest = _size(assembled)

    def see(_: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal largest
        largest = max(largest, sum(_size(part) for part in inputs) + _size(output))

    with ExitStack() as hooks:
        for module in model.modules():
            if not list(module.children()):
                hooks.enter_context(module.register_forward_hook(see))
        forward.rest(assembled)
    if device.type == "cuda":
        memory = SHARE * torch.cuda.get_device_properties(device).total_memory
    else:
        memory = min(CPU_BYTES, SHARE * psutil.virtual_memory().total)
    fitting = max(int(memory // (COPIES * largest)), 1)
    return min(1 << (fitting.bit_length() - 1), LARGEST_BATCH.get(device.type, 256))


def _size(value: Any) -> int:
    return value.numel() * value.element_size() if isinstance(value, Tensor) else 0


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
        self._expected: dict[int, MaskedInput] = {}
        self.measured_by = Measure(model, classifier(model), **settings.extraction.model_dump())
        sizes = [sample.inputs.size for sample in self.samples]
        self.measured_by.fit(self._masked(sizes.index(max(sizes))))

    def groups(self) -> list[list[int]]:
        """Positions of the samples that share batches."""
        return self.measured_by.groups([s.inputs.shape for s in self.samples], self.n_players)

    def expect(self, positions: Sequence[int]) -> None:
        """Get a group ready that is measured after the one at hand, and plan it meanwhile."""
        self._expected |= {i: self._masked(i) for i in positions}
        self.measured_by.expect([self._expected[i] for i in positions])

    def measure(self, positions: Sequence[int], digests: Sequence[str]) -> list[Evaluation]:
        """Measure the samples of a group, whose digests draw the coalitions that are checked.

        Raises
        ------
        FloatingPointError
            If outputs are not finite, or shared ones differ from plain ones.
        """
        samples = [self.samples[i] for i in positions]
        ready = self._expected
        group = [ready.pop(i) if i in ready else self._masked(i) for i in positions]
        labels, drawn = [one.label for one in samples], [int(one[:16], 16) for one in digests]
        try:
            return self.measured_by(group, labels, drawn)
        except FloatingPointError as error:
            names = ", ".join(sample.id for sample in samples)
            precision = self.measured_by.precision
            message = f"samples {names}: {error} (extraction.precision = '{precision}')"
            raise FloatingPointError(message) from error

    def noise_floor(self, position: int, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Noise of each order, (n_players + 1,), in a sample whose outputs were measured."""
        masked, label = self._masked(position), self.samples[position].label
        return self.measured_by.noise_floor(masked, label, outputs)

    def _masked(self, position: int) -> MaskedInput:
        sample, architecture = self.samples[position], self.settings.architecture
        return MaskedInput(
            inputs=network_input(sample.inputs, architecture, self.device),
            baseline=network_input(sample.baseline, architecture, self.device),
            players=torch.from_numpy(sample.players).to(self.device),
            n_players=self.n_players,
            background=self.settings.background,
        )
