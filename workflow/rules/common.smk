# What all rules share: the checked configuration, the code a stage depends on, the machine.
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The package of this checkout, installed or not.
for place in ("", "src"):
    sys.path.insert(0, str(Path(workflow.basedir, place).resolve()))

from whypretrain.settings.reading import ConfigError
from whypretrain.settings.training import snapshot_label
from workflow.lib.code import NUMERICS, code
from workflow.lib.snakemake_3808 import record_successes_only
from workflow.lib.start import (
    beside,
    configured,
    fingerprints,
    local_gpus,
    name_mending_command,
    say_what_failed,
    summary,
    use_this_checkout,
)

use_this_checkout()
record_successes_only()
name_mending_command(
    workflow.overwrite_configfiles, workflow.config_settings.config_args or []
)

try:
    CONFIG = configured(dict(config), workflow.configfiles)
except ConfigError as error:
    raise WorkflowError(f"The configuration is wrong.\n{error}") from None

RUNS = CONFIG.runs()
VARIANTS = ["probe", "finetune", "scratch"]
SNAPSHOTS = [snapshot_label(fraction) for fraction in CONFIG.snapshots]
LAST_SNAPSHOT = SNAPSHOTS[-1]
# Networks whose interactions are measured at the end alone.
FINAL_ONLY = ["probe", "replicate"]
TABLES = [
    "knowledge",
    "ratio",
    "jaccard",
    "models",
    "losses",
    "history",
    "salience",
    "counterfactual",
    "redundancy",
    "robustness",
]
SUITE_TABLES = ["claims", "overview", "correlations", "kinds"]
# What each figure reads besides the summaries of the experiments: tables of the suite.
FIGURE_TABLES = {
    **dict.fromkeys(["fig2", "fig3", "fig4", "curves"], []),
    "claims": ["claims"],
    "accuracy": ["overview", "correlations"],
    **dict.fromkeys(["sensitivity", "robustness", "salience", "exclusive"], []),
    **dict.fromkeys(["counterfactual", "redundancy"], []),
}
OF_THE_PAPER = ["fig2", "fig3", "fig4", "curves"]
# What a suite with variations makes instead: one row an experiment, as it has too many for panels.
VARIATION_FIGURES = ["sensitivity"]


def one_of(names):
    """A wildcard constraint: exactly one of the names; with no names, nothing."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    suite=one_of(CONFIG.suites),
    experiment=one_of(CONFIG.experiments),
    model=one_of(CONFIG.models),
    dataset=one_of(CONFIG.datasets),
    variant="probe|finetune|scratch|replicate",
    run=one_of(RUNS),
    figure=one_of(FIGURE_TABLES),


def summaries_of(suite):
    """The summaries of every experiment of a suite."""
    return [
        f"results/experiments/{experiment}/summary.csv"
        for experiment in CONFIG.suites[suite]
    ]


def figure_tables(wildcards):
    """The tables of the suite that a figure reads."""
    names = FIGURE_TABLES[wildcards.figure]
    return [f"results/tables/{wildcards.suite}/{name}.csv" for name in names]


def figures_of(suite):
    """Figures that a suite makes unasked; every other one can be asked for by its file's name."""
    varied = bool(CONFIG.varied().keys() & set(CONFIG.suites[suite]))
    return [name for name in FIGURE_TABLES if (name in VARIATION_FIGURES) == varied]


def runs_of(*variants):
    """Names of the runs of some variants."""
    return [name for name, run in RUNS.items() if run.variant in variants]


def run_of(experiment, variant):
    """Folder of the network that an experiment takes for a variant."""
    return f"results/runs/{CONFIG.run(experiment, variant).name}"


def snapshots_of(wildcards):
    """Snapshots of a variant whose interactions are measured: all, or the last one."""
    run = run_of(wildcards.experiment, wildcards.variant)
    measured = SNAPSHOTS[-1:] if wildcards.variant in FINAL_ONLY else SNAPSHOTS
    return [f"{run}/snapshot-{fraction}.safetensors" for fraction in measured]


def of_networks(experiments, file):
    """A file of the runs of the three networks of each experiment."""
    return [f"{run_of(e, v)}/{file}" for e in experiments for v in VARIANTS]


def subject(wildcards):
    """The run or the experiment that wildcards name; both have a model and a dataset."""
    run = wildcards.get("run")
    return RUNS[run] if run else CONFIG.experiments[wildcards.experiment]


def downstream_split(wildcards, part):
    """Parquet file of one split of the dataset of an experiment or a run."""
    return f"results/datasets/{subject(wildcards).dataset}/{part}.parquet"


def upstream_split(wildcards, part):
    """Parquet file of one split of the dataset that a model is pre-trained on."""
    return f"results/datasets/{CONFIG.models[wildcards.model].weights.dataset}/{part}.parquet"


def interactions_of(experiments):
    """Records of the interactions of all variants of each experiment."""
    return [
        f"results/experiments/{experiment}/{variant}.h5"
        for experiment in experiments
        for variant in CONFIG.variants(experiment)
    ]


def replicate_of(experiment):
    """Interactions of the second fine-tuned network, where an experiment has one."""
    path = f"results/experiments/{experiment}/replicate.h5"
    return [path] if "replicate" in CONFIG.variants(experiment) else []


TRAINED_HERE = [name for name, model in CONFIG.models.items() if model.weights.dataset]
TEXT_MODELS = [
    name for name, model in CONFIG.models.items() if model.family == "transformers"
]
TOKENIZER = ["config.json", "tokenizer.json", "tokenizer_config.json"]


def downloaded_dataset(wildcards):
    """What must be downloaded before a dataset can be prepared; nothing for a local one."""
    folder = CONFIG.datasets[wildcards.dataset].download_folder(wildcards.dataset)
    return [f"{folder}/fetched.json"] if folder else []


def weights_source(wildcards):
    """Where a model's pre-trained weights are read from: a download or a local path."""
    path = CONFIG.models[wildcards.model].weights.path
    return path or f"resources/weights/{wildcards.model}"


def downloaded_weights(wildcards):
    """What must be downloaded before weights can be converted; nothing for local ones."""
    hub = CONFIG.models[wildcards.model].weights.hub
    return [f"resources/weights/{wildcards.model}/fetched.json"] if hub else []


def pretrained_weights(wildcards):
    """Pre-trained weights that a run starts from."""
    return f"results/pretrained/{subject(wildcards).model}/weights.safetensors"


def annotation_file(wildcards):
    """The file of players that a person drew, where an experiment has such players."""
    players = CONFIG.experiments[wildcards.experiment].sampling.players
    return [os.path.expandvars(players.path)] if players.kind == "annotations" else []


def tokenizer_files(wildcards):
    """Configuration and tokenizer of a text model; nothing for images."""
    model = subject(wildcards).model
    names = TOKENIZER if model in TEXT_MODELS else []
    return [f"results/pretrained/{model}/transformers/{name}" for name in names]
