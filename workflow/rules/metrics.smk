# In: interactions and histories of an experiment. Out: its tidy tables.


rule metrics:
    input:
        pretrain=f"results/experiments/{{experiment}}/pretrain/interactions-{LAST_SNAPSHOT}.h5",
        finetune=expand(
            "results/experiments/{{experiment}}/finetune/interactions-{fraction}.h5",
            fraction=SNAPSHOTS,
        ),
        scratch=expand(
            "results/experiments/{{experiment}}/scratch/interactions-{fraction}.h5",
            fraction=SNAPSHOTS,
        ),
        replicate=lambda w: replicate_of(w.experiment),
        histories=lambda w: histories_of([w.experiment]),
        test=lambda w: downstream_split(w, "test"),
        code=code("metrics.__main__"),
    output:
        expand("results/experiments/{{experiment}}/tables/{table}.csv", table=TABLES),
    log:
        "results/logs/metrics/{experiment}.log",
    benchmark:
        "results/benchmarks/metrics/{experiment}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        settings=lambda w: CONFIG.measure(w.experiment).to_json(),
        folder=subpath(output[0], parent=True),
        replicate=lambda w, input: (
            f"--replicate {input.replicate}" if input.replicate else ""
        ),
    shell:
        "python -m whypretrain.metrics --settings {params.settings:q}"
        " --pretrain {input.pretrain:q} --finetune {input.finetune:q}"
        " --scratch {input.scratch:q} --histories {input.histories:q}"
        " --test {input.test:q} {params.replicate} --tables {params.folder:q} 2>&1 | tee {log:q}"
