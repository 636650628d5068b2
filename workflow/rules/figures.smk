# In: samples of an experiment. Out: a picture of each with its players.
# In: summaries of every experiment, tables of a suite. Out: a figure (PDF, PNG) and its numbers (CSV).


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


# Local on a cluster too: it takes seconds, from tables alone.
localrules:
    figure,


rule figure:
    input:
        summaries=lambda w: summaries_of(w.suite),
        tables=figure_tables,
    output:
        figure="results/figures/{suite}/{figure}.pdf",
        bitmap=report(
            "results/figures/{suite}/{figure}.png",
            caption="../report/figures.rst",
            category=lambda w: (
                "Figures of the paper"
                if w.figure in OF_THE_PAPER
                else "Further figures"
            ),
            labels=lambda w: {"figure": summary(f"report.figures.{w.figure}")},
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
