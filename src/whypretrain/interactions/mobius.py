"""Harsanyi interactions from outputs and back: the Möbius and zeta transforms over all subsets."""

import sys
from typing import TYPE_CHECKING, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whypretrain.interactions.coalitions import n_players_of

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import TypeIs

BLOCK = 1 << 16  # float64 values worked on at a time: half a megabyte stays in a core's cache

Array = TypeVar("Array", NDArray[np.float64], "Tensor")


@overload
def mobius(outputs: "Tensor") -> "Tensor": ...
@overload
def mobius(outputs: ArrayLike) -> NDArray[np.float64]: ...
def mobius(outputs: "ArrayLike | Tensor") -> "NDArray[np.float64] | Tensor":
    """Interactions I(S) = sum over T ⊆ S of (-1)**(|S|-|T|) v(T) (eq. 2).

    Parameters
    ----------
    outputs : array or tensor of shape (..., 2**n_players)
        v(T) at index T, whose bit i says that player i is kept.

    Returns
    -------
    array of shape (..., 2**n_players), float64; of a tensor, a tensor on its device
        I(S) at index S, the empty set included. Costs n_players * 2**(n_players-1) subtractions a
        row, in place, in a few passes through memory.

    Raises
    ------
    ValueError
        If the last axis is not a power of two.

    >>> mobius([0.0, 1.0, 2.0, 5.0])
    array([0., 1., 2., 2.])
    """
    return _transform(outputs, subtract=True)


@overload
def zeta(interactions: "Tensor") -> "Tensor": ...
@overload
def zeta(interactions: ArrayLike) -> NDArray[np.float64]: ...
def zeta(interactions: "ArrayLike | Tensor") -> "NDArray[np.float64] | Tensor":
    """Outputs v(T) = sum over S ⊆ T of I(S) (eq. 4): the inverse of :func:`mobius`.

    Same shapes, dtype and errors as :func:`mobius`.

    >>> zeta([0.0, 1.0, 2.0, 2.0])
    array([0., 1., 2., 5.])
    """
    return _transform(interactions, subtract=False)


def _transform(values: "ArrayLike | Tensor", *, subtract: bool) -> "NDArray[np.float64] | Tensor":
    if _is_tensor(values):
        import torch  # noqa: PLC0415  (who has a tensor has waited for it)

        tensor = values.to(torch.float64, memory_format=torch.contiguous_format, copy=True)
        if tensor.device.type != "cpu":
            n_players_of(tensor.shape[-1])
            return _butterflies(tensor.reshape(-1, tensor.shape[-1]), subtract).view(tensor.shape)
        return torch.from_numpy(_transform(tensor.numpy(), subtract=subtract))
    result = np.array(values, dtype=np.float64, order="C")
    n_players_of(result.shape[-1])
    rows = result.reshape(-1, result.shape[-1])
    n_together = max(BLOCK // rows.shape[1], 1)
    for start in range(0, len(rows), n_together):
        block = rows[start : start + n_together]
        block[...] = _butterflies(block, subtract)
    return result


def _butterflies(rows: Array, subtract: bool) -> Array:
    """Transform rows of shape (n_rows, 2**n_players); they are overwritten.

    A pass for player i works on runs of 2**i values: short runs are slow. So the players are dealt
    with in two halves, the second on rows whose halves of bits are exchanged.
    """
    n_rows, n_coalitions = rows.shape
    n_players = n_players_of(n_coalitions)
    n_low = n_players // 2
    _passes(rows, range(n_low, n_players), subtract)
    exchanged = rows.reshape(n_rows, 1 << (n_players - n_low), 1 << n_low).swapaxes(1, 2)
    low = _compact(exchanged).reshape(n_rows, n_coalitions)
    _passes(low, range(n_players - n_low, n_players), subtract)
    back = low.reshape(n_rows, 1 << n_low, 1 << (n_players - n_low)).swapaxes(1, 2)
    return back.reshape(n_rows, n_coalitions)


def _passes(rows: Array, bits: range, subtract: bool) -> None:
    for bit in bits:
        pairs = rows.reshape(-1, 2, 1 << bit)  # axis 1: without and with the player
        if subtract:
            pairs[:, 1] -= pairs[:, 0]
        else:
            pairs[:, 1] += pairs[:, 0]


def _compact(array: Array) -> Array:
    return array.contiguous() if _is_tensor(array) else np.ascontiguousarray(array)


def _is_tensor(values: object) -> "TypeIs[Tensor]":
    """Whether these are a tensor, which nothing is as long as nobody has imported torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)
