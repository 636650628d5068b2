# In: a dataset's source. Out: its splits (Parquet); per experiment the samples, players, baseline.
#
# What reads a person's own files goes before what takes hours: a mistake shows at once.


rule prepare:
    input:
        downloaded=downloaded_dataset,
    output:
        train="results/datasets/{dataset}/train.parquet",
        test="results/datasets/{dataset}/test.parquet",
    log:
        "results/logs/prepare/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}.tsv"
    priority: 10
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code("whypretrain.stages.prepare"),
        settings=lambda w: CONFIG.prepare(w.dataset).to_json(),
        own_files=lambda w: fingerprints(
            getattr(CONFIG.datasets[w.dataset], "own_files", [])
        ),
        downloaded=lambda w, input: [
            f"--downloaded={Path(path).parent}" for path in input.downloaded
        ],
    shell:
        "python -m whypretrain.stages.prepare --settings {params.settings:q}"
        " {params.downloaded:q} --train {output.train:q} --test {output.test:q} 2>&1 | tee {log:q}"


rule samples:
    input:
        train=lambda w: downstream_split(w, "train"),
        test=lambda w: downstream_split(w, "test"),
        tokenizer=tokenizer_files,
        annotations=annotation_file,
    output:
        samples="results/experiments/{experiment}/samples.h5",
        table="results/experiments/{experiment}/samples.csv",
    log:
        "results/logs/samples/{experiment}.log",
    benchmark:
        "results/benchmarks/samples/{experiment}.tsv"
    priority: 10
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code("whypretrain.stages.samples"),
        settings=lambda w: CONFIG.samples(w.experiment).to_json(),
    shell:
        "python -m whypretrain.stages.samples --settings {params.settings:q}"
        " --train {input.train:q} --test {input.test:q}"
        " --samples {output.samples:q} --table {output.table:q} 2>&1 | tee {log:q}"
