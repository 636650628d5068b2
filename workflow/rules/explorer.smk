# In: claims, summaries, samples and interactions of a suite. Out: one HTML page to look through them.


rule explorer:
    input:
        claims="results/tables/{suite}/claims.csv",
        experiments=lambda w: expand(
            "results/experiments/{experiment}/{file}",
            experiment=CONFIG.suites[w.suite],
            file=["summary.csv", "samples.h5"],
        ),
        records=lambda w: [
            f"results/experiments/{experiment}/{variant}.h5"
            for experiment in CONFIG.suites[w.suite]
            for variant in CONFIG.variants(experiment)
        ],
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
        code=code(
            "whypretrain.report.explorer.experiment",
            "whypretrain.report.explorer.page",
        ),
        settings=lambda w: CONFIG.explore(w.suite).to_json(),
        folders=lambda w: expand(
            "results/experiments/{experiment}", experiment=CONFIG.suites[w.suite]
        ),
    shell:
        "python -m whypretrain.stages.explorer --settings {params.settings:q}"
        " --claims {input.claims:q} --experiments {params.folders:q}"
        " --output {output.page:q} 2>&1 | tee {log:q}"
