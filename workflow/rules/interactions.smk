# In: samples and the snapshots of one variant. Out: one HDF5 with the interactions of all of them.
#
# One job is one trajectory. The output is `update()`d: a rerun finds the last file in place and
# keeps every (snapshot, sample) whose digest still holds.


rule extract:
    input:
        samples="results/experiments/{experiment}/samples.h5",
        weights=snapshots_of,
        tokenizer=tokenizer_files,
    output:
        update("results/experiments/{experiment}/{variant}.h5"),
    log:
        "results/logs/extract/{experiment}-{variant}.log",
    benchmark:
        "results/benchmarks/extract/{experiment}-{variant}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    resources:
        gpu=local_gpus(),
        mem_mb=memory(extracting),
        runtime=minutes(extracting),
    params:
        numerics=code(*NUMERICS),
        code=code("whypretrain.stages.extract"),
        settings=lambda w: CONFIG.extract(w.experiment).to_json(),
    shell:
        "python -m whypretrain.stages.extract --settings {params.settings:q}"
        " --code {params.numerics:q} --threads {threads}"
        " --samples {input.samples:q} --weights {input.weights:q}"
        " --interactions {output:q} 2>&1 | tee {log:q}"
