# The workflow of whypretrain. `snakemake --cores all` makes the suite that config.yaml names.
from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "workflow/report/suite.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/interactions.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/checks.smk"


# The interactions are a result too: one that was deleted is computed again.
rule all:
    default_target: True
    input:
        interactions_of(CONFIG.suite),
        of_experiments(CONFIG.suite, "players", "tables/similarity.csv"),
        expand(
            "results/figures/{suite}/{figure}.pdf",
            suite=CONFIG.suite,
            figure=figures_of(CONFIG.suite),
        ),
        f"results/explorer/{CONFIG.suite}/index.html",


# Targets that stop early, for a cluster session or a look at one stage.
rule models:
    input:
        [
            of_networks(name, CONFIG.variants(name), "history.csv")
            for name in CONFIG.suite_experiments()
        ],


rule interactions:
    input:
        interactions_of(CONFIG.suite),


rule tables:
    input:
        of_experiments(CONFIG.suite, "summary.csv", "tables/similarity.csv"),
        adapting_tables(CONFIG.suite),
        f"results/tables/{CONFIG.suite}/claims.md",


# The reasons stand further up, between the output of other jobs.
onerror:
    start.say_what_failed(workflow)
