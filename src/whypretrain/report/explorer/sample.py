"""One sample as the page shows it: picture, players, strongest interactions, what models say."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from whypretrain.data.samples import Sample
from whypretrain.interactions.record import Record
from whypretrain.interactions.salience import reconstruction_error
from whypretrain.knowledge.strengths import Knowledge, split_knowledge
from whypretrain.knowledge.tables import heard
from whypretrain.report.explorer.numbers import short, shorts
from whypretrain.report.explorer.outlines import outlines

Array = NDArray[np.float64]
LOSSLESS = 64  # pixels a side up to which an image is stored as it is
LARGEST = 384  # pixels of the longer side beyond which an image is made smaller
JPEG_QUALITY = 85


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
    is_salient : by variant which interactions are, of shape (n_snapshots, n_samples, 2**n_players)
    at : the sample's place in the records
    counted : sets that metrics count, of shape (2**n_players,)
    noise_floor : of shape (n_players + 1,)
    n_listed : interactions a list

    Returns
    -------
    `id`, `label`; `image`, `width`, `height`, `players` (outlines), or `words`, `word_players`;
    `models` (by variant, a list a quantity, one entry a snapshot); `lists` (see :func:`listed`);
    `values` (by coalition and variant, interactions along the snapshots, nats)
    """
    interactions = {variant: record.interactions[:, at] for variant, record in records.items()}
    split = split_knowledge(interactions["probe"], interactions["finetune"])
    lists = listed(split, counted=counted, noise_floor=noise_floor, n_listed=n_listed)
    sets = sorted({item["set"] for found in lists.values() for item in found["items"]})
    return {
        "id": sample.id,
        "label": sample.label,
        **_shown(sample, len(noise_floor) - 1),
        "models": {
            variant: {
                "prediction": record.predictions[:, at].tolist(),
                "right": record.correct[:, at].tolist(),
                "v": shorts(record.outputs[:, at, -1]),
                "n_salient": is_salient[variant][:, at].sum(axis=1).tolist(),
                "error": shorts(
                    reconstruction_error(record.interactions[:, at], is_salient[variant][:, at])
                ),
            }
            for variant, record in records.items()
        },
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
