"""Players of an image: disjoint, non-empty sets of pixels, drawn as a label map."""

import numpy as np
from numpy.typing import NDArray

BACKGROUND = -1
"""Label of pixels that belong to no player."""


def grid_capacity(cells: int, margin: int) -> int:
    """Number of cells of a `cells`×`cells` grid that players can be drawn from.

    >>> grid_capacity(8, 1)
    36
    """
    return max(cells - 2 * margin, 0) ** 2


def grid_players(
    height: int,
    width: int,
    *,
    cells: int,
    margin: int,
    n_players: int,
    generator: np.random.Generator,
) -> NDArray[np.int16]:
    """Draw players from the cells of a regular grid.

    The image is cut into `cells`×`cells` cells (whose sizes differ by at most one pixel where the
    image size is no multiple of `cells`); `n_players` of the central
    (`cells` - 2·`margin`)² become players, numbered in reading order.

    Returns
    -------
    array of shape (height, width), int16
        The player of every pixel, or :data:`BACKGROUND`.

    Raises
    ------
    ValueError
        If there are fewer cells to draw from than players, or fewer pixels than cells a side.
    """
    capacity = grid_capacity(cells, margin)
    if not 1 <= n_players <= capacity:
        message = (
            f"n_players = {n_players}: a {cells}×{cells} grid with margin {margin} has "
            f"{capacity} cells to draw from"
        )
        raise ValueError(message)
    if min(height, width) < cells:
        message = f"cells = {cells}: an image of {height}×{width} pixels has fewer a side"
        raise ValueError(message)
    row = np.arange(height) * cells // height
    column = np.arange(width) * cells // width
    cell = row[:, None] * cells + column[None, :]
    inner = np.arange(cells)[margin : cells - margin]
    candidates = (inner[:, None] * cells + inner[None, :]).ravel()
    drawn = np.sort(generator.choice(candidates, size=n_players, replace=False))
    player_of_cell = np.full(cells * cells, BACKGROUND, dtype=np.int16)
    player_of_cell[drawn] = np.arange(n_players)
    return player_of_cell[cell]


def check_players(players: NDArray[np.integer], n_players: int) -> None:
    """Check that a label map holds exactly the players 0..n_players-1, none of them empty.

    Raises
    ------
    ValueError
        If a player has no pixel or a label is out of range.
    """
    found = set(np.unique(players).tolist()) - {BACKGROUND}
    if found != set(range(n_players)):
        missing = sorted(set(range(n_players)) - found)
        stray = sorted(found - set(range(n_players)))
        message = f"players without a pixel: {missing}; labels that are no player: {stray}"
        raise ValueError(message)
