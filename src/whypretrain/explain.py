"""For notebooks: interactions of one's own torch model."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from whypretrain.data.samples import check_players
from whypretrain.data.texts import Tokens, baseline_id, tokenise
from whypretrain.files.progress import Progress, say
from whypretrain.interactions.and_or import split
from whypretrain.interactions.foreign import Logits, answer, head_of
from whypretrain.interactions.forward import (
    Background,
    MaskedInput,
    forward_precision,
    log_odds,
)
from whypretrain.interactions.measure import Measure, evaluate
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.players import (
    count_words,
    players_of_words,
    superpixel_players,
    word_players,
)
from whypretrain.interactions.sets import joined
from whypretrain.interactions.sparse import check as check_estimate
from whypretrain.interactions.sparse import estimate_interactions
from whypretrain.networks.build import TextNetwork
from whypretrain.networks.snapshots import Snapshot
from whypretrain.report.explanation import EstimatedExplanation, Explanation
from whypretrain.settings.knowledge import InteractionKind

MAX_PLAYERS = 20
"""Of all interactions, computed exactly: a million forward passes."""


def explain_image(
    model: nn.Module,
    image: Tensor,
    *,
    label: int | None = None,
    players: int | ArrayLike = 10,
    baseline: Tensor | float | None = None,
    background: Background = "keep",
    batch_size: int | None = None,
    masks: int | None = None,
    seed: int = 0,
    kind: InteractionKind = "harsanyi",
) -> Explanation:
    """All interactions between the regions of one image under a classifier.

    Parameters
    ----------
    model : maps float images of shape (batch, channels, height, width) to logits of shape
        (batch, n_classes), or to (batch, 1) or (batch,), the log-odds of class 1 against class 0.
        They may come as `logits` of an output of transformers' or of a dictionary. It is asked in
        eval mode, in float32, on the device it is on.
    image : (channels, height, width), as the model takes it, so normalised where it asks for that;
        under :func:`whypretrain.load_snapshot`'s networks, pixels in [0, 1]
    label : the class to explain; the predicted one if not given
    players : how many superpixels to cut the image into, or the player of every pixel, an integer
        array of shape (height, width) with -1 for none
    baseline : what a masked pixel shows: a number, or a tensor of the image's shape. If not given,
        what a network sees as 0: the mean colour, where images are normalised.
    background : whether pixels of no player are always shown, or always masked
    batch_size : masked images a forward pass; as many as fit into memory if not given
    masks : how many masked images to *estimate* the strongest interactions from, for up to 24
        players. All 2**players are computed if not given, and interactions are exact. Returned is
        a :class:`~whypretrain.report.explanation.EstimatedExplanation` then.
    seed : of the masks of an estimate
    kind : of interactions: `harsanyi`, or `and_or`, the sparsest split of all outputs, see
        :func:`whypretrain.interactions.and_or.split`

    Raises
    ------
    ImportError
        If `masks` is given and shapiq is not installed.
    TypeError
        If the image is no tensor, players are no integers, the baseline is neither a number nor a
        tensor, or the model returns no logits or takes more than one input.
    ValueError
        If shapes or players do not fit, the model does not take the image, there are too many
        players, or `masks` is given for AND-OR interactions.
    FloatingPointError
        If an output of the model is not finite.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    >>> found = explain_image(model, torch.rand(1, 4, 4), label=2, players=3)
    >>> found.interactions.shape
    (8,)
    """
    _check_image(image, baseline)
    if isinstance(players, int | np.integer):
        count = _checked_count(int(players), masks, kind)
        drawn = superpixel_players(_as_picture(image), n_players=count)
    else:
        drawn = np.asarray(players)
        if not np.issubdtype(drawn.dtype, np.integer):
            message = f"players of type {drawn.dtype}: must be integers, -1 for none"
            raise TypeError(message)
        drawn = drawn.astype(np.int16)
        if drawn.shape != tuple(image.shape[1:]):
            message = f"players of shape {drawn.shape}: must be {tuple(image.shape[1:])}"
            raise ValueError(message)
    inputs, shown = image.detach(), _as_picture(image).transpose(2, 0, 1)
    masked_by = torch.as_tensor(0.0 if baseline is None else baseline, dtype=image.dtype)
    masked_by = masked_by.expand(image.shape)
    network = model
    if isinstance(model, Snapshot):  # whose structure is shared where its normalisation is known
        network, inputs = model.network, model.normalised(inputs)
        masked_by = masked_by if baseline is None else model.normalised(masked_by)
    _checked_count(int(drawn.max()) + 1, masks, kind)
    masked = _masked(network, inputs, masked_by, drawn, background)
    explained = _explain(network, masked, label, batch_size, masks=masks, seed=seed, kind=kind)
    return explained(players=drawn, image=shown)


def explain_text(
    model: nn.Module,
    tokenizer: Any,
    sentence: str,
    *,
    label: int | None = None,
    players: int | None = None,
    seed: int = 0,
    baseline_token: str | None = None,
    batch_size: int | None = None,
    masks: int | None = None,
    kind: InteractionKind = "harsanyi",
) -> Explanation:
    """All interactions between words of one sentence under a text classifier.

    Parameters
    ----------
    model : a sequence classifier of transformers', or any network that maps token ids, int64 of
        shape (batch, length), to logits. It is asked in eval mode, in float32.
    tokenizer : `Snapshot.tokenizer`, or any fast tokenizer of transformers'
    label : the class to explain; the predicted one if not given
    players : how many words become players, drawn by `seed`; all words (at most 12) if not given
    baseline_token : what replaces every token of a masked word, as a text of one token (`"_"`).
        If not given, the snapshot's, else the tokenizer's mask token, which decoders do not have.
    masks : as of :func:`explain_image`: interactions are *estimated* from so many masked sentences,
        drawn by `seed` too
    kind : as of :func:`explain_image`

    Raises
    ------
    ImportError
        If `masks` is given and shapiq is not installed.
    ValueError
        If the sentence has fewer words than players or is longer than the model takes, there is no
        mask token and no baseline token, that is not one token, there are too many players, or
        `masks` is given for AND-OR interactions.
    TypeError
        If the model returns no logits, as an encoder alone.
    FloatingPointError
        If an output of the model is not finite.
    """
    if isinstance(model, Snapshot):
        baseline_token = baseline_token or getattr(model.architecture, "baseline_token", None)
        model = model.network
    if not getattr(tokenizer, "is_fast", False):
        message = "tokenizer: masking words needs a fast tokenizer"
        raise ValueError(message)
    if isinstance(model, TextNetwork):
        padding = model.padding
    else:  # decoders of transformers' look for the last token that is not this
        padding = getattr(getattr(model, "config", None), "pad_token_id", None)
    baseline = baseline_id(tokenizer, baseline_token, padding=padding)
    # Where a tokenizer knows no limit, it names one beyond all integers of its library.
    tokens: Tokens = tokenise(tokenizer, sentence, min(tokenizer.model_max_length, 1 << 20))
    if tokens.cut:
        message = f"sentence: longer than the {tokenizer.model_max_length} tokens of the tokenizer"
        raise ValueError(message)
    n_words = count_words(tokens.word_of_token)
    count = _checked_count(min(n_words, 12) if players is None else players, masks, kind)
    drawn = word_players(
        tokens.word_of_token, n_players=count, generator=np.random.default_rng(seed)
    )
    ids = torch.from_numpy(tokens.ids)
    masked = _masked(model, ids, torch.full_like(ids, baseline), drawn, "keep")
    explained = _explain(model, masked, label, batch_size, masks=masks, seed=seed, kind=kind)
    return explained(
        players=drawn,
        words=tokens.words,
        word_players=players_of_words(tokens.word_of_token, drawn, len(tokens.words)),
    )


def _masked(
    model: nn.Module,
    inputs: Tensor,
    baseline: Tensor,
    players: NDArray[np.int16],
    background: Background,
) -> MaskedInput:
    n_players = int(players.max()) + 1
    check_players(players, n_players)
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    return MaskedInput(
        inputs.to(device),
        baseline.to(device).contiguous(),
        torch.from_numpy(players).to(device),
        n_players,
        background,
    )


@torch.inference_mode()
def _explain(
    model: nn.Module,
    masked: MaskedInput,
    label: int | None,
    batch_size: int | None,
    *,
    masks: int | None,
    seed: int,
    kind: InteractionKind,
) -> Callable[..., Explanation]:
    """An explanation that lacks only what describes the sample."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        # Of few masks little is shared, and of many players there are too many patterns.
        head = head_of(model) if masks is None else None
        measure = Measure(model if head else Logits(model), head, batch_size=batch_size)
        with forward_precision("float32", masked.inputs.device):
            logits = answer(model, masked)
            measure.fit(masked)
            explained = int(logits.argmax()) if label is None else label
            if masks is not None:
                return _estimate(measure, masked, logits, explained, masks=masks, seed=seed)
            prepared = measure.forward.prepare(masked)
            tell = Progress("explain", 1 << masked.n_players, "mask").update
            (found,) = measure([masked], [explained], [0], prepared=[prepared], tell=tell)
    finally:
        for module in training:
            module.training = True
    interactions = mobius(found.outputs)
    if kind == "and_or":
        if masked.n_players > 12:  # from here on it takes seconds to minutes
            say(f"explain: splitting {len(found.outputs):,} outputs into AND and OR")
        parts = split(found.outputs[None])
        interactions = joined(parts.interactions_and, parts.interactions_or)[0]
    return partial(Explanation, **found._asdict(), interactions=interactions, label=explained)


def _estimate(
    measure: Measure, masked: MaskedInput, logits: Tensor, label: int, *, masks: int, seed: int
) -> Callable[..., Explanation]:
    progress = Progress("explain (estimate)", masks, "mask")

    def outputs(coalitions: NDArray[np.int64]) -> NDArray[np.float64]:
        (found,) = evaluate(
            measure.plain,
            [masked],
            [label],
            batch_size=measure.batch_size,
            tell=progress.update,
            asked=torch.from_numpy(coalitions).to(masked.inputs.device),
        )
        return found.outputs

    found = estimate_interactions(outputs, masked.n_players, masks=masks, seed=seed)
    of_all = float(log_odds(logits[None], label)[0])
    return partial(
        EstimatedExplanation,
        outputs=np.array([found.interactions[0], of_all]),
        logits=logits.float().cpu().numpy(),
        label=label,
        player_count=masked.n_players,
        **found._asdict(),
    )


def _check_image(image: Any, baseline: Any) -> None:
    """Say of what a notebook's user may have at hand instead what it should be."""
    if not isinstance(image, Tensor):
        message = (
            f"image is of type {type(image).__name__}: must be a tensor, as the model takes it"
        )
        raise TypeError(message)
    if not isinstance(baseline, Tensor | float | int | None):
        message = f"baseline = {baseline!r}: must be a number, or a tensor of the image's shape"
        raise TypeError(message)
    if image.ndim != 3 or not image.is_floating_point():
        message = (
            f"image of shape {tuple(image.shape)} and type {image.dtype}: must be (channels, "
            "height, width) of floats, without a batch axis"
        )
        raise ValueError(message)


def _checked_count(n_players: int, masks: int | None, kind: InteractionKind) -> int:
    if kind not in get_args(InteractionKind):
        message = f"kind = {kind!r}: must be {' or '.join(get_args(InteractionKind))}"
        raise ValueError(message)
    if masks is not None and kind == "and_or":
        message = "kind = 'and_or' splits all 2**n outputs, which an estimate lacks: omit `masks`"
        raise ValueError(message)
    if masks is not None:
        check_estimate(n_players, masks)
    elif not 1 <= n_players <= MAX_PLAYERS:
        message = (
            f"{n_players} players: 1 to {MAX_PLAYERS} can be explained, as all 2**n sets are "
            "computed; join regions, take fewer, or estimate with `masks=20_000` (to 24 players)"
        )
        raise ValueError(message)
    return n_players


def _as_picture(image: Tensor) -> NDArray[np.uint8]:
    """An image stretched to 0 to 255, (height, width, 1 or 3), to be cut or shown."""
    values = image.detach().float().cpu().numpy().transpose(1, 2, 0)
    if values.shape[2] not in (1, 3):
        values = values.mean(axis=2, keepdims=True)
    span = float(values.max() - values.min())
    return ((values - values.min()) * (255 / span if span else 0)).round().astype(np.uint8)
