"""Players of an image as outlines for SVG, and where each one's number stands."""

from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whypretrain.report.player_sheet import depth_of

Point = tuple[int, int]


def outlines(players: NDArray[np.integer], n_players: int) -> list[dict[str, Any]]:
    """Every player's outline and the place of its number.

    Parameters
    ----------
    players : array of shape (height, width)
        The player of every pixel; -1 where there is none.
    n_players : how many there are

    Returns
    -------
    a dictionary a player: `path`, an SVG path along the edges of its pixels, in pixels; `x`, `y`,
    the centre of the pixel that is farthest from other players and the rim; `room`, how far in
    pixels
    """
    found = []
    for player in range(n_players):
        region = players == player
        depth = depth_of(region)
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        place = {"x": float(column) + 0.5, "y": float(row) + 0.5, "room": round(float(depth.max()))}
        found.append({"path": outline(region), **place})
    return found


def outline(region: NDArray[np.bool_]) -> str:
    """An SVG path along the edges of a region's pixels; to be filled by the rule evenodd.

    >>> outline(np.array([[True, True], [False, True]]))
    'M0 0h2v2h-1v-1h-1z'
    """
    following = _edges(region)
    parts = []
    while following:
        start = corner = min(following)
        steps: list[Point] = []
        while corner != start or not steps:
            after = following[corner].pop()
            if not following[corner]:
                del following[corner]
            steps.append((after[0] - corner[0], after[1] - corner[1]))
            corner = after
        runs = [(step, len(list(same))) for step, same in groupby(steps)]
        parts.append(f"M{start[0]} {start[1]}")
        # The last edge is drawn by closing the path.
        parts += [f"h{dx * n}" if dx else f"v{dy * n}" for (dx, dy), n in runs[:-1]]
        parts.append("z")
    return "".join(parts)


def _edges(region: NDArray[np.bool_]) -> dict[Point, list[Point]]:
    """Unit edges between inside and outside, the inside on their right, by their first corner."""
    padded = np.pad(region, 1)
    inside = padded[1:-1, 1:-1]
    sides = {
        (0, 0, 1, 0): ~padded[:-2, 1:-1],  # above
        (1, 0, 1, 1): ~padded[1:-1, 2:],  # right
        (1, 1, 0, 1): ~padded[2:, 1:-1],  # below
        (0, 1, 0, 0): ~padded[1:-1, :-2],  # left
    }
    following: dict[Point, list[Point]] = {}
    for (x0, y0, x1, y1), outside in sides.items():
        rows, columns = np.nonzero(inside & outside)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            following.setdefault((column + x0, row + y0), []).append((column + x1, row + y1))
    return following
