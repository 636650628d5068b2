"""Players: disjoint, non-empty sets of pixels or of tokens, drawn as a label map.

Superpixels have a module of their own, :mod:`whypretrain.interactions.superpixels`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whypretrain.data.samples import BACKGROUND


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
    capacity = max(cells - 2 * margin, 0) ** 2
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


def usable_parts(points: ArrayLike, box: ArrayLike, height: int, width: int) -> int:
    """How many players :func:`part_players` can draw: points with a pixel of the box nearest them.

    Takes what :func:`part_players` takes, and raises the same for a wrong shape or number.

    >>> usable_parts([[1, 1], [3, 3], [3, 3]], [0, 0, 4, 4], 4, 4)
    2
    """
    return len(_with_a_pixel(_check_points(points), _inside(box, height, width)))


def part_players(
    points: ArrayLike,
    box: ArrayLike,
    height: int,
    width: int,
    *,
    n_players: int,
    generator: np.random.Generator,
) -> NDArray[np.int16]:
    """Cut a bounding box into the Voronoi cells of an object's visible parts.

    Every pixel of the box belongs to the nearest chosen point (of equally near ones, the first);
    outside the box there is no player. Of more parts than players, `n_players` are drawn among
    those that have a pixel when all are used, as a cell only grows when others leave. Players are
    numbered in the order of the parts.

    Parameters
    ----------
    points : array of shape (n_parts, 2), float
        Column and row (x, y) of every visible part, on the resized image. Pixel (row, column) is
        the square from (column, row) to (column + 1, row + 1), and counts as its centre.
    box : array of shape (4,), float
        Left edge, top edge, width and height of the bounding box; what sticks out is cut off.

    Returns
    -------
    array of shape (height, width), int16
        The player of every pixel, or :data:`BACKGROUND`.

    Raises
    ------
    ValueError
        If fewer than `n_players` parts have a pixel, the box has none, or a shape is wrong.
    """
    parts, inside = _check_points(points), _inside(box, height, width)
    usable = _with_a_pixel(parts, inside)
    if not 1 <= n_players <= len(usable):
        message = f"n_players = {n_players}: the object has {len(parts)} visible parts"
        if len(usable) < len(parts):
            message += f", of which {len(usable)} have a pixel; the others coincide or lie outside"
        raise ValueError(message)
    drawn = np.sort(generator.choice(usable, size=n_players, replace=False))
    players = np.full((height, width), BACKGROUND, dtype=np.int16)
    players[inside] = _nearest(parts[drawn], inside)
    return players


def annotation_players(
    regions: Sequence[ArrayLike], height: int, width: int, *, n_players: int
) -> NDArray[np.int16]:
    """Players that a person drew: one list of pixels [row, column] a player, at the resized size.

    Returns
    -------
    array of shape (height, width), int16
        The player of every pixel, or :data:`BACKGROUND`.

    Raises
    ------
    ValueError
        If there are not `n_players` regions, or a region is empty, leaves the image, overlaps
        another or is no list of pixels.
    """
    if len(regions) != n_players or n_players < 1:
        message = f"n_players = {n_players}: {len(regions)} regions are drawn"
        raise ValueError(message)
    players = np.full((height, width), BACKGROUND, dtype=np.int16)
    for player, region in enumerate(regions):
        pixels = np.asarray(region)
        if pixels.size == 0:
            message = f"player {player} has no pixel"
            raise ValueError(message)
        if pixels.ndim != 2 or pixels.shape[1] != 2 or pixels.dtype.kind not in "iu":
            message = f"player {player} is no list of pixels [row, column] of whole numbers"
            raise ValueError(message)
        outside = ((pixels < 0) | (pixels >= [height, width])).any(axis=1)
        if outside.any():
            message = (
                f"player {player} has pixel {pixels[outside][0].tolist()}, outside the image of "
                f"{height}×{width} pixels (rows and columns count from 0)"
            )
            raise ValueError(message)
        rows, columns = pixels.T
        before = players[rows, columns]
        if (before != BACKGROUND).any():
            clash = np.argmax(before != BACKGROUND)
            message = (
                f"players {before[clash]} and {player} overlap at pixel {pixels[clash].tolist()}"
            )
            raise ValueError(message)
        players[rows, columns] = player
    return players


def word_players(
    word_of_token: ArrayLike, *, n_players: int, generator: np.random.Generator
) -> NDArray[np.int16]:
    """Draw players from the words of a sentence; all sub-tokens of a word are one player.

    Parameters
    ----------
    word_of_token : array of shape (length,), int
        The word of every token; -1 for special tokens, which are never players.

    Returns
    -------
    array of shape (length,), int16
        The player of every token, or :data:`BACKGROUND`; numbered in the order of the sentence.

    Raises
    ------
    ValueError
        If there are fewer words than players.

    >>> word_players([-1, 0, 1, 1, -1], n_players=2, generator=np.random.default_rng(0))
    array([-1,  0,  1,  1, -1], dtype=int16)
    """
    word_of = np.asarray(word_of_token)
    words = np.unique(word_of[word_of >= 0])
    if not 1 <= n_players <= len(words):
        message = f"n_players = {n_players}: the sentence has {len(words)} words"
        raise ValueError(message)
    drawn = np.sort(generator.choice(words, size=n_players, replace=False))
    players = np.full(word_of.shape, BACKGROUND, dtype=np.int16)
    for player, word in enumerate(drawn):
        players[word_of == word] = player
    return players


def _check_points(points: ArrayLike) -> NDArray[np.float64]:
    checked = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(checked).all():
        message = "a visible part has a coordinate that is not finite"
        raise ValueError(message)
    return checked


def _inside(box: ArrayLike, height: int, width: int) -> NDArray[np.bool_]:
    """Pixels whose centre lies in the box: array of shape (height, width)."""
    left, top, box_width, box_height = np.asarray(box, dtype=np.float64)
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    columns = (left <= x) & (x < left + box_width)
    rows = (top <= y) & (y < top + box_height)
    inside = rows[:, None] & columns[None, :]
    if not inside.any():
        message = (
            f"the bounding box (left, top, width, height) = "
            f"({left:g}, {top:g}, {box_width:g}, {box_height:g}) has no pixel of an image of "
            f"{height}×{width} pixels"
        )
        raise ValueError(message)
    return inside


def _nearest(points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index of the point nearest to every pixel of the box, in reading order."""
    rows, columns = np.nonzero(inside)
    squared = (columns[:, None] + 0.5 - points[:, 0]) ** 2 + (
        rows[:, None] + 0.5 - points[:, 1]
    ) ** 2
    return squared.argmin(axis=1)


def _with_a_pixel(points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Indices of the points whose Voronoi cell has a pixel, in increasing order."""
    return np.unique(_nearest(points, inside)) if len(points) else np.empty(0, dtype=np.int64)
