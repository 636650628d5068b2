"""Reading tables back: which columns each has, what is in them, and which may have gaps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
import pyarrow.parquet

from whypretrain.files.artifacts import damaged, reading

Kind = Literal["text", "empty", "number", "gaps", "truth"]
"""What a column holds: text, text that may be empty, finite numbers, those with gaps (NaN), or
True and False."""
Columns = Mapping[str, Kind]


def _columns(**names: str) -> Columns:
    return {name: kind for kind in get_args(Kind) for name in names.get(kind, "").split()}


SCORES = "test_loss test_accuracy"
INTERVAL = "low high least most chance swapped second_run"
EXCESS = "excess excess_low excess_high"
ANSWERS = " ".join(
    f"{answer}{end}" for answer in ("agreement", "retraining") for end in ("", "_low", "_high")
)
SEEDS = "finetune scratch second"
"""Of tables that compare networks: which seeds; empty where a number does not depend on one."""
HISTORY = _columns(number=SCORES, gaps="train_loss train_accuracy")
"""Of a run. A linear probe's has but one row and no epochs."""
SHIFTS = "level n_items n_correct accuracy loss n_lost n_gained"
ROBUSTNESS = _columns(text="shift", number=SHIFTS)
"""Of a run."""
SUMMARY = _columns(
    text="experiment quantity",
    empty="variant order reading level",
    number="n_seeds",
    gaps=f"number {INTERVAL} fraction epoch {EXCESS} n noise_floor",
)
TABLES: dict[str, Columns] = {
    "summary": SUMMARY,
    "adapting": SUMMARY,
    "knowledge": _columns(
        text="experiment sample quantity reference",
        empty=SEEDS,
        number="order strength n_sets noise_floor",
    ),
    "ratio": _columns(
        text="experiment sample order reading reference",
        empty=SEEDS,
        number="numerator denominator",
        gaps="ratio",
    ),
    "agreement": _columns(text="experiment pair kind order sample", empty=SEEDS, gaps="agreement"),
    "jaccard": _columns(
        text="experiment variant seed sample reference",
        empty="second",
        number="fraction jaccard epoch",
    ),
    "courses": _columns(
        text="experiment variant seed target order sample",
        empty="second",
        number="fraction epoch",
        gaps="agreement",
    ),
    "held": _columns(
        text="experiment variant seed target reading order sample reference",
        empty="second",
        number="fraction epoch",
        gaps="held",
    ),
    "turnover": _columns(
        text="experiment variant seed part order sample reference",
        number="fraction epoch n_sets",
        gaps="uncancelled",
    ),
    "losses": _columns(
        text="experiment variant seed sample", number="fraction loss epoch", truth="correct"
    ),
    "history": _columns(
        text="experiment variant",
        empty="seed",
        number=f"{SCORES} n_test n_classes",
        gaps="train_loss train_accuracy epoch step learning_rate",
    ),
    "models": _columns(
        text="experiment variant sample",
        empty="seed",
        number="n_salient salient_share reconstruction_error efficiency_residual",
        truth="correct",
    ),
    "salience": _columns(
        text="experiment variant sample",
        empty="seed",
        number="threshold n_salient salient_share reconstruction_error random_error",
    ),
    "sparsity": _columns(
        text="experiment variant kind sample",
        empty="seed",
        number="n_salient n_sets strength or_share gap iterations",
    ),
    "counterfactual": _columns(
        text="experiment variant removed order reference sample seed",
        number="strength v_before v_after positive_before positive_after",
    ),
    "redundancy": _columns(
        text="experiment variant sample",
        empty="seed",
        number="v v_empty n_sets n_prunable prunable_share prunable_strength_share n_random",
        gaps="n_critical",
    ),
    "robustness": _columns(text="experiment variant shift", number=SHIFTS),
    "hard": _columns(
        text="experiment group seed",
        number="n n_classes v_probe v_finetune v_scratch",
        gaps="preserved_share chance reached_share",
    ),
    "neighbours": _columns(
        text="experiment variant", number="distance n_pairs strength", gaps="correlation"
    ),
    "similarity": _columns(text="experiment first second", number="cka chance n_items"),
    "claims": _columns(
        text="experiment claim statement paper as_worded beyond_chance beyond_retraining",
        empty="reading note",
        number="n n_seeds",
        gaps=f"number {INTERVAL} {ANSWERS}",
    ),
    "overview": _columns(text="experiment kind quantity", number="n", gaps=f"number {INTERVAL}"),
    "correlations": _columns(
        text="knowledge accuracy", number="n", gaps="pearson low high spearman p"
    ),
}
"""Tables that figures and claims read, by name; each may have further columns."""
QUANTITIES = {
    *("preserve", "discard", "new", "reached", "probe", "finetune", "scratch", "finetune_only"),
    *("scratch_only", "ratio", "jaccard", "discard_over_preserve", "new_over_preserve"),
    *("preserved_share", "discard_order", "new_order", "jaccard_area", "earlier", "epochs"),
    *("agreement", "sign_agreement", "transfer", "agreement_course", "earlier_agreement"),
    *("smallest_discard_over_preserve", "discard_share", "new_share"),
    *("test_accuracy", "test_loss", "accuracy", "accuracy_gain", "salient_count", "salient_share"),
    *("reconstruction_error", "counterfactual_change", "counterfactual_positive"),
    *("counterfactual_positive_before", "counterfactual_strength", "robustness_accuracy"),
    *("held_share", "uncancelled_share", "turnover_count"),
}
"""What the summary of every experiment holds, whatever its settings."""


def read_table(path: Path, columns: Columns) -> pd.DataFrame:
    """Read one table that the workflow wrote.

    Raises
    ------
    ArtifactError
        If it is damaged, was cut off, has no row, lacks a column or holds in one what it must not.
    """
    with reading(path, "a table"):
        with path.open("rb") as file:
            file.seek(-1, 2)
            if file.read() != b"\n":
                message = "its last line is not complete"
                raise ValueError(message)
        # A sample's id or an order may look like a number, or like a gap ("null"); it is a name.
        names = [name for name, kind in columns.items() if kind in ("text", "empty")]
        table = pd.read_csv(
            path, dtype=dict.fromkeys(names, str), keep_default_na=False, na_values=[""]
        )
        table = table.fillna({name: "" for name, kind in columns.items() if kind == "empty"})
        if fault := _fault(table, columns):
            raise ValueError(fault)
    return table


def _fault(table: pd.DataFrame, columns: Columns) -> str | None:
    if missing := columns.keys() - set(table.columns):
        return f"columns {', '.join(sorted(missing))} are missing"
    if table.empty:
        return "no rows"
    if wrong := [name for name, kind in columns.items() if not _holds(table[name], kind)]:
        return f"text, gaps or infinite numbers where they cannot be: {', '.join(wrong)}"
    if "sample" in columns and len(set(table["sample"].value_counts())) > 1:
        return "rows of some samples are missing"
    return None


def _holds(column: pd.Series, kind: Kind) -> bool:
    if kind in ("text", "empty"):
        return bool(column.notna().all())
    if kind == "truth" or column.dtype == bool:
        return kind == "truth" and column.dtype == bool
    if not pd.api.types.is_numeric_dtype(column):
        return False
    return not np.isinf(column).any() and (kind == "gaps" or bool(column.notna().all()))


def read_tables(paths: Sequence[Path], experiments: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Read the tables of several experiments; those whose files have one name become one.

    Raises
    ------
    ArtifactError
        If a file is damaged, says nothing about an experiment, or is a summary that lacks one of
        QUANTITIES.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for path in paths:
        table = read_table(path, TABLES[path.stem])
        if strange := set(table.get("experiment", experiments)) - set(experiments):
            raise damaged(path, f"rows of {', '.join(sorted(strange))}, which is not asked for")
        if path.stem == "summary" and (lost := QUANTITIES - set(table["quantity"])):
            raise damaged(path, f"no row of the quantity {', '.join(sorted(lost))}: cut off?")
        found.setdefault(path.stem, []).append(table)
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
    for name, table in tables.items():
        if absent := set(experiments) - set(table.get("experiment", experiments)):
            path = next(path for path in paths if path.stem == name)
            raise damaged(path, f"no row of {', '.join(sorted(absent))}")
    return tables


def count_rows(path: Path) -> int:
    """How many images or sentences a split has: its footer says so, and nothing else is read.

    Raises
    ------
    ArtifactError
        If the file is damaged or has none.
    """
    with reading(path, "a prepared split"):
        n_rows = int(pyarrow.parquet.read_metadata(path).num_rows)
        if n_rows == 0:
            message = "no rows"
            raise ValueError(message)
    return n_rows


def not_learned(summary: pd.DataFrame) -> dict[str, str]:
    """Of the experiments in a summary with a network that has not learned: which and how, in words.

    Such as "scratch below its mark of 45 %".
    """
    lost = summary[(summary["quantity"] == "learned") & (summary["number"] == 0)]
    words = lost["variant"] + " " + lost["level"].replace("", "not learned")
    return {
        str(name): ", ".join(own) for name, own in words.groupby(lost["experiment"], sort=False)
    }
