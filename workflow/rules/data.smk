# In: a dataset's source. Out: its splits (Parquet); per experiment the samples, players, baseline.
#
# What reads a person's own files goes before what takes hours: a mistake shows at once.


# Downloads, at fixed revisions, into resources/. They depend on no code: the revision or checksum
# says what comes. On a cluster, the login node has a network and the others may not.
localrules:
    fetch_dataset,
    fetch_weights,


rule fetch_dataset:
    output:
        fetched="resources/datasets/{dataset}/fetched.json",
    log:
        "results/logs/fetch_dataset/{dataset}.log",
    retries: 3
    conda:
        "../../envs/whypretrain.yaml"
    params:
        settings=lambda w: CONFIG.fetch_dataset(w.dataset).to_json(),
        folder=subpath(output.fetched, parent=True),
    shell:
        "HF_HUB_OFFLINE=0 python -m whypretrain.stages.fetch --settings {params.settings:q}"
        " --folder {params.folder:q} 2>&1 | tee {log:q}"


use rule fetch_dataset as fetch_weights with:
    output:
        fetched="resources/weights/{model}/fetched.json",
    log:
        "results/logs/fetch_weights/{model}.log",
    params:
        settings=lambda w: CONFIG.fetch_weights(w.model).to_json(),
        folder=subpath(output.fetched, parent=True),


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
        own_files=lambda w: start.fingerprints(
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
        train=split("train"),
        test=split("test"),
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
