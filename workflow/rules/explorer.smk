# In: claims, tables, samples and interactions of a suite. Out: one HTML page to look through them.


rule explorer:
    input:
        claims="results/tables/{suite}/claims.csv",
        tables=lambda w: tables_of(
            CONFIG.suites[w.suite], ["knowledge", "ratio", "jaccard", "history"]
        ),
        samples=lambda w: expand(
            "results/experiments/{experiment}/samples.h5",
            experiment=CONFIG.suites[w.suite],
        ),
        interactions=lambda w: interactions_of(CONFIG.suites[w.suite]),
        page=beside("report/explorer/page"),
    output:
        page=report(
            "results/explorer/{suite}/index.html",
            caption="../report/explorer.rst",
            category="Explorer",
            labels={"page": "Everything to look through, down to single interactions"},
        ),
    log:
        "results/logs/explorer/{suite}.log",
    benchmark:
        "results/benchmarks/explorer/{suite}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code("whypretrain.stages.explorer"),
        settings=lambda w: CONFIG.explore(w.suite).to_json(),
        experiments=lambda w: expand(
            "results/experiments/{experiment}", experiment=CONFIG.suites[w.suite]
        ),
    shell:
        "python -m whypretrain.stages.explorer --settings {params.settings:q}"
        " --claims {input.claims:q} --experiments {params.experiments:q}"
        " --output {output.page:q} 2>&1 | tee {log:q}"
