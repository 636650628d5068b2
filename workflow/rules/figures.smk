# In: one table of every experiment of a suite. Out: a figure (PDF, PNG) and its numbers (CSV).


rule figure:
    input:
        tables=lambda w: expand(
            "results/experiments/{experiment}/tables/{table}.csv",
            experiment=CONFIG.suites[w.suite],
            table=FIGURE_TABLES[w.figure],
        ),
        code=lambda w: code(f"figures.{w.figure}"),
    output:
        figure=report(
            "results/figures/{suite}/{figure}.pdf",
            caption="../report/{figure}.rst",
            category="{suite}",
            labels={"figure": "{figure}"},
        ),
        bitmap="results/figures/{suite}/{figure}.png",
        numbers="results/figures/{suite}/{figure}.csv",
    log:
        "results/logs/figures/{suite}-{figure}.log",
    benchmark:
        "results/benchmarks/figures/{suite}-{figure}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        settings=lambda w: CONFIG.figure(w.suite).to_json(),
    shell:
        "python -m whypretrain.figures.{wildcards.figure} --settings {params.settings:q}"
        " --tables {input.tables:q} --output {output.figure:q} 2>&1 | tee {log:q}"
