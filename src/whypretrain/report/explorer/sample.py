"""One sample as the page shows it: picture, players, strongest interactions, what models say."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from whypretrain.data.samples import Sample
from whypretrain.interactions.store import Measurement
from whypretrain.knowledge.strengths import Knowledge, split_knowledge
from whypretrain.knowledge.tables import heard
from whypretrain.report.explorer.outlines import outlines
from whypretrain.report.explorer.rounding import short, shorts

Array = NDArray[np.float64]
LOSSLESS = 64  # pixels a side up to which an image is stored as it is
LARGEST = 384  # pixels of the longer side beyond which an image is made smaller
JPEG_QUALITY = 85


class Moment(NamedTuple):
    """One sample under one snapshot of one model.

    `n_salient` and `error`: how many interactions are salient, and how far these alone miss the
    outputs.
    """

    measured: Measurement
    n_salient: int
    error: float


def sample_view(
    sample: Sample,
    moments: Mapping[str, Sequence[Moment]],
    *,
    counted: NDArray[np.bool_],
    noise_floor: Array,
    n_listed: int,
) -> dict[str, Any]:
    """All that the page needs of a sample.

    Parameters
    ----------
    sample : with `n_players` players
    moments : `probe` (one), `finetune` and `scratch` (one a snapshot, the final one last)
    counted : sets that metrics count, of shape (2**n_players,)
    noise_floor : of shape (n_players + 1,)
    n_listed : interactions a list

    Returns
    -------
    `id`, `label`; `image`, `width`, `height`, `players` (outlines), or `words`, `word_players`;
    `models` (by variant, a list a quantity, one entry a snapshot); `lists` (see :func:`listed`);
    `values` (by coalition and variant, interactions along the snapshots, nats)
    """
    interactions = {
        variant: np.stack([moment.measured.interactions for moment in found])
        for variant, found in moments.items()
    }
    split = split_knowledge(interactions["probe"], interactions["finetune"])
    lists = listed(split, counted=counted, noise_floor=noise_floor, n_listed=n_listed)
    sets = sorted({item["set"] for found in lists.values() for item in found["items"]})
    return {
        "id": sample.id,
        "label": sample.label,
        **_shown(sample, len(noise_floor) - 1),
        "models": {variant: _said(found) for variant, found in moments.items()},
        "lists": lists,
        "values": {
            str(coalition): {
                variant: shorts(values[:, coalition]) for variant, values in interactions.items()
            }
            for coalition in sets
        },
    }


def listed(
    split: Knowledge, *, counted: NDArray[np.bool_], noise_floor: Array, n_listed: int
) -> dict[str, dict[str, Any]]:
    """The strongest preserved, discarded and new interactions of one sample.

    Which are strongest is decided by the final fine-tuned model; strengths of the same sets are
    given along its snapshots. Sets that metrics do not count, and strengths within the noise floor,
    are no candidates.

    Parameters
    ----------
    split : arrays of shape (n_snapshots, 2**n_players), the final one last
    counted : of shape (2**n_players,)
    noise_floor : of shape (n_players + 1,)

    Returns
    -------
    by quantity: `items`, strongest first, with `set` (the coalition) and `strength` (a list, one a
    snapshot, nats); `n`, how many candidates there are; `share`, of all their strength, that of
    the items (None without candidates)
    """
    found = {}
    for quantity, strength in split._asdict().items():
        final = np.where(counted, heard(strength[-1:], noise_floor)[0], 0.0)
        ranked = np.lexsort((np.arange(len(final)), -final))
        n_candidates = int((final > 0).sum())
        chosen = ranked[: min(n_listed, n_candidates)]
        items = [{"set": int(one), "strength": shorts(strength[:, one])} for one in chosen]
        share = short(final[chosen].sum() / final.sum()) if n_candidates else None
        found[quantity] = {"items": items, "n": n_candidates, "share": share}
    return found


def _said(moments: Sequence[Moment]) -> dict[str, list[Any]]:
    """What a model says of the sample at every snapshot."""
    items = [moment.measured for moment in moments]
    return {
        "prediction": [item.prediction for item in items],
        "right": [item.prediction == item.label for item in items],
        "v": shorts(item.outputs[-1] for item in items),
        "n_salient": [int(moment.n_salient) for moment in moments],
        "error": shorts(moment.error for moment in moments),
    }


def _shown(sample: Sample, n_players: int) -> dict[str, Any]:
    if sample.words:
        return {"words": sample.words, "word_players": sample.word_players}
    _, height, width = sample.inputs.shape
    return {
        "image": picture(sample.inputs),
        "width": width,
        "height": height,
        "players": outlines(sample.players, n_players),
    }


def picture(image: NDArray[np.uint8]) -> str:
    """An image of shape (1 or 3, height, width) as a data URI: PNG if small, else JPEG."""
    shown = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
    kind = "png" if max(shown.size) <= LOSSLESS else "jpeg"
    shown.thumbnail((LARGEST, LARGEST))
    file = io.BytesIO()
    shown.save(file, format=kind, optimize=True, quality=JPEG_QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
