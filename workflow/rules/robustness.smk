# In: a run's final weights and its test split. Out: its accuracy and loss there, unshifted and
# shifted.


rule robustness:
    input:
        test=lambda w: downstream_split(w, "test"),
        weights=f"results/runs/{{run}}/snapshot-{LAST_SNAPSHOT}.safetensors",
        tokenizer=tokenizer_files,
    output:
        table="results/runs/{run}/robustness.csv",
    log:
        "results/logs/robustness/{run}.log",
    benchmark:
        "results/benchmarks/robustness/{run}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    threads: cpus
    resources:
        gpu=local_gpus(),
        mem_mb=memory(measuring_robustness),
        runtime=minutes(measuring_robustness),
    params:
        code=code("whypretrain.stages.robustness"),
        settings=lambda w: CONFIG.robustness_of(w.run).to_json(),
    shell:
        "python -m whypretrain.stages.robustness --settings {params.settings:q} --threads {threads}"
        " --test {input.test:q} --weights {input.weights:q}"
        " --table {output.table:q} 2>&1 | tee {log:q}"
