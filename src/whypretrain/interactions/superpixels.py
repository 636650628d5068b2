"""Superpixels as players: regions of like colour that cover an image, exactly as many as asked."""

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label
from skimage.segmentation import slic

FINER = (1.0, 1.25, 1.5, 2.0, 3.0)
"""How many times `n_players` segments SLIC is asked for, until it returns enough."""
COMPACTNESS = {1: 0.2, 3: 20.0}
"""Weight of distance against colour, by channels: grey spans 0 to 1, the L of Lab 0 to 100."""
SMOOTHING = 1 / 112
"""Standard deviation of the Gaussian that goes before, as a share of the shorter side: without it
regions fray along fine texture."""


def superpixel_players(image: NDArray[np.uint8], *, n_players: int) -> NDArray[np.int16]:
    """Cut an image into exactly `n_players` connected regions of like colour.

    SLIC returns about as many segments as it is asked for. It is asked for more and more, until
    there are enough; then the smallest region joins the neighbour of the nearest mean colour, until
    there are `n_players`. Where SLIC never finds enough (an image of one colour, or of a few
    pixels), the largest region is split in two instead. Nothing is random.

    Parameters
    ----------
    image : array of shape (height, width, channels), uint8, with 1 or 3 channels

    Returns
    -------
    array of shape (height, width), int16
        The player of every pixel, numbered by their first pixels in reading order.

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
        # Not every segment of SLIC is in one piece.
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
    sizes = np.bincount(regions.ravel())
    colours = np.stack(
        [
            np.bincount(regions.ravel(), weights=channel.ravel()) / sizes
            for channel in np.moveaxis(image, 2, 0)
        ],
        axis=1,
    )
    smallest = int(sizes.argmin())
    near = _grown(regions == smallest) & (regions != smallest)
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
    start = np.zeros_like(region)
    start.flat[int(region.argmax())] = True
    ends = []
    for _ in range(2):
        steps = _steps(region, start)
        start = np.zeros_like(region)
        start.flat[int(np.where(region, steps, -1).argmax())] = True
        ends.append(start)
    further = _steps(region, ends[1]) < _steps(region, ends[0])
    return np.where(region & further, regions.max() + 1, regions)


def _steps(region: NDArray[np.bool_], start: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Length of the shortest path inside `region` from `start` to every pixel of it; 0 outside."""
    steps = np.zeros(region.shape, dtype=np.int64)
    reached, front = start.copy(), start
    distance = 0
    while front.any():
        steps[front] = distance
        distance += 1
        front = _grown(reached) & region & ~reached
        reached |= front
    return steps


def _grown(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The region and the pixels that share an edge with it."""
    grown = region.copy()
    grown[1:] |= region[:-1]
    grown[:-1] |= region[1:]
    grown[:, 1:] |= region[:, :-1]
    grown[:, :-1] |= region[:, 1:]
    return grown
