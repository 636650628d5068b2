"""How close a snapshot's interactions are to the final ones (eq. 9)."""

import numpy as np
from numpy.typing import NDArray


def jaccard(snapshot: NDArray[np.float64], final: NDArray[np.float64]) -> NDArray[np.float64]:
    """Jaccard similarity ||min(Ĩ_e, Ĩ_E)||₁ / ||max(Ĩ_e, Ĩ_E)||₁, Ĩ = [max(I, 0), max(-I, 0)].

    Parameters
    ----------
    snapshot, final : arrays of shape (n_samples, n_sets)
        Interactions at epoch e and at the last epoch. Leave the empty set out.

    Returns
    -------
    array of shape (n_samples,), float64, in [0, 1]
        1 where both are zero everywhere: nothing is missing.

    >>> jaccard(np.array([[1.0, -2.0]]), np.array([[2.0, 2.0]]))
    array([0.16666667])
    """
    early = np.concatenate([np.maximum(snapshot, 0), np.maximum(-snapshot, 0)], axis=1)
    late = np.concatenate([np.maximum(final, 0), np.maximum(-final, 0)], axis=1)
    common = np.minimum(early, late).sum(axis=1)
    union = np.maximum(early, late).sum(axis=1)
    return np.divide(common, union, out=np.ones_like(common), where=union > 0)
