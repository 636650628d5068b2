"""Players that people drew: a JSON file from the id of a sample to one list of pixels a player.

    {"5_0017": [[[3, 4], [3, 5]], [[9, 9], [9, 10], [10, 9]]]}

Pixels are [row, column] of the image as the network sees it, after resizing, counted from 0.
Whether they overlap or leave the image is checked by
:func:`whypretrain.interactions.players.annotation_players`.
"""

import json
from pathlib import Path
from typing import Any

from whypretrain.files.artifacts import ArtifactError

Regions = list[list[list[int]]]
"""One list of pixels [row, column] a player."""
Annotations = dict[str, Regions]
"""The regions of every sample, by the sample's id."""


def read_annotations(path: Path) -> Annotations:
    """Read the annotated regions of every sample, by the sample's id.

    Raises
    ------
    ArtifactError
        If there is no such file, it is no JSON, or a sample is not a list of lists of pixels; the
        message names file, sample and player.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text, object_pairs_hook=_without_repeats)
    except OSError as error:
        message = (
            f"{path}: cannot read the annotations ({error.strerror or error}); correct the path"
        )
        raise ArtifactError(message) from error
    except (ValueError, RecursionError) as error:
        message = f"{path}: no JSON file of annotations ({error}); correct it"
        raise ArtifactError(message) from error
    if not isinstance(content, dict):
        message = f"{path}: must map the ids of samples to their players, not be {_kind(content)}"
        raise ArtifactError(message)
    for sample, regions in content.items():
        _check_regions(regions, f"{path}: sample '{sample}'")
    return content


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            message = f"'{key}' stands twice"
            raise ValueError(message)
        found[key] = value
    return found


def _check_regions(regions: Any, where: str) -> None:
    if not isinstance(regions, list) or not regions:
        message = f"{where}: must be a list with one list of pixels a player, not {_kind(regions)}"
        raise ArtifactError(message)
    for player, pixels in enumerate(regions):
        if not isinstance(pixels, list) or not pixels:
            message = (
                f"{where}, player {player}: must be a list of pixels [row, column], "
                f"not {_kind(pixels)}"
            )
            raise ArtifactError(message)
        for pixel in pixels:
            # A bool is an int to Python, but no coordinate.
            if not (
                isinstance(pixel, list) and len(pixel) == 2 and all(type(v) is int for v in pixel)
            ):
                message = (
                    f"{where}, player {player}: {json.dumps(pixel)} is no pixel; "
                    f"write [row, column], two whole numbers"
                )
                raise ArtifactError(message)


def _kind(value: Any) -> str:
    """What a value of JSON is, for a message."""
    if value in ([], {}):
        return "empty"
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return names.get(type(value), "null" if value is None else "a number")
