# What all rules share: the checked configuration, the code a stage depends on, the machine.
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The package of this checkout, installed or not.
sys.path.insert(0, str(Path(workflow.basedir, "src").resolve()))

from whypretrain.config.training import snapshot_label
from whypretrain.config.whole import ConfigError, check
from whypretrain.workflow import code, local_gpus, use_this_checkout

use_this_checkout()

try:
    CONFIG = check(dict(config))
except ConfigError as error:
    raise WorkflowError(f"The configuration is wrong.\n{error}") from None

SNAPSHOTS = [snapshot_label(fraction) for fraction in CONFIG.snapshots]
LAST_SNAPSHOT = SNAPSHOTS[-1]
TABLES = ["knowledge", "ratio", "jaccard", "models", "history"]
FIGURE_TABLES = {
    "fig2": "knowledge",
    "fig3": "ratio",
    "fig4": "jaccard",
    "curves": "history",
}


def one_of(names):
    """A wildcard constraint: exactly one of the names."""
    return "|".join(re.escape(name) for name in names)


wildcard_constraints:
    suite=one_of(CONFIG.suites),
    experiment=one_of(CONFIG.experiments),
    model=one_of(CONFIG.models),
    dataset=one_of(CONFIG.datasets),
    trained="finetune|scratch",
    figure=one_of(FIGURE_TABLES),


def experiment_split(wildcards, part):
    """Parquet file of one split of an experiment's dataset."""
    return f"results/datasets/{CONFIG.experiments[wildcards.experiment].dataset}/{part}.parquet"


def upstream_split(wildcards, part):
    """Parquet file of one split of the dataset that a model is pre-trained on."""
    return f"results/datasets/{CONFIG.models[wildcards.model].weights.dataset}/{part}.parquet"


def interactions_of(experiments):
    """Files of interactions of all three variants, every snapshot."""
    stem = "results/experiments/{experiment}"
    return expand(
        f"{stem}/pretrain/interactions-{LAST_SNAPSHOT}.h5", experiment=experiments
    ) + expand(
        f"{stem}/{{variant}}/interactions-{{fraction}}.h5",
        experiment=experiments,
        variant=["finetune", "scratch"],
        fraction=SNAPSHOTS,
    )


def pretrained_weights(wildcards):
    """Pre-trained weights of an experiment's architecture."""
    model = CONFIG.experiments[wildcards.experiment].model
    return f"results/pretrained/{model}/weights.safetensors"
