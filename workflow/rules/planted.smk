# In: nothing. Out: interactions and knowledge of networks whose truth is known, planted and found.
# No suite needs it: `snakemake planted` makes it in seconds and fails if anything differs.


rule planted:
    output:
        interactions="results/planted/interactions.csv",
        transfer="results/planted/transfer.csv",
    log:
        "results/logs/planted.log",
    benchmark:
        "results/benchmarks/planted.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    resources:
        gpu=local_gpus(),
    params:
        code=code("validation.planted.__main__"),
        settings=CONFIG.planted.to_json(),
    shell:
        "python -m validation.planted --settings {params.settings:q} --threads {threads}"
        " --interactions {output.interactions:q} --transfer {output.transfer:q}"
        " 2>&1 | tee {log:q}"
