# In: interactions and histories of an experiment. Out: its tidy tables.


rule knowledge:
    input:
        probe=f"results/experiments/{{experiment}}/probe/interactions-{LAST_SNAPSHOT}.h5",
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
    output:
        expand("results/experiments/{{experiment}}/tables/{table}.csv", table=TABLES),
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
        folder=subpath(output[0], parent=True),
        replicate=lambda w, input: [f"--replicate={path}" for path in input.replicate],
    shell:
        "python -m whypretrain.stages.knowledge --settings {params.settings:q}"
        " --probe {input.probe:q} --finetune {input.finetune:q}"
        " --scratch {input.scratch:q} --histories {input.histories:q}"
        " --test {input.test:q} {params.replicate:q} --tables {params.folder:q} 2>&1 | tee {log:q}"
