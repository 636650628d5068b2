"""One look for all figures: fonts, sizes, and one colour for each thing that is compared.

Colours are Okabe and Ito's (jfly.uni-koeln.de/color, 2008), told apart by the colour-blind; every
series also differs in hatch, dash or marker, so that the figures survive a grey printer.
"""

from typing import Any

VARIANTS = ("probe", "finetune", "scratch")
COLOURS = {
    "probe": "#56B4E9",
    "finetune": "#D55E00",
    "scratch": "#0072B2",
    "preserve": "#E69F00",
    "discard": "#CC79A7",
    "new": "#009E73",
    "positive": "#4D4D4D",
    "negative": "#B3B3B3",
}
NULL = "#7F7F7F"  # the chance level
LABELS = {
    "probe": "pre-trained + linear probe",
    "finetune": "fine-tuned",
    "scratch": "from scratch",
    "preserve": "preserved",
    "discard": "discarded",
    "new": "new",
}
SHORT = {"probe": "probe", "finetune": "fine-tuned", "scratch": "scratch"}
DASHES = {"probe": ":", "finetune": "-", "scratch": (0, (4, 1.5))}
MARKERS = {"probe": "D", "finetune": "o", "scratch": "s"}
HATCHES = {"preserve": "", "discard": "////", "new": "....", "finetune": "////", "scratch": "...."}
READINGS = {
    "positive": "only sets with something preserved",
    "zero": "all sets, 0/0 counted as 0",
    "salient": "only salient sets",
    "weighted": "weighted by strength",
}
"""How figures call the readings of 0/0 in the ratio of eq. 8."""
READING_MARKERS = {"positive": "o", "zero": "v", "salient": "^", "weighted": "D"}
NARROWEST, WIDEST, HEIGHT = 1.65, 3.4, 1.7  # inches of one experiment's panel
SMALLEST = 6.0  # pt; the smallest text in print


def apply() -> None:
    """Set the style for everything drawn afterwards."""
    import seaborn as sns  # noqa: PLC0415  (the explorer takes the colours alone)

    small = ("legend.fontsize", "legend.title_fontsize", "xtick.labelsize", "ytick.labelsize")
    rc = dict[str, Any].fromkeys(small, 6.5) | {
        "font.family": "DejaVu Sans",
        "font.size": 7,
        "axes.titlesize": 7,
        "axes.labelsize": 7,
        "axes.linewidth": 0.7,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.major.pad": 2,
        "ytick.major.pad": 2,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "hatch.linewidth": 0.5,
        "figure.dpi": 100,
        "savefig.dpi": 300,
        "svg.hashsalt": "whypretrain",  # equal drawings give equal bytes
        "pdf.fonttype": 42,  # embed TrueType, so that text stays text
        "figure.constrained_layout.use": True,
        "text.parse_math": False,  # a dollar in a title is a dollar
    }
    sns.set_theme(context="paper", style="ticks", rc=rc)
