"""The claims, in the paper's order: docs/claims.md says the same in words."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Keys = dict[str, str]


@dataclass(frozen=True)
class Question:
    """One of the two further questions: rows of the summary, and when it is a "yes".

    `words` say what the number is: an agreement, but for the claim `stopping`. `side`: on which
    side of 0 its interval lies for a yes.
    """

    words: str
    quantity: str
    keys: Keys = field(default_factory=dict)
    side: Literal["above", "below"] = "above"


@dataclass(frozen=True)
class Claim:
    """What the paper says, and the range in which its words put the number.

    Attributes
    ----------
    quantity : quantity of the rows of the summary that hold the number
    along, readings : the key column that distinguishes its readings, and their names, the main
        one first
    chance, retraining : the agreement that the claim is about, and its difference from that of a
        second run
    """

    key: str
    statement: str
    number: str
    paper: str
    quantity: str
    low: float = 0
    high: float = np.inf
    along: Literal["reading", "order"] = "reading"
    readings: tuple[str, ...] = ("",)
    chance: Question | None = None
    retraining: Question | None = None


KEPT = Question(
    "agreement of probe and fine-tuned",
    "agreement",
    {"variant": "probe-finetune", "order": "all"},
)
KEPT_AGAIN = Question(
    "that agreement, minus that of two fine-tuned",
    "beyond_retraining",
    {"variant": "probe-finetune"},
    side="below",
)
FALLS = Question(
    "fall of the agreement of probe and fine-tuned, from low to high orders", "agreement_falls"
)
FALLS_AGAIN = Question("that fall, minus that of two fine-tuned", "falls_beyond_retraining")
AXES = ("epoch", "step", "fraction")

CLAIMS = (
    Claim(
        "transfer",
        "Fine-tuned networks share more with the pre-trained one than scratch does",
        "agreement with the probe, fine-tuned − scratch, orders 1-2",
        "pre-trained knowledge helps (title); the number is ours",
        "transfer",
        along="order",
        readings=("1-2", "3-4", "5+", "all"),
        chance=KEPT,
    ),
    Claim(
        "discard",
        "Fine-tuning discards more than twice what it preserves",
        "discard / preserve",
        "more than twice (Fig. 2)",
        "discard_over_preserve",
        low=2,
        readings=("orders", "sets"),
        chance=KEPT,
        retraining=KEPT_AGAIN,
    ),
    Claim(
        "discard_order",
        "More is discarded of high orders than of low ones",
        "slope of discard / (discard + preserve) per order",
        "more complex knowledge (Fig. 2)",
        "discard_order",
        readings=("share", "amount"),
        chance=FALLS,
        retraining=FALLS_AGAIN,
    ),
    Claim(
        "new_order",
        "More is new of high orders than of low ones",
        "slope of new / (new + preserve) per order",
        "especially complex knowledge (Fig. 2)",
        "new_order",
        readings=("share", "amount"),
        chance=FALLS,
        retraining=FALLS_AGAIN,
    ),
    Claim(
        "ratio",
        "Training from scratch reaches at most 45 % of the preserved knowledge",
        "ratio (eq. 8)",
        "only 13 % to 45 % (Fig. 3)",
        "ratio",
        low=-np.inf,
        high=0.45,
        readings=("zero", "positive", "salient", "weighted"),
        chance=Question(
            "agreement of scratch with what is preserved",
            "agreement",
            {"variant": "preserved-scratch", "order": "all"},
        ),
        retraining=Question(
            "that agreement, minus that of a second fine-tuned run",
            "beyond_retraining",
            {"variant": "preserved-scratch"},
            side="below",
        ),
    ),
    Claim(
        "earlier",
        "Fine-tuning reaches its final interactions earlier",
        "area under the Jaccard curve over epochs, fine-tuned − scratch",
        "a sharper increase (Fig. 4)",
        "earlier",
        readings=AXES,
        chance=Question(
            "area under the agreement with the final network, fine-tuned − scratch",
            "earlier_agreement",
            {"level": "own"},
        ),
        retraining=Question(
            "that area, with another seed's final network",
            "earlier_agreement",
            {"level": "second run"},
        ),
    ),
    Claim(
        "steadier",
        "Fine-tuning reaches its final interactions more steadily",
        "downward movement of the Jaccard curve, scratch − fine-tuned",
        "a stabler increase (Fig. 4)",
        "steadier",
        chance=Question(
            "downward movement of that agreement, scratch − fine-tuned",
            "steadier_agreement",
            {"level": "own"},
        ),
        retraining=Question(
            "that movement, with another seed's final network",
            "steadier_agreement",
            {"level": "second run"},
        ),
    ),
    Claim(
        "accuracy",
        "Fine-tuning is more accurate than training from scratch",
        "test accuracy, fine-tuned − scratch",
        "usually better",
        "accuracy_gain",
    ),
    Claim(
        "epochs",
        "Fine-tuning takes fewer epochs to a given loss",
        "epochs to a loss that both reach, scratch − fine-tuned",
        "faster (footnote 5)",
        "epochs",
        readings=("epoch", "step"),
    ),
    Claim(
        "stopping",
        "What emerges after the best snapshot of fine-tuning cancels more",
        "share that does not cancel of what emerges after − until it",
        "overfitted interactions, early stopping (Zhang et al., 2026); the number is ours",
        "late_uncancelled",
        low=-np.inf,
        high=0,
        readings=("accuracy", "loss"),
        chance=Question(
            "it, minus what random signs give",
            "late_uncancelled_excess",
            {"order": "all"},
            side="below",
        ),
    ),
)
