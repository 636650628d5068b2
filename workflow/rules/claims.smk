# In: summaries of every experiment of a suite. Out: what they say about each claim of the paper, and
# the main numbers side by side.


# Local on a cluster too: it takes seconds, from tables alone.
localrules:
    claims,


rule claims:
    input:
        summaries=lambda w: summaries_of(w.suite),
    output:
        tables=expand("results/tables/{{suite}}/{table}.csv", table=SUITE_TABLES),
        document=report(
            "results/tables/{suite}/claims.md",
            caption="../report/claims_table.rst",
            category="Claims",
            labels={
                "table": "Each claim with its number, interval, chance level and verdict"
            },
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
