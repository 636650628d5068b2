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
from workflow.lib import resources as sized
from workflow.lib import start
from workflow.lib.code import NUMERICS, code
from workflow.lib.snakemake_3808 import record_successes_only

start.use_this_checkout()
record_successes_only()
start.name_mending_command(
    workflow.overwrite_configfiles, workflow.config_settings.config_args or []
)

try:
    CONFIG = start.configured(dict(config), workflow.configfiles)
except ConfigError as error:
    raise WorkflowError(f"The configuration is wrong.\n{error}") from None

RUNS = CONFIG.runs()
WHOLE_RUNS = CONFIG.whole_runs()
VARIANTS = ["probe", "finetune", "scratch"]
WAYS = sorted({way for own in CONFIG.experiments.values() for way in own.variants})
SNAPSHOTS = [snapshot_label(fraction) for fraction in CONFIG.snapshots]
TABLES = "knowledge ratio agreement jaccard courses losses history".split()
TABLES += "models salience sparsity counterfactual redundancy hard neighbours robustness".split()
TABLES += ["held", "turnover"]
SUITE_TABLES = ["claims", "overview", "correlations", "kinds"]
OF_THE_PAPER = ["fig2", "fig3", "fig4", "curves"]
# Figures that a suite makes unasked; one with variations has too many experiments for their
# panels, and makes VARIATION_FIGURES, of one row an experiment. Every figure can be asked for.
FIGURES = ["agreement", *OF_THE_PAPER, "claims", "stopping", "accuracy", "robustness"]
FIGURES += ["turnover", "salience", "exclusive", "counterfactual", "redundancy"]
VARIATION_FIGURES = ["sensitivity"]
# Those of a suite whose experiments have further variants, beside the others.
ADAPTING_FIGURES = ["adapting", "pairs"]
# What figures read besides the summaries of the experiments: tables of the suite.
FIGURE_TABLES = {"claims": ["claims"], "accuracy": ["overview", "correlations"]}
TRAINED_HERE = [name for name, model in CONFIG.models.items() if model.weights.dataset]
TEXT_MODELS = [
    name for name, model in CONFIG.models.items() if model.family == "transformers"
]
TOKENIZER = ["config.json", "tokenizer.json", "tokenizer_config.json"]


def one_of(names):
    """A wildcard constraint: exactly one of the names; with no names, nothing."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    suite=one_of(CONFIG.suites),
    experiment=one_of(CONFIG.experiments),
    model=one_of(CONFIG.models),
    dataset=one_of(CONFIG.datasets),
    variant=rf"probe|(finetune|scratch|{one_of(WAYS)})(-seed\d+)?",
    run=one_of(RUNS),
    figure=one_of(FIGURES + VARIATION_FIGURES + ADAPTING_FIGURES),


def figures_of(suite):
    """Figures that a suite makes unasked."""
    varied = CONFIG.varied().keys() & set(CONFIG.suites[suite])
    made = VARIATION_FIGURES if varied else FIGURES
    return made + ADAPTING_FIGURES if adapting(suite) else made


def adapting(suite):
    """Experiments of a suite that have further variants."""
    return [name for name in CONFIG.suites[suite] if CONFIG.experiments[name].variants]


def adapting_tables(suite):
    """Tables of their networks, two by two."""
    return expand(
        "results/experiments/{experiment}/adapting.csv", experiment=adapting(suite)
    )


def figure_tables(wildcards):
    """What a figure reads besides the summaries."""
    if wildcards.figure in ADAPTING_FIGURES:
        return adapting_tables(wildcards.suite)
    return expand(
        "results/tables/{suite}/{table}.csv",
        suite=wildcards.suite,
        table=FIGURE_TABLES.get(wildcards.figure, []),
    )


def of_experiments(suite, *files):
    """Files of every experiment of a suite."""
    return expand(
        "results/experiments/{experiment}/{file}",
        experiment=CONFIG.suites[suite],
        file=files,
    )


def interactions_of(suite):
    """Records of the interactions of all variants of each experiment of a suite."""
    return [
        f"results/experiments/{experiment}/{variant}.h5"
        for experiment in CONFIG.suites[suite]
        for variant in CONFIG.variants(experiment)
    ]


def runs_of(*variants):
    """Names of the runs of some variants."""
    return [name for name, run in RUNS.items() if run.variant in variants]


def run_of(experiment, variant):
    """Folder of the network that an experiment takes for a variant."""
    return f"results/runs/{CONFIG.run(experiment, variant).name}"


def snapshots_of(wildcards):
    """Snapshots of a variant whose interactions are measured: all, or the last one."""
    run = run_of(wildcards.experiment, wildcards.variant)
    whole = wildcards.variant in CONFIG.trajectories(wildcards.experiment)
    return [
        f"{run}/snapshot-{fraction}.safetensors"
        for fraction in (SNAPSHOTS if whole else SNAPSHOTS[-1:])
    ]


def variants_of(experiment, *kinds):
    """The networks of an experiment of some kinds, each kind's by seed."""
    own = CONFIG.variants(experiment)
    return [name for kind in kinds for name in own if name.split("-")[0] == kind]


def records_of(experiment, kind):
    """Records of interactions of a kind of networks, by seed."""
    return [
        f"results/experiments/{experiment}/{variant}.h5"
        for variant in variants_of(experiment, kind)
    ]


def splits_of(experiment, variants):
    """AND-OR interactions of some networks of an experiment, if it is about these."""
    if CONFIG.experiments[experiment].interactions.kind != "and_or":
        return []
    return [f"results/experiments/{experiment}/and_or/{name}.h5" for name in variants]


def of_networks(experiment, variants, file):
    """A file of the runs of some networks of an experiment."""
    return [f"{run_of(experiment, variant)}/{file}" for variant in variants]


def subject(wildcards):
    """The run or the experiment that wildcards name; both have a model and a dataset."""
    run = wildcards.get("run")
    return RUNS[run] if run else CONFIG.experiments[wildcards.experiment]


def downloaded_dataset(wildcards):
    """What must be downloaded before a dataset can be prepared; nothing for a local one."""
    folder = CONFIG.datasets[wildcards.dataset].download_folder(wildcards.dataset)
    return [f"{folder}/fetched.json"] if folder else []


def annotation_file(wildcards):
    """The file of players that a person drew, where an experiment has such players."""
    players = CONFIG.experiments[wildcards.experiment].sampling.players
    return [os.path.expandvars(players.path)] if players.kind == "annotations" else []


def split(part):
    """Input function: one split of the dataset of a run or experiment, or of a model to pre-train."""

    def path(wildcards):
        model = CONFIG.models.get(wildcards.get("model"))
        name = model.weights.dataset if model else subject(wildcards).dataset
        return f"results/datasets/{name}/{part}.parquet"

    return path


def pretrained_weights(wildcards):
    """Pre-trained weights that a run starts from."""
    return f"results/pretrained/{subject(wildcards).model}/weights.safetensors"


def tokenizer_files(wildcards):
    """Configuration and tokenizer of a text model; nothing for images."""
    model = subject(wildcards).model
    names = TOKENIZER if model in TEXT_MODELS else []
    return [f"results/pretrained/{model}/transformers/{name}" for name in names]


def players_of(wildcards):
    """How many players the samples of an experiment have."""
    return CONFIG.experiments[wildcards.experiment].sampling.players.n


def network_of(wildcards):
    """The size of the network that a job is about."""
    name = wildcards.get("model") or subject(wildcards).model
    return sized.network(name, CONFIG.models[name])


def cpus(wildcards):
    """How many threads a job that trains or measures a network takes.

    One on a CPU of this machine, where jobs run side by side and sums are split among threads, so
    that last bits would depend on their number.
    """
    on_cpu = workflow.local_exec and not start.local_gpus()
    return 1 if on_cpu else network_of(wildcards).cpus


def card(wildcards):
    """Percent of this machine's card that a job takes, if there is one; two small networks share it."""
    return start.local_gpus() * (100 if network_of(wildcards).cpus > 1 else 50)


def training(settings):
    """What a training needs, from a function of wildcards that returns its settings."""
    return sized.needing(
        lambda w, input: sized.training(
            network_of(w), settings(w).recipe, input.train, input.test
        )
    )
