"""Interactions of one's own torch model on one image or one sentence."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from whypretrain.data.samples import BACKGROUND, check_players
from whypretrain.data.texts import Tokens, tokenise
from whypretrain.files.progress import Progress
from whypretrain.interactions.evaluate import check_outputs, evaluate
from whypretrain.interactions.forward import Assemble, Forward, PlainForward
from whypretrain.interactions.masking import Background, MaskedInput
from whypretrain.interactions.memory import fitting_batch_size
from whypretrain.interactions.mobius import mobius
from whypretrain.interactions.players import word_players
from whypretrain.interactions.sharing.choose import choose_forward
from whypretrain.interactions.superpixels import superpixel_players
from whypretrain.networks.numerics import forward_precision
from whypretrain.report.explanation import Explanation

MAX_PLAYERS = 20  # a million forward passes
N_CHECKED = 4
TOLERANCE = 1e-5  # as the stage `extract` allows in float32


def explain_image(
    model: nn.Module,
    image: Tensor,
    *,
    label: int | None = None,
    players: int | ArrayLike = 10,
    baseline: Tensor | float = 0.0,
    background: Background = "keep",
    batch_size: int | None = None,
) -> Explanation:
    """All interactions between the regions of one image under a classifier.

    Parameters
    ----------
    model : maps float images of shape (batch, channels, height, width) to logits of shape
        (batch, n_classes). It is asked in eval mode, in float32, on the device it is on.
    image : (channels, height, width), as the model takes it, so normalised where it asks for that
    label : the class to explain; the predicted one if not given
    players : how many superpixels to cut the image into, or the player of every pixel, an integer
        array of shape (height, width) with -1 for none
    baseline : what a masked pixel shows: a number, or a tensor of the image's shape. 0 of a
        normalised image is the mean colour.
    background : whether pixels of no player are always shown, or always masked
    batch_size : masked images a forward pass; as many as fit into memory if not given

    Raises
    ------
    TypeError
        If the image is no tensor, or the baseline neither a number nor a tensor.
    ValueError
        If shapes or players do not fit, or there are too many players.
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
    _check_types(image, baseline)
    if image.ndim != 3 or not image.is_floating_point():
        message = (
            f"image of shape {tuple(image.shape)} and type {image.dtype}: must be (channels, "
            "height, width) of floats, without a batch axis"
        )
        raise ValueError(message)
    if isinstance(players, int):
        drawn = superpixel_players(_as_picture(image), n_players=_checked_count(players))
    else:
        drawn = np.asarray(players, dtype=np.int16)
        if drawn.shape != tuple(image.shape[1:]):
            message = f"players of shape {drawn.shape}: must be {tuple(image.shape[1:])}"
            raise ValueError(message)
    masked_by = torch.as_tensor(baseline, dtype=image.dtype).expand(image.shape)
    result = _explain(
        _Logits(model),
        image.detach(),
        masked_by,
        drawn,
        label=label,
        background=background,
        batch_size=batch_size,
    )
    shown = _as_picture(image).transpose(2, 0, 1)
    return Explanation(**result, image=shown)


def _check_types(image: Any, baseline: Any) -> None:
    """Say of what a notebook's user may have at hand instead what it should be."""
    if not isinstance(image, Tensor):
        message = (
            f"image is of type {type(image).__name__}: must be a tensor, as the model takes it"
        )
        raise TypeError(message)
    if not isinstance(baseline, Tensor | float | int):
        message = f"baseline = {baseline!r}: must be a number, or a tensor of the image's shape"
        raise TypeError(message)


def explain_text(
    model: nn.Module,
    tokenizer: Any,
    sentence: str,
    *,
    label: int | None = None,
    players: int | None = None,
    seed: int = 0,
    batch_size: int | None = None,
) -> Explanation:
    """All interactions between words of one sentence under a text classifier.

    Parameters
    ----------
    model : a sequence classifier of transformers', or any network that maps token ids, int64 of
        shape (batch, length), to logits. It is asked in eval mode, in float32.
    tokenizer : a fast tokenizer of transformers' with a mask token, which stands for masked words
    label : the class to explain; the predicted one if not given
    players : how many words become players, drawn by `seed`; all words (at most 12) if not given

    Raises
    ------
    ValueError
        If the sentence has fewer words than players or is longer than the model takes, or the
        tokenizer has no mask token.
    FloatingPointError
        If an output of the model is not finite.
    """
    if not getattr(tokenizer, "is_fast", False) or tokenizer.mask_token_id is None:
        message = "tokenizer: masking words needs a fast tokenizer with a mask token"
        raise ValueError(message)
    # Where a tokenizer knows no limit, it names one beyond all integers of its library.
    tokens: Tokens = tokenise(tokenizer, sentence, min(tokenizer.model_max_length, 1 << 20))
    if tokens.cut:
        message = f"sentence: longer than the {tokenizer.model_max_length} tokens of the tokenizer"
        raise ValueError(message)
    n_words = len(set(tokens.word_of_token.tolist()) - {BACKGROUND})
    count = _checked_count(min(n_words, 12) if players is None else players)
    drawn = word_players(
        tokens.word_of_token, n_players=count, generator=np.random.default_rng(seed)
    )
    ids = torch.from_numpy(tokens.ids)
    baseline = torch.full_like(ids, tokenizer.mask_token_id)
    result = _explain(_Logits(model), ids, baseline, drawn, label=label, batch_size=batch_size)
    of_word = dict(zip(tokens.word_of_token.tolist(), drawn.tolist(), strict=True))
    whose = [of_word.get(word, BACKGROUND) for word in range(len(tokens.words))]
    return Explanation(**result, words=tokens.words, word_players=whose)


@torch.inference_mode()
def _explain(
    model: "_Logits",
    inputs: Tensor,
    baseline: Tensor,
    players: NDArray[np.int16],
    *,
    label: int | None,
    background: Background = "keep",
    batch_size: int | None,
) -> dict[str, Any]:
    """What an explanation holds beside the sample, from one network in eval mode."""
    n_players = _checked_count(int(players.max()) + 1)
    check_players(players, n_players)
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    masked = MaskedInput(
        inputs.to(device),
        baseline.to(device).contiguous(),
        torch.from_numpy(players).to(device),
        n_players,
        background,
    )
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with forward_precision("float32", device):
            plain = PlainForward(model)
            head = _head(model.model)
            forward = plain if head is None else choose_forward(model.model)
            whole = forward.rest(forward.prepare(masked)(_all(n_players, device)))[0]
            explained = int(whole.argmax()) if label is None else label
            size = batch_size or fitting_batch_size(forward, model.model, masked)
            counted = _Counted(forward, 1 << n_players)
            (found,) = evaluate(counted, [masked], [explained], batch_size=size)
            if head is not None and not isinstance(forward, PlainForward):
                check_outputs(
                    plain,
                    head,
                    masked,
                    explained,
                    found.outputs,
                    coalitions=torch.linspace(0, (1 << n_players) - 1, N_CHECKED).long().to(device),
                    tolerance=TOLERANCE,
                )
    finally:
        for module in training:
            module.training = True
    return {
        "outputs": found.outputs,
        "interactions": mobius(found.outputs),
        "players": players,
        "logits": found.logits,
        "label": explained,
    }


class _Logits(nn.Module):
    """Any network, whose logits may come in an output of transformers' with other things."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        output = self.model(inputs)
        return getattr(output, "logits", output)


def _head(model: nn.Module) -> nn.Linear | None:
    """The classifier of a network of timm's, whose structure is known well enough to share."""
    head = model.get_classifier() if hasattr(model, "get_classifier") else None  # type: ignore[operator]
    return head if isinstance(head, nn.Linear) else None


class _Counted:
    """A forward pass that tells how far it is."""

    def __init__(self, forward: Forward, total: int) -> None:
        self._forward = forward
        self._progress = Progress("explain", total, "mask")

    def prepare(self, masked: MaskedInput) -> Assemble:
        return self._forward.prepare(masked)

    def rest(self, assembled: Tensor) -> Tensor:
        logits = self._forward.rest(assembled)
        self._progress.update(len(assembled))
        return logits


def _all(n_players: int, device: torch.device) -> Tensor:
    return torch.tensor([(1 << n_players) - 1], device=device)


def _checked_count(n_players: int) -> int:
    if not 1 <= n_players <= MAX_PLAYERS:
        message = (
            f"{n_players} players: 1 to {MAX_PLAYERS} can be explained, as all 2**n sets are "
            "computed; join regions or take fewer"
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
