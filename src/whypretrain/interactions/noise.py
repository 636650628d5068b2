"""The noise floor of interactions: what rounding in the outputs alone makes of each order."""

import numpy as np
from numpy.typing import NDArray

from whypretrain.interactions.coalitions import orders
from whypretrain.interactions.mobius import mobius


def noise_by_order(
    outputs: NDArray[np.float64], repeated: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Root mean square over the sets of each order of the difference of two measurements.

    Independent rounding errors of size e in the outputs become 2**(|S|/2) e in I(S), so the floor
    rises with the order.

    Parameters
    ----------
    outputs, repeated : arrays of shape (2**n_players,)
        v(T) of the same masked inputs, computed in two ways that differ in rounding only.

    Returns
    -------
    array of shape (n_players + 1,), float64

    >>> noise_by_order(np.array([0.0, 1.0, 1.0, 3.0]), np.array([0.0, 1.0, 1.0, 3.5]))
    array([0. , 0. , 0.5])
    """
    difference = mobius(np.asarray(repeated) - np.asarray(outputs))
    of_order = orders(len(difference).bit_length() - 1)
    sums = np.bincount(of_order, weights=difference**2)
    return np.sqrt(sums / np.bincount(of_order))
