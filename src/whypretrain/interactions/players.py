"""Players: disjoint, non-empty sets of pixels or of tokens.

Every kind is returned as a label map, an int16 array of shape (height, width) or (length,): the
player of every pixel or token, or :data:`BACKGROUND`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_dilation
from skimage.measure import label
from skimage.segmentation import slic

from whypretrain.data.samples import BACKGROUND

Labels = NDArray[np.int16]

FINER = (1.0, 1.25, 1.5, 2.0, 3.0)
"""How many times `n_players` segments SLIC is asked for, until it returns enough."""
COMPACTNESS = {1: 0.2, 3: 20.0}
"""Weight of distance against colour, by channels: grey spans 0 to 1, the L of Lab 0 to 100."""
SMOOTHING = 1 / 112
"""Standard deviation of the Gaussian that goes before, as a share of the shorter side: without it
regions fray along fine texture."""


def grid_players(
    height: int, width: int, *, cells: int, margin: int, n_players: int, generator: Generator
) -> Labels:
    """Draw players from the cells of a regular grid.

    The image is cut into `cells`×`cells` cells (whose sizes differ by at most one pixel where the
    image size is no multiple of `cells`); `n_players` of the central
    (`cells` - 2·`margin`)² become players, numbered in reading order.

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
    """How many players :func:`part_players` can draw; it takes and raises the same.

    >>> usable_parts([[1, 1], [3, 3], [3, 3]], [0, 0, 4, 4], 4, 4)
    2
    """
    return len(_parts(points, box, height, width)[2])


def part_players(
    points: ArrayLike,
    box: ArrayLike,
    height: int,
    width: int,
    *,
    n_players: int,
    generator: Generator,
) -> Labels:
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

    Raises
    ------
    ValueError
        If fewer than `n_players` parts have a pixel, the box has none, or a shape is wrong.
    """
    parts, inside, usable = _parts(points, box, height, width)
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
    regions: Sequence[Sequence[Sequence[int]]], height: int, width: int, *, n_players: int
) -> Labels:
    """Players that a person drew: one list of pixels [row, column] a player, at the resized size.

    Raises
    ------
    ValueError
        If there are not `n_players` regions with pixels, or one leaves the image or overlaps
        another.
    """
    n_drawn = sum(len(region) > 0 for region in regions)
    if not 1 <= n_players == n_drawn == len(regions):
        message = f"n_players = {n_players}: {n_drawn} regions are drawn"
        raise ValueError(message)
    players = np.full((height, width), BACKGROUND, dtype=np.int16)
    for player, region in enumerate(regions):
        pixels = np.asarray(region)
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


def word_players(word_of_token: ArrayLike, *, n_players: int, generator: Generator) -> Labels:
    """Draw players from the words of a sentence, in its order; a word's sub-tokens are one player.

    Parameters
    ----------
    word_of_token : array of shape (length,), int
        The word of every token; -1 for special tokens, which are never players.

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


def count_words(word_of_token: ArrayLike) -> int:
    """How many words could be players."""
    return len(set(np.asarray(word_of_token).tolist()) - {BACKGROUND})


def players_of_words(word_of_token: ArrayLike, players: Labels, n_words: int) -> list[int]:
    """The player of each word, or -1, of players that :func:`word_players` drew.

    >>> players_of_words([-1, 0, 2, 2], np.array([-1, -1, 0, 0], np.int16), 3)
    [-1, -1, 0]
    """
    player_of = dict(zip(np.asarray(word_of_token).tolist(), players.tolist(), strict=True))
    return [player_of.get(word, BACKGROUND) for word in range(n_words)]


def _parts(
    points: ArrayLike, box: ArrayLike, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Parts (n, 2), which pixels have their centre in the box, and which parts have a pixel."""
    parts = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(parts).all():
        message = "a visible part has a coordinate that is not finite"
        raise ValueError(message)
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
    usable = np.unique(_nearest(parts, inside)) if len(parts) else np.empty(0, dtype=np.int64)
    return parts, inside, usable


def _nearest(points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index of the point nearest to every pixel of the box, in reading order."""
    centres = np.argwhere(inside)[:, ::-1] + 0.5
    return ((centres[:, None] - points) ** 2).sum(axis=2).argmin(axis=1)


def superpixel_players(image: NDArray[np.uint8], *, n_players: int) -> Labels:
    """Cut an image into exactly `n_players` connected regions of like colour.

    SLIC returns about as many segments as it is asked for. It is asked for more and more, until
    there are enough; then the smallest region joins the neighbour of the nearest mean colour, until
    there are `n_players`. Where SLIC never finds enough (an image of one colour, or of a few
    pixels), the largest region is split in two instead. Nothing is random; players are numbered by
    their first pixels in reading order.

    Parameters
    ----------
    image : array of shape (height, width, channels), uint8, with 1 or 3 channels

    Raises
    ------
    ValueError
        If there are fewer pixels than players, or the shape is wrong.
    """
    if image.ndim != 3 or image.shape[2] not in COMPACTNESS:
        message = f"an image of shape {image.shape} is not (height, width, 1 or 3 channels)"
        raise ValueError(message)
    height, width, channels = image.shape
    if not 1 <= n_players <= height * width:
        message = f"n_players = {n_players}: the image has {height * width} pixels"
        raise ValueError(message)
    regions = np.zeros((height, width), dtype=np.int64)
    for finer in FINER:
        segments = slic(
            image,
            n_segments=min(round(n_players * finer), height * width),
            compactness=COMPACTNESS[channels],
            sigma=SMOOTHING * min(height, width),
            start_label=0,
            channel_axis=-1,
        )
        # Not every segment of SLIC is in one piece. (scikit-image has no types.)
        found = label(segments, background=-1, connectivity=1) - 1  # type: ignore[no-untyped-call]
        if found.max() >= regions.max():
            regions = found
        if regions.max() + 1 >= n_players:
            break
    while regions.max() + 1 > n_players:
        regions = _merge_smallest(regions, image)
    while regions.max() + 1 < n_players:
        regions = _split_largest(regions)
    firsts = np.unique(regions, return_index=True)[1]
    return np.argsort(np.argsort(firsts))[regions].astype(np.int16)


def _merge_smallest(regions: NDArray[np.int64], image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Join the smallest region with the neighbour whose mean colour is nearest."""
    flat = regions.ravel()
    sizes = np.bincount(flat)
    channels = np.moveaxis(image, 2, 0)
    colours = np.stack([np.bincount(flat, channel.ravel()) / sizes for channel in channels], axis=1)
    smallest = int(sizes.argmin())
    near = binary_dilation(regions == smallest) & (regions != smallest)
    neighbours = np.unique(regions[near])
    distances = np.linalg.norm(colours[neighbours] - colours[smallest], axis=1)
    merged = np.where(regions == smallest, neighbours[distances.argmin()], regions)
    # Labels stay 0, 1, … without a gap.
    return merged - (merged > smallest)


def _split_largest(regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Split the largest region in two: what is nearer to either of two pixels far apart.

    Distances are along paths inside the region, so that both halves are in one piece.
    """
    region = regions == np.bincount(regions.ravel()).argmax()
    start = int(region.argmax())
    ends = []
    for _ in range(2):
        start = int(np.where(region, _steps(region, start), -1).argmax())
        ends.append(start)
    further = _steps(region, ends[1]) < _steps(region, ends[0])
    return np.where(region & further, regions.max() + 1, regions)


def _steps(region: NDArray[np.bool_], start: int) -> NDArray[np.int64]:
    """Length of the shortest path inside a region in one piece from a pixel to every other."""
    steps = np.zeros(region.shape, dtype=np.int64)
    left = region.copy()
    left.flat[start] = False
    while left.any():
        steps += left
        left &= ~binary_dilation(region & ~left)
    return steps
