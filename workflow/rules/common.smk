# What all rules share: the checked configuration, the code a stage depends on, the machine.
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Jobs run this checkout's package with the Python that runs Snakemake, installed or not.
PROJECT = Path(workflow.basedir).resolve()
sys.path.insert(0, str(PROJECT / "src"))
os.environ["PYTHONPATH"] = str(PROJECT / "src")
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

from whypretrain.code import closure
from whypretrain.config.training import snapshot_label
from whypretrain.config.whole import ConfigError, check

try:
    CONFIG = check(dict(config))
except ConfigError as error:
    raise WorkflowError(f"The configuration is wrong.\n{error}") from None

SNAPSHOTS = [snapshot_label(fraction) for fraction in CONFIG.snapshots]
LAST_SNAPSHOT = SNAPSHOTS[-1]
TABLES = ["knowledge", "ratio", "jaccard", "models", "history"]
FIGURE_TABLES = {"fig2": "knowledge", "fig3": "ratio", "fig4": "jaccard", "curves": "history"}


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


def code(module):
    """Source files of a stage, as an input: an edit of any of them runs the stage again."""
    return [os.path.relpath(path) for path in closure(f"whypretrain.{module}")]


def local_gpus(wildcards):
    """Cards a job of this rule takes here: 1 on a machine that has any, so that they take turns."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return int(Path("/dev/nvidiactl").exists() and not hidden)


def experiment_split(wildcards, part):
    """Parquet file of one split of an experiment's dataset."""
    return f"results/datasets/{CONFIG.experiments[wildcards.experiment].dataset}/{part}.parquet"


def upstream_split(wildcards, part):
    """Parquet file of one split of the dataset that a model is pre-trained on."""
    return f"results/datasets/{CONFIG.models[wildcards.model].weights.dataset}/{part}.parquet"


def pretrained_weights(wildcards):
    """Pre-trained weights of an experiment's architecture."""
    model = CONFIG.experiments[wildcards.experiment].model
    return f"results/pretrained/{model}/weights.safetensors"
