"""The claims, in the paper's order: docs/claims.md says the same in words."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Claim:
    """What the paper says, and the range that the number must lie in as the paper words it.

    `quantity` names the rows of the summary that hold the number. `side` is where the number must
    lie of its chance level.
    """

    key: str
    statement: str
    number: str
    paper: str
    quantity: str
    low: float = 0
    high: float = np.inf
    side: Literal["above", "below"] = "above"


CLAIMS = (
    Claim(
        "discard",
        "Fine-tuning discards more than twice what it preserves",
        "discard / preserve",
        "most is discarded (Fig. 2)",
        "discard_over_preserve",
        low=2,
    ),
    Claim(
        "discard_order",
        "The discarded share grows with the order",
        "slope of discard / (discard + preserve) per order",
        "grows (Fig. 2)",
        "discard_order",
    ),
    Claim(
        "new_order",
        "The new share grows with the order",
        "slope of new / (new + preserve) per order",
        "grows (Fig. 2)",
        "new_order",
    ),
    Claim(
        "ratio",
        "Training from scratch reaches only 13 % to 45 % of the preserved knowledge",
        "ratio (eq. 8)",
        "13 % to 45 % (Fig. 3)",
        "ratio",
        low=0.13,
        high=0.45,
        side="below",
    ),
    Claim(
        "reach",
        "Training from scratch reaches less of it than fine-tuning again does",
        "ratio of scratch - ratio of a second fine-tuned network",
        "very challenging to learn from scratch",
        "reach",
        low=-np.inf,
        high=0,
        side="below",
    ),
    Claim(
        "earlier",
        "Fine-tuning comes to its final interactions earlier",
        "area under Jaccard over training, finetune - scratch",
        "a sharper increase (Fig. 4)",
        "earlier",
    ),
    Claim(
        "steadier",
        "Fine-tuning comes to its final interactions more steadily",
        "downward movement of Jaccard, scratch - finetune",
        "a stabler increase (Fig. 4)",
        "steadier",
    ),
    Claim(
        "accuracy",
        "Fine-tuning is more accurate than training from scratch",
        "test accuracy, finetune - scratch",
        "usually better",
        "accuracy_gain",
    ),
    Claim(
        "epochs",
        "Fine-tuning takes fewer epochs to a given loss",
        "epochs to a loss both reach, scratch - finetune",
        "faster (footnote 5)",
        "epochs",
    ),
)
