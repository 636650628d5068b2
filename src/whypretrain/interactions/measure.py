"""Measure a network: its outputs v(T) on all 2**n_players masked versions of its inputs.

:class:`Measure` chooses the forward pass, fits the batch size, evaluates, compares shared with
plain computation and measures the noise floor: for extraction, notebooks and calibration alike.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whypretrain.interactions.forward import Assemble, Forward, PlainForward
from whypretrain.interactions.masking import MaskedInput
from whypretrain.interactions.noise import noise_by_order
from whypretrain.interactions.sharing.choose import choose_forward
from whypretrain.interactions.value import log_odds
from whypretrain.networks.numerics import forward_precision

N_CHECKED = 4
"""Coalitions of every input that are computed without sharing too."""
TOLERANCE = {"float32": 1e-5, "tf32": 1e-3, "bf16": 1e-2}
"""Largest difference between shared and plain outputs: see :func:`check_outputs`."""
LARGEST_BATCH = {"cpu": 256, "cuda": 1024}  # beyond it, nothing is gained
CPU_BYTES = 2 << 30
SHARE = 0.4  # of a card, or of a machine with less memory than the above asks for
COPIES = 3  # input and output of the largest layer, and what its kernel or a residual adds

Precision = Literal["float32", "tf32", "bf16"]


class Evaluation(NamedTuple):
    """One input under one network.

    `outputs`: v(T), the log-odds of the true class (eq. 1) for every coalition T, float64 of shape
    (2**n_players,). `logits`: on x_N, all players present, float32 of shape (n_classes,).
    """

    outputs: NDArray[np.float64]
    logits: NDArray[np.float32]


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

    def fit(self, largest: MaskedInput, prepared: Assemble | None = None) -> None:
        """Choose the batch size by memory, unless one was given.

        Parameters
        ----------
        largest : the largest of the inputs to come
        prepared : its shared part, if it is known already
        """
        if not self._is_fitted:
            self.batch_size = fitting_batch_size(self.forward, self.model, largest, prepared)

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
            found = evaluate(
                self.forward,
                group,
                labels,
                batch_size=self.batch_size,
                prepared=prepared,
                tell=tell,
            )
        if self.head is None or self.forward is self.plain:
            return found
        for masked, label, seed, one in zip(group, labels, seeds, found, strict=True):
            n_coalitions = len(one.outputs)
            drawn = np.random.default_rng(seed).integers(n_coalitions, size=N_CHECKED)
            drawn[-1] = n_coalitions - 1
            check_outputs(
                self.plain,
                self.head,
                masked,
                label,
                one.outputs,
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
) -> list[Evaluation]:
    """Compute the network's outputs on every masked version of every input of the group.

    Parameters
    ----------
    forward : a network in eval mode
    group : inputs of one shape with equally many players, whose versions share batches
    labels : the true class of each
    batch_size : versions a forward pass. A card that runs out of memory is asked again for half as
        many, and nothing that was computed is lost.
    prepared : the shared part of each input, if it is known already
    tell : called after each pass with the number of masked inputs that it computed

    Raises
    ------
    FloatingPointError
        If an output is not finite.
    """
    device = group[0].inputs.device
    n_coalitions = 1 << group[0].n_players
    assemble = prepared or [forward.prepare(masked) for masked in group]
    outputs = torch.empty(len(group), n_coalitions, dtype=torch.float64, device=device)
    logits = torch.empty(0)
    each = max(batch_size // len(group), 1)
    start = 0
    while start < n_coalitions:
        coalitions = torch.arange(start, min(start + each, n_coalitions), device=device)
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
    if not torch.isfinite(outputs).all():
        n_broken = int((~torch.isfinite(outputs)).sum())
        message = f"{n_broken} of {outputs.numel()} outputs are not finite"
        raise FloatingPointError(message)
    last = logits[:, -1].float().cpu().numpy()  # the last coalition is N
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

    hook = head.register_forward_hook(see)
    try:
        logits = plain.rest(plain.prepare(masked)(coalitions))
    finally:
        hook.remove()
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
def fitting_batch_size(
    forward: Forward, model: nn.Module, masked: MaskedInput, prepared: Assemble | None = None
) -> int:
    """A power of two of masked inputs that fit into memory together: at most 256, on CUDA 1024.

    The same on the same machine, as it depends on how much memory there is, not on how much is
    free: another batch size may change last bits. :func:`evaluate` takes smaller batches where it
    does not fit.

    Parameters
    ----------
    forward : computes with `model`
    masked : the largest of the inputs to come
    prepared : its shared part, if it is known already
    """
    device = masked.inputs.device
    assemble = prepared or forward.prepare(masked)
    assembled = assemble(torch.zeros(1, dtype=torch.int64, device=device))
    largest = _size(assembled)

    def see(_: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal largest
        largest = max(largest, sum(_size(part) for part in inputs) + _size(output))

    leaves = [module for module in model.modules() if not list(module.children())]
    hooks = [leaf.register_forward_hook(see) for leaf in leaves]
    try:
        forward.rest(assembled)
    finally:
        for hook in hooks:
            hook.remove()
    fitting = max(_memory(device) // (COPIES * largest), 1)
    largest_batch = LARGEST_BATCH.get(device.type, 256)
    return int(min(1 << (int(fitting).bit_length() - 1), largest_batch))


def _size(value: Any) -> int:
    return value.numel() * value.element_size() if isinstance(value, Tensor) else 0


def _memory(device: torch.device) -> float:
    if device.type == "cuda":
        return SHARE * torch.cuda.get_device_properties(device).total_memory
    return min(CPU_BYTES, SHARE * psutil.virtual_memory().total)
