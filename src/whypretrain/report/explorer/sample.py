"""One sample as the page shows it: picture, players, strongest interactions, what models say."""

import base64
import io
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from whypretrain.data.samples import Sample
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import reconstruction_error
from whypretrain.interactions.sets import coalitions_of, is_or
from whypretrain.knowledge.compared import heard
from whypretrain.knowledge.strengths import Knowledge, split_knowledge
from whypretrain.report.player_sheet import deepest

Array = NDArray[np.float64]
LOSSLESS = 64  # pixels a side up to which an image is stored as it is
LARGEST = 384  # pixels of the longer side beyond which an image is made smaller
JPEG_QUALITY = 85


def exact(value: Any) -> float | None:
    """A number with so many digits that rounding it again to three gives the same; None for NaN."""
    return float(f"{value:.9g}") + 0.0 if np.isfinite(value) else None


def short(value: Any) -> float | None:
    """A number of a sample, of which there are many, with four digits; None if it is not finite.

    >>> short(0.123456), short(-0.0), short(float("nan"))
    (0.1235, 0.0, None)
    """
    return float(f"{value:.4g}") + 0.0 if np.isfinite(value) else None


def shorts(values: Iterable[Any]) -> list[float | None]:
    """Several of them."""
    return [short(value) for value in values]


def set_numbers(n_sets: int) -> NDArray[np.int64]:
    """The page's number of each interaction, (n_sets,): its coalition, negative where it is OR.

    >>> set_numbers(5)
    array([ 0,  1,  2,  3, -3])
    """
    return np.where(is_or(n_sets), -1, 1) * coalitions_of(n_sets)


def sample_view(
    sample: Sample,
    records: Mapping[str, Record],
    is_salient: Mapping[str, NDArray[np.bool_]],
    *,
    at: int,
    counted: NDArray[np.bool_],
    noise_floor: Array,
    n_listed: int,
) -> dict[str, Any]:
    """All that the page needs of a sample.

    Parameters
    ----------
    sample : with `n_players` players
    records : of `probe`, `finetune` and `scratch`, their final snapshot last
    is_salient : by variant which interactions are, of shape (n_snapshots, n_samples, n_sets)
    at : the sample's place in the records
    counted : sets that metrics count, of shape (n_sets,)
    noise_floor : of shape (n_players + 1,)
    n_listed : interactions a list

    Returns
    -------
    `id`, `label`; `image`, `width`, `height`, `players` (outlines), or `words`, `word_players`;
    `models` (by variant, a list a quantity, one entry a snapshot); `lists` (see :func:`listed`);
    `strongest` (by variant the sets that are strongest in the end); `values` (by set and variant,
    interactions along the snapshots, nats); sets as :func:`set_numbers` gives them
    """
    interactions = {variant: record.interactions[:, at] for variant, record in records.items()}
    split = split_knowledge(interactions["probe"], interactions["finetune"])
    lists = listed(split, counted=counted, noise_floor=noise_floor, n_listed=n_listed)
    strongest = {
        variant: np.argsort(-np.abs(own[-1, 1:]), kind="stable")[:n_listed] + 1
        for variant, own in interactions.items()
    }
    numbers = set_numbers(len(counted))
    strong = {variant: numbers[own].tolist() for variant, own in strongest.items()}
    sets = {item["set"] for found in lists.values() for item in found["items"]}
    sets = sets.union(*strong.values())
    shown: dict[str, Any] = {"words": sample.words, "word_players": sample.word_players}
    if not sample.words:
        _, height, width = sample.inputs.shape
        shown = {"image": picture(sample.inputs), "width": width, "height": height}
        shown["players"] = outlines(sample.players, len(noise_floor) - 1)
    models = {}
    for variant, record in records.items():
        own = is_salient[variant][:, at]
        models[variant] = {
            "prediction": record.predictions[:, at].tolist(),
            "right": record.correct[:, at].tolist(),
            "empty": shorts(record.outputs[:, at, 0]),
            "v": shorts(record.outputs[:, at, -1]),
            "n_salient": own.sum(axis=1).tolist(),
            "error": shorts(reconstruction_error(interactions[variant], own)),
        }
    values = {
        str(numbers[place]): {
            variant: shorts(own[:, place]) for variant, own in interactions.items()
        }
        for place in np.flatnonzero(np.isin(numbers, list(sets)))
    }
    about = {"id": sample.id, "label": sample.label, **shown}
    return {**about, "models": models, "lists": lists, "strongest": strong, "values": values}


def listed(
    split: Knowledge, *, counted: NDArray[np.bool_], noise_floor: Array, n_listed: int
) -> dict[str, dict[str, Any]]:
    """The strongest preserved, discarded and new interactions of one sample.

    Which are strongest is decided by the final fine-tuned model; strengths of the same sets are
    given along its snapshots. Sets that metrics do not count, and strengths within the noise floor,
    are no candidates.

    Parameters
    ----------
    split : arrays of shape (n_snapshots, n_sets), the final one last
    counted, noise_floor : of shapes (n_sets,) and (n_players + 1,)

    Returns
    -------
    by quantity: `items`, strongest first, with `set` (see :func:`set_numbers`) and `strength` (a
    list, one a snapshot, nats); `n` and `share`, lists of one a snapshot: how many candidates there
    are, and of all their strength that of the items (None without candidates)
    """
    found, numbers = {}, set_numbers(len(counted))
    for quantity, strength in split._asdict().items():
        along = np.where(counted, heard(strength, noise_floor), 0.0)
        n_candidates = (along > 0).sum(axis=1)
        chosen = np.argsort(-along[-1], kind="stable")[: min(n_listed, n_candidates[-1])]
        items = [{"set": int(numbers[one]), "strength": shorts(strength[:, one])} for one in chosen]
        with np.errstate(invalid="ignore"):
            share = shorts(along[:, chosen].sum(axis=1) / along.sum(axis=1))
        found[quantity] = {"items": items, "n": n_candidates.tolist(), "share": share}
    return found


def picture(image: NDArray[np.uint8]) -> str:
    """An image of shape (1 or 3, height, width) as a data URI: PNG if small, else JPEG."""
    shown = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
    kind = "png" if max(shown.size) <= LOSSLESS else "jpeg"
    shown.thumbnail((LARGEST, LARGEST))
    file = io.BytesIO()
    shown.save(file, format=kind, optimize=True, quality=JPEG_QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def outlines(players: NDArray[np.integer], n_players: int) -> list[dict[str, Any]]:
    """Every player's outline and the place of its number.

    Parameters
    ----------
    players : the player of every pixel, of shape (height, width); -1 where there is none

    Returns
    -------
    a dictionary a player: `path`, an SVG path along the edges of its pixels, in pixels; `x`, `y`,
    the centre of the pixel that is farthest from other players and the rim; `room`, how far in
    pixels
    """
    found = []
    for player in range(n_players):
        row, column, depth = deepest(players == player)
        place = {"x": column + 0.5, "y": row + 0.5, "room": round(depth)}
        found.append({"path": outline(players == player), **place})
    return found


def outline(region: NDArray[np.bool_]) -> str:
    """An SVG path along the edges of a region's pixels; to be filled by the rule evenodd.

    >>> outline(np.array([[True, True], [False, True]]))
    'M0 0h2v2h-1v-1h-1z'
    """
    corners, ways = [(0, 0), (1, 0), (1, 1), (0, 1)], [(1, 0), (0, 1), (-1, 0), (0, -1)]
    # Unit edges above, right, below and left of pixels by their first corner, the inside on their
    # right.
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    padded = np.pad(region, 1)
    for (x, y), (dx, dy) in zip(corners, ways, strict=True):
        outside = ~np.roll(padded, (dx, -dy), axis=(0, 1))
        for row, column in np.argwhere(padded & outside).tolist():
            following.setdefault((column - 1 + x, row - 1 + y), []).append((dx, dy))
    parts = []
    while following:
        start = corner = min(following)
        steps: list[tuple[int, int]] = []
        while corner != start or not steps:
            dx, dy = following[corner].pop()
            if not following[corner]:
                del following[corner]
            steps.append((dx, dy))
            corner = (corner[0] + dx, corner[1] + dy)
        runs = [(step, len(list(same))) for step, same in groupby(steps)]
        parts.append(f"M{start[0]} {start[1]}")
        # The last edge is drawn by closing the path.
        parts += [f"h{dx * n}" if dx else f"v{dy * n}" for (dx, dy), n in runs[:-1]]
        parts.append("z")
    return "".join(parts)
