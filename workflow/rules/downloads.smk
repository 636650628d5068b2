# In: nothing but the network, and no code: the revision or checksum says what comes. Out: datasets
# and weights at fixed revisions, in resources/. Local rules: on a cluster, the login node has a
# network and the others may not.


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
