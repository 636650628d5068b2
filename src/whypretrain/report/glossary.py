"""The terms that figures, tables and the explorer share; docs/glossary.md is written from them.

python -m whypretrain.report.glossary > docs/glossary.md
"""

TERMS = {
    "player": "A region of an image, or a word. It is shown or masked as a whole.",
    "coalition": "A set of players. All others are masked.",
    "baseline": "The value that replaces a masked pixel or token.",
    "log-odds": (
        "v(T) = log(p / (1 − p)), in nats, where p is the probability of the true class when only "
        "the coalition T is shown. Above 0, the class is more probable than all others together."
    ),
    "interaction": (
        "I(S): what v gains when all players of the set S are shown together, beyond the "
        "interactions of all smaller parts of S. All interactions sum to v of the whole input."
    ),
    "order": (
        "The number of players in a set: |S|. Order 1 is a single region; high orders are patterns "
        "of many regions."
    ),
    "strength": "|I(S)|, in nats, regardless of the sign.",
    "salient": (
        "Stronger than a given share of the sample's strongest interaction: 0.05, unless "
        "configured otherwise."
    ),
    "linear probe": (
        "The pre-trained network, frozen, with a new linear classifier. It represents what "
        "the pre-trained network knows."
    ),
    "fine-tuned": "The pre-trained network, trained further on the new task.",
    "from scratch": "The same architecture, trained on the new task from random weights.",
    "snapshot": "A network's weights after a fraction of its training.",
    "seed": (
        "The number that determines all random choices of a training run. Networks of several "
        "seeds show how much of a result is due to these choices."
    ),
    "preserved": (
        "Strength that the probe and the fine-tuned network both have, in the same set and with "
        "the same sign: the smaller of the two strengths (eq. 6)."
    ),
    "discarded": "Strength of the probe that the fine-tuned network does not have (eq. 6).",
    "new": "Strength of the fine-tuned network that the probe does not have (eq. 7).",
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
        "The share of the preserved strength that training from scratch also reaches (eq. 8). "
        "Where nothing is preserved, it is 0/0 and can be read in several ways."
    ),
    "Jaccard similarity": (
        "How similar the interactions of two networks are, from 0 to 1 (eq. 9)."
    ),
    "chance level": (
        "The average of a number if one network's interactions are permuted among the sets of "
        "their order: strengths stay the same, and anything in common is chance."
    ),
    "agreement": (
        "What two networks have in common beyond chance: 0 at the chance level, 1 if they are as "
        "alike as their strengths allow."
    ),
    "transfer": (
        "Agreement of the probe with the fine-tuned network, minus that of the probe with the "
        "network from scratch."
    ),
    "second fine-tuned run": (
        "A fine-tuned network that differs from the first only in its seed. A difference that "
        "it shows too is not an effect of pre-training."
    ),
    "noise floor": (
        "The strength that rounding alone produces in interactions of an order. Weaker "
        "interactions count as 0."
    ),
    "interval": (
        "The range shown in brackets, or as a whisker or band. Over samples and seeds, it contains "
        "the true number in 95 % of cases, unless configured otherwise."
    ),
}
"""What each means, in a sentence or two."""


def page() -> str:
    """docs/glossary.md."""
    lines = ["# Glossary", "", "*What do the terms in figures, tables and the explorer mean?*", ""]
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
