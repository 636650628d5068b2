# In: samples, records and summaries of experiments. Out: pictures of players; of a suite, its claims
# with the main numbers side by side, its figures, and one HTML page to look through everything.


rule player_sheet:
    input:
        samples="results/experiments/{experiment}/samples.h5",
    output:
        folder=directory("results/experiments/{experiment}/players"),
    log:
        "results/logs/player_sheet/{experiment}.log",
    benchmark:
        "results/benchmarks/player_sheet/{experiment}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code("whypretrain.report.player_sheet"),
    shell:
        "python -m whypretrain.stages.player_sheet --samples {input.samples:q}"
        " --folder {output.folder:q} 2>&1 | tee {log:q}"


# Only where it is asked for: `snakemake --cores 1 results/overlays/vit-digits/003.pdf`.
rule overlay:
    input:
        samples="results/experiments/{experiment}/samples.h5",
        records=expand(
            "results/experiments/{{experiment}}/{variant}.h5",
            variant=VARIANTS,
        ),
        splits=lambda w: splits_of(w.experiment, VARIANTS),
    output:
        figure="results/overlays/{experiment}/{position}.pdf",
        drawing="results/overlays/{experiment}/{position}.svg",
    log:
        "results/logs/overlay/{experiment}-{position}.log",
    benchmark:
        "results/benchmarks/overlay/{experiment}-{position}.tsv"
    wildcard_constraints:
        position=r"\d\d\d+",
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code("whypretrain.report.overlay", "whypretrain.report.explanation"),
        sets=CONFIG.figures.sets,
        width=CONFIG.figures.width,
    shell:
        "python -m whypretrain.stages.overlay --samples {input.samples:q}"
        " --records {input.records:q} --splits {input.splits:q}"
        " --position {wildcards.position:q} --sets {params.sets:q} --width {params.width:q}"
        " --output {output.figure:q} 2>&1 | tee {log:q}"


# Local on a cluster too: they take seconds, from tables alone.
localrules:
    claims,
    figure,
    overlay,


rule claims:
    input:
        summaries=lambda w: of_experiments(w.suite, "summary.csv"),
    output:
        tables=expand("results/tables/{{suite}}/{table}.csv", table=SUITE_TABLES),
        document="results/tables/{suite}/claims.md",
        page=report(
            "results/tables/{suite}/claims.html",
            caption="../report/claims_table.rst",
            category="Claims",
            labels={"page": "Claims with numbers and intervals"},
        ),
    log:
        "results/logs/claims/{suite}.log",
    benchmark:
        "results/benchmarks/claims/{suite}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code("whypretrain.stages.claims"),
        settings=lambda w: CONFIG.claims(w.suite).to_json(),
        folder=subpath(output.document, parent=True),
    shell:
        "python -m whypretrain.stages.claims --settings {params.settings:q}"
        " --summaries {input.summaries:q} --output {params.folder:q} 2>&1 | tee {log:q}"


rule figure:
    input:
        summaries=lambda w: of_experiments(w.suite, "summary.csv"),
        tables=figure_tables,
    output:
        figure="results/figures/{suite}/{figure}.pdf",
        bitmap=report(
            "results/figures/{suite}/{figure}.png",
            caption="../report/figures.rst",
            category=lambda w: start.category(w.figure, OF_THE_PAPER),
            labels=lambda w: {"figure": start.summary(f"report.figures.{w.figure}")},
        ),
        numbers="results/figures/{suite}/{figure}.csv",
    log:
        "results/logs/figures/{suite}-{figure}.log",
    benchmark:
        "results/benchmarks/figures/{suite}-{figure}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=lambda w: code(f"whypretrain.report.figures.{w.figure}"),
        settings=lambda w: CONFIG.figure(w.suite).to_json(),
    shell:
        "python -m whypretrain.stages.figure {wildcards.figure} --settings {params.settings:q}"
        " --summaries {input.summaries:q} --tables {input.tables:q} --output {output.figure:q}"
        " 2>&1 | tee {log:q}"


rule explorer:
    input:
        claims="results/tables/{suite}/claims.csv",
        experiments=lambda w: of_experiments(w.suite, "summary.csv", "samples.h5"),
        records=lambda w: interactions_of(w.suite),
        splits=lambda w: [
            path
            for experiment in CONFIG.suites[w.suite]
            for path in splits_of(experiment, VARIANTS)
        ],
        adapting=lambda w: adapting_tables(w.suite),
        page=start.beside("report/explorer/page"),
    output:
        page=report(
            "results/explorer/{suite}/index.html",
            caption="../report/explorer.rst",
            category="Explorer",
            labels={"page": "Everything, to look through"},
        ),
    log:
        "results/logs/explorer/{suite}.log",
    benchmark:
        "results/benchmarks/explorer/{suite}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code(
            "whypretrain.report.explorer.experiment",
            "whypretrain.report.explorer.page",
        ),
        settings=lambda w: CONFIG.explore(w.suite).to_json(),
        folders=lambda w: [
            f"results/experiments/{experiment}"
            for experiment in CONFIG.suites[w.suite]
        ],
    shell:
        "python -m whypretrain.stages.explorer --settings {params.settings:q}"
        " --claims {input.claims:q} --experiments {params.folders:q}"
        " --adapting {input.adapting:q}"
        " --output {output.page:q} 2>&1 | tee {log:q}"
