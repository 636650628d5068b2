# In: records, histories and robustness of an experiment. Out: its tidy tables and its summary.


rule knowledge:
    input:
        **{
            variant: f"results/experiments/{{experiment}}/{variant}.h5"
            for variant in VARIANTS
        },
        replicate=lambda w: replicate_of(w.experiment),
        histories=lambda w: of_networks([w.experiment], "history.csv"),
        robustness=lambda w: of_networks([w.experiment], "robustness.csv"),
        test=lambda w: downstream_split(w, "test"),
    output:
        tables=expand(
            "results/experiments/{{experiment}}/tables/{table}.csv", table=TABLES
        ),
        summary="results/experiments/{experiment}/summary.csv",
    log:
        "results/logs/knowledge/{experiment}.log",
    benchmark:
        "results/benchmarks/knowledge/{experiment}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    resources:
        mem_mb=memory(comparing),
        runtime=minutes(comparing),
    params:
        code=code("whypretrain.stages.knowledge"),
        settings=lambda w: CONFIG.knowledge(w.experiment).to_json(),
        folder=lambda w: f"results/experiments/{w.experiment}/tables",
        replicate=lambda w, input: [f"--replicate={path}" for path in input.replicate],
    shell:
        "python -m whypretrain.stages.knowledge --settings {params.settings:q}"
        " --probe {input.probe:q} --finetune {input.finetune:q}"
        " --scratch {input.scratch:q} {params.replicate:q} --histories {input.histories:q}"
        " --robustness {input.robustness:q} --test {input.test:q}"
        " --tables {params.folder:q} --summary {output.summary:q} 2>&1 | tee {log:q}"
