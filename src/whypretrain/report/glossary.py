"""The terms that figures, tables and the explorer share; docs/glossary.md is written from them.

python -m whypretrain.report.glossary > docs/glossary.md
"""

TERMS = {
    "player": "A region of an image, or a word: what is shown or masked as a whole.",
    "coalition": "A set of players. All others are masked.",
    "baseline": "What stands in the place of a masked pixel or token.",
    "log-odds": (
        "v(T) = log(p / (1 − p)), in nats, with p the probability of the true class when only "
        "the coalition T is shown. Above 0 the class is more probable than all others together."
    ),
    "interaction": (
        "I(S): what v gains when all players of the set S are shown together, beyond what every "
        "smaller part of S gains. All interactions sum up to v."
    ),
    "order": (
        "How many players a set has: |S|. Order 1 is a region alone; high orders are patterns "
        "of many regions."
    ),
    "strength": "|I(S)|, in nats, whatever the sign.",
    "salient": (
        "Stronger than a share of the sample's strongest interaction: 0.05, unless configured "
        "otherwise."
    ),
    "linear probe": (
        "The pre-trained network, frozen, with a new linear classifier. It stands for what "
        "pre-training knows."
    ),
    "fine-tuned": "The pre-trained network, trained further on the new task.",
    "from scratch": "The same architecture, trained on the new task from random weights.",
    "snapshot": "The network's weights after a fraction of its training.",
    "seed": (
        "What decides a training's random numbers. Networks of several seeds show how much of a "
        "number is chance of training."
    ),
    "preserved": (
        "Strength that the probe and the fine-tuned network have in the same set with the same "
        "sign: the smaller of the two (eq. 6)."
    ),
    "discarded": "Strength of the probe that the fine-tuned network has not (eq. 6).",
    "new": "Strength of the fine-tuned network that the probe has not (eq. 7).",
    "removed, preserved, emerged sets": (
        "Sets that are salient in the probe and no longer, in both with the same sign, or now and "
        "not in the probe. A set whose sign turns is removed and emerges."
    ),
    "held share (γ)": (
        "The share of a network's strength that another network has in the same sets with the "
        "same sign. Of the probe and the fine-tuned network: the preserved share."
    ),
    "share that does not cancel (ρ)": (
        "|Σ I(S)| ÷ Σ |I(S)| over some sets: 0 where positive and negative effects cancel, 1 where "
        "all have one sign. Random signs give about 1/√(sets)."
    ),
    "ratio": (
        "The share of the preserved strength that training from scratch reaches too (eq. 8). "
        "Where nothing is preserved it is 0/0, and needs a reading."
    ),
    "Jaccard similarity": (
        "How alike two networks' interactions are, by strengths, from 0 to 1 (eq. 9)."
    ),
    "chance level": (
        "What a number is on average if one network's interactions are permuted among the sets "
        "of their order: the same strengths, nothing in common but by chance."
    ),
    "agreement": (
        "What two networks have in common beyond chance: 0 at the chance level, 1 as alike as "
        "their strengths allow."
    ),
    "transfer": (
        "Agreement of the probe with the fine-tuned network, minus that of the probe with the "
        "network from scratch."
    ),
    "second fine-tuned run": (
        "A network that differs from the fine-tuned one in its seed alone. What it gives is no "
        "effect of pre-training."
    ),
    "noise floor": (
        "What rounding in float32 makes of an order's interactions. Below it nothing is counted."
    ),
    "interval": (
        "The range in brackets, or a whisker or band: it holds the true number in 95 % of cases, "
        "unless configured otherwise, over samples and seeds."
    ),
}
"""What each means, in a sentence or two."""


def page() -> str:
    """docs/glossary.md."""
    lines = ["# Glossary", "", "*What do the words in figures, tables and the explorer mean?*", ""]
    lines += ["| term | meaning |", "|---|---|"]
    for term, meaning in TERMS.items():
        lines.append(f"| {term} | {meaning.replace('|', chr(92) + '|')} |")
    lines += [
        "",
        "The mathematics is in [method](method.md). `python -m whypretrain.report.glossary`",
    ]
    lines += ["writes this page."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
