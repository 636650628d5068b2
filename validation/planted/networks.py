"""Networks whose Harsanyi interactions are known in closed form.

A *symbol* is what such a network looks for in its input: dots of one grey level, or a word. Its
output is a sum of *terms*: with x_k the share of symbol k that is there, 1 or 0 in a masked
version,

    z = sum over terms Q of w_Q · product over k in Q of x_k.

If the input's players each show one symbol, z is v(T) = sum over S ⊆ T of I(S) (eq. 4) with
I(S) = w_Q for the players S that show the symbols Q, and as the Möbius transform is unique, these
are the interactions.

Weights are dyadic rationals, whole numbers over a power of two, of so few bits that float32 holds
every sum of them exactly, whatever order it is taken in. So z is exact, and so is its Möbius
transform in float64: what is not planted comes back as 0, not as 1e-9. That matters for the
reading `positive` of the ratio, which averages over all sets with preserve > 0: residues of
rounding under both networks would be such sets, and they would outnumber the planted ones.
"""

from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor, nn

from whypretrain.settings.models import ImageArchitecture

Term = tuple[int, ...]
"""Symbols that an effect needs all of, in increasing order; the empty one is always there."""

GREY = ImageArchitecture(timm="planted", image_size=28, channels=1, mean=[0.3], std=[0.35])
DOTS = 4
"""Dots by which a player of an image shows its symbol; a power of two, so that shares are exact."""
DARKEST, LEVEL_STEP = 128, 4
"""Grey levels of symbols are 128, 132, …; images and baselines are darker elsewhere."""
WINDOW = 7  # pixels a side, of the windows in which dots are counted first
SIGNIFICAND = 24  # bits of float32
PADDING, FIRST, LAST, MASK, COMMA = range(5)
"""Token ids that belong to no word; words have the ids after them."""


def grey_level(symbol: int) -> int:
    """Grey level, 0 to 255, of the dots of a symbol.

    >>> grey_level(3)
    140
    """
    return DARKEST + LEVEL_STEP * symbol


def word(symbol: int) -> range:
    """Tokens of a symbol's word: one, two or three.

    >>> [[*word(symbol)] for symbol in range(4)]
    [[5], [6, 7], [8, 9, 10], [11]]
    """
    threes, place = divmod(symbol, 3)
    start = COMMA + 1 + 6 * threes + sum(range(place + 1))
    return range(start, start + place + 1)


class GreyShares(nn.Module):
    """Share of each symbol's dots that an image shows: 1 if all are there, 0 if none is.

    Convolutions and a saturating activation, so that extraction shares work among masked versions
    as it does with other convolutional networks. Takes images normalised for :data:`GREY`, float32
    of shape (batch, 1, height, width); returns float32 of shape (batch, n_symbols).
    """

    def __init__(self, n_symbols: int) -> None:
        super().__init__()
        # Channel k of the steps is 1 where a pixel is as light as symbol k or lighter, else 0.
        steps = nn.Conv2d(1, n_symbols + 1, kernel_size=1)
        thresholds = [grey_level(k) - LEVEL_STEP / 2 for k in range(n_symbols + 1)]
        nn.init.constant_(steps.weight, 255 * GREY.std[0])
        steps.bias = nn.Parameter(255 * GREY.mean[0] - torch.tensor(thresholds))
        differences = nn.Conv2d(n_symbols + 1, n_symbols, kernel_size=1, bias=False)
        eye = torch.eye(n_symbols, n_symbols + 1) - torch.eye(n_symbols + 1)[1:]
        differences.weight = nn.Parameter(eye[:, :, None, None])
        counts = nn.Conv2d(
            n_symbols, n_symbols, WINDOW, stride=WINDOW, groups=n_symbols, bias=False
        )
        nn.init.ones_(counts.weight)
        self.dots = nn.Sequential(steps, nn.Hardtanh(0.0, 1.0), differences, counts)

    def forward(self, images: Tensor) -> Tensor:
        """Shares."""
        return self.dots(images).sum(dim=(2, 3)) / DOTS


class WordShares(nn.Module):
    """Share of each word's tokens that a sentence holds: 1 if all are there, 0 if none is.

    Takes token ids, int64 of shape (batch, length); returns float32 of shape (batch, n_symbols).
    """

    def __init__(self, n_symbols: int) -> None:
        super().__init__()
        weight = torch.zeros(word(n_symbols).start, n_symbols)
        for symbol in range(n_symbols):
            tokens = word(symbol)
            # 1/2, 1/4, …, the last one twice: exact, and 1 in sum.
            for place, token in enumerate(tokens, start=1):
                weight[token, symbol] = 0.5 ** min(place, len(tokens) - 1)
        self.embedding = nn.Embedding.from_pretrained(weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shares."""
        return self.embedding(tokens).sum(dim=1)


class PlantedNetwork(nn.Module):
    """Logits (z, 0), z the sum of the terms, so that the log-odds of class 0 are z, of class 1 -z.

    The penultimate feature is the product of each term; the classifier holds the terms' weights.
    """

    needed: Tensor

    def __init__(self, shares: nn.Module, terms: Sequence[Term], n_symbols: int) -> None:
        super().__init__()
        self.shares, self.terms = shares, terms
        needed = torch.zeros(len(terms), n_symbols, dtype=torch.bool)
        for row, term in zip(needed, terms, strict=True):
            row[list(term)] = True
        self.register_buffer("needed", needed)
        self.head = nn.Linear(len(terms), 2, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, float32 of shape (batch, 2)."""
        shares = self.shares(inputs)
        return self.head(torch.where(self.needed, shares[:, None, :], 1.0).prod(dim=2))

    def get_classifier(self) -> nn.Linear:
        """The last layer, called as timm's networks call theirs."""
        return self.head

    @torch.no_grad()
    def plant(self, weights: Sequence[Fraction]) -> None:
        """Set the weights of the terms, dyadic rationals, in place.

        Raises
        ------
        ValueError
            If float32 could round a sum of them: then the truth would be known only nearly.
        """
        unit = max(weight.denominator for weight in weights)
        if sum(map(abs, weights)) * unit >= 1 << SIGNIFICAND:
            message = f"sums of these weights need more than the {SIGNIFICAND} bits of float32"
            raise ValueError(message)
        self.head.weight[0] = torch.tensor([float(weight) for weight in weights])
