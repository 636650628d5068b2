# In: samples and the snapshots of one variant. Out: one HDF5 of interactions a snapshot.
#
# One job is one trajectory. The outputs are `update()`d: a rerun finds the last files in place and
# keeps every sample in them whose digest still holds.


rule extract:
    input:
        samples="results/experiments/{experiment}/samples.h5",
        weights=snapshots_of,
        tokenizer=tokenizer_files,
    output:
        update(
            expand(
                "results/experiments/{{experiment}}/{{trained}}/interactions-{fraction}.h5",
                fraction=SNAPSHOTS,
            )
        ),
    log:
        "results/logs/extract/{experiment}-{trained}.log",
    benchmark:
        "results/benchmarks/extract/{experiment}-{trained}.tsv"
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
        " --code {params.numerics} --threads {threads}"
        " --samples {input.samples:q} --weights {input.weights:q}"
        " --interactions {output:q} 2>&1 | tee {log:q}"


# The probed model has no trajectory, and of the replicate only the end is asked for.
use rule extract as extract_final with:
    input:
        samples="results/experiments/{experiment}/samples.h5",
        weights=lambda w: [
            f"{run_of(w.experiment, w.final)}/snapshot-{LAST_SNAPSHOT}.safetensors"
        ],
        tokenizer=tokenizer_files,
    output:
        update(
            [
                f"results/experiments/{{experiment}}/{{final}}/interactions-{LAST_SNAPSHOT}.h5"
            ]
        ),
    log:
        "results/logs/extract/{experiment}-{final}.log",
    benchmark:
        "results/benchmarks/extract/{experiment}-{final}.tsv"
