# The workflow of whypretrain. `snakemake --cores all` makes the suite that config.yaml names.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "workflow/report/suite.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/downloads.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/interactions.smk"
include: "workflow/rules/knowledge.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/simulation.smk"
include: "workflow/rules/robustness.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/planted.smk"


# The interactions are a result too: one that was deleted is computed again.
rule all:
    default_target: True
    input:
        interactions_of(CONFIG.suite_experiments()),
        expand(
            "results/experiments/{experiment}/players",
            experiment=CONFIG.suite_experiments(),
        ),
        expand(
            "results/figures/{suite}/{figure}.pdf",
            suite=CONFIG.suite,
            figure=figures_of(CONFIG.suite),
        ),
        f"results/explorer/{CONFIG.suite}/index.html",


# Targets that stop early, for a cluster session or a look at one stage.
rule models:
    input:
        of_networks(CONFIG.suite_experiments(), "history.csv"),


rule interactions:
    input:
        interactions_of(CONFIG.suite_experiments()),


rule tables:
    input:
        summaries_of(CONFIG.suite),
        f"results/tables/{CONFIG.suite}/claims.md",


# The reasons stand further up, between the output of other jobs.
onerror:
    say_what_failed(workflow)
