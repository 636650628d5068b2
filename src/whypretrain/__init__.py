"""Why pre-training helps: Harsanyi interactions of pre-trained, fine-tuned and scratch models.

For notebooks: :func:`explain_image` and :func:`explain_text` compute the interactions of any torch
classifier on one sample, :func:`load_snapshot` loads one that the workflow trained, and
:func:`read_interactions` and :func:`read_explanations` read what it stored.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Explanation": "whypretrain.report.explanation",
    "explain_image": "whypretrain.explain",
    "explain_text": "whypretrain.explain",
    "load_snapshot": "whypretrain.networks.snapshots",
    "read_explanations": "whypretrain.stored",
    "read_interactions": "whypretrain.stored",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: Snakemake reads this package without torch."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    message = f"module 'whypretrain' has no attribute '{name}'"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
