# In: samples and the snapshots of one variant. Out: one HDF5 with the interactions of all of them;
# per experiment the tidy tables of what they say of preserved, discarded and new knowledge.


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
    threads: cpus
    resources:
        **sized.needing(
            lambda w, input: sized.extraction(
                network_of(w), input.samples, players_of(w), len(snapshots_of(w))
            )
        ),
        gpu=start.local_gpus(),
        card=card,
    params:
        numerics=code(*NUMERICS),
        code=code("whypretrain.stages.extract"),
        settings=lambda w: CONFIG.extract(w.experiment).to_json(),
    shell:
        "python -m whypretrain.stages.extract --settings {params.settings:q}"
        " --code {params.numerics:q} --threads {threads}"
        " --samples {input.samples:q} --weights {input.weights:q}"
        " --interactions {output:q} 2>&1 | tee {log:q}"


# Of experiments that are about AND-OR interactions, or where it is asked for.
rule decompose:
    input:
        record="results/experiments/{experiment}/{variant}.h5",
    output:
        splits="results/experiments/{experiment}/and_or/{variant}.h5",
    log:
        "results/logs/decompose/{experiment}-{variant}.log",
    benchmark:
        "results/benchmarks/decompose/{experiment}-{variant}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    resources:
        **sized.needing(
            lambda w, input: sized.decomposition(
                input.record, players_of(w), n_networks=len(snapshots_of(w))
            )
        ),
    params:
        code=code("whypretrain.stages.decompose"),
        settings=lambda w: CONFIG.decompose(w.experiment).to_json(),
    shell:
        "python -m whypretrain.stages.decompose --settings {params.settings:q}"
        " --record {input.record:q} --splits {output.splits:q} 2>&1 | tee {log:q}"


rule knowledge:
    input:
        samples="results/experiments/{experiment}/samples.h5",
        probe="results/experiments/{experiment}/probe.h5",
        finetune=lambda w: records_of(w.experiment, "finetune"),
        scratch=lambda w: records_of(w.experiment, "scratch"),
        splits=lambda w: splits_of(w.experiment, variants_of(w.experiment, *VARIANTS)),
        histories=lambda w: of_networks(
            w.experiment, variants_of(w.experiment, *VARIANTS), "history.csv"
        ),
        robustness=lambda w: of_networks(w.experiment, VARIANTS, "robustness.csv"),
        test=split("test"),
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
        **sized.needing(
            lambda w, input: sized.comparison(
                input.probe,
                players_of(w),
                n_networks=len(CONFIG.variants(w.experiment)) + 2 * len(SNAPSHOTS),
                and_or=bool(input.splits),
            )
        ),
    params:
        code=code("whypretrain.stages.knowledge"),
        settings=lambda w: CONFIG.knowledge(w.experiment).to_json(),
        folder=lambda w: f"results/experiments/{w.experiment}/tables",
    shell:
        "python -m whypretrain.stages.knowledge --settings {params.settings:q}"
        " --samples {input.samples:q} --probe {input.probe:q} --finetune {input.finetune:q}"
        " --scratch {input.scratch:q} --splits {input.splits:q} --histories {input.histories:q}"
        " --robustness {input.robustness:q} --test {input.test:q}"
        " --tables {params.folder:q} --summary {output.summary:q} 2>&1 | tee {log:q}"


# All networks of an experiment with further variants, two by two.
rule adapting:
    input:
        records=lambda w: [
            f"results/experiments/{w.experiment}/{variant}.h5"
            for variant in CONFIG.variants(w.experiment)
        ],
        splits=lambda w: splits_of(w.experiment, CONFIG.variants(w.experiment)),
        histories=lambda w: of_networks(
            w.experiment, CONFIG.variants(w.experiment), "history.csv"
        ),
        test=split("test"),
    output:
        table="results/experiments/{experiment}/adapting.csv",
    log:
        "results/logs/adapting/{experiment}.log",
    benchmark:
        "results/benchmarks/adapting/{experiment}.tsv"
    wildcard_constraints:
        experiment=one_of(
            name for name, own in CONFIG.experiments.items() if own.variants
        ),
    conda:
        "../../envs/whypretrain.yaml"
    resources:
        **sized.needing(
            lambda w, input: sized.comparison(
                input.records[0],
                players_of(w),
                n_networks=len(input.records),
                and_or=bool(input.splits),
            )
        ),
    params:
        code=code("whypretrain.stages.adapting"),
        settings=lambda w: CONFIG.adapting(w.experiment).to_json(),
    shell:
        "python -m whypretrain.stages.adapting --settings {params.settings:q}"
        " --records {input.records:q} --splits {input.splits:q} --histories {input.histories:q}"
        " --test {input.test:q} --table {output.table:q} 2>&1 | tee {log:q}"
