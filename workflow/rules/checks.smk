# In: nothing but settings. Out: planted truth and what is found of it; how often answers to claims are
# wrong, and intervals miss the truth, in simulated worlds. No suite needs them: `planted` takes
# seconds, `simulation` about ten minutes.


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
        gpu=start.local_gpus(),
    params:
        code=code("validation.planted.__main__"),
        settings=CONFIG.planted.to_json(),
    shell:
        "python -m validation.planted --settings {params.settings:q} --threads {threads}"
        " --interactions {output.interactions:q} --transfer {output.transfer:q}"
        " 2>&1 | tee {log:q}"


rule simulation:
    output:
        rates="results/simulation/rates.csv",
        numbers="results/simulation/numbers.csv",
        coverage="results/simulation/coverage.csv",
    log:
        "results/logs/simulation.log",
    benchmark:
        "results/benchmarks/simulation.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code("validation.simulation.__main__"),
        settings=CONFIG.statistics.to_json(),
    shell:
        "python -m validation.simulation --settings {params.settings:q}"
        " --rates {output.rates:q} --numbers {output.numbers:q} --coverage {output.coverage:q}"
        " 2>&1 | tee {log:q}"
