# In: nothing but the options of the statistics. Out: how often the verdicts on claims are wrong.


rule simulation:
    output:
        rates="results/simulation/rates.csv",
    log:
        "results/logs/simulation.log",
    benchmark:
        "results/benchmarks/simulation.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    params:
        code=code("validation.simulation"),
        settings=CONFIG.statistics.to_json(),
    shell:
        "python -m validation.simulation --settings {params.settings:q}"
        " --output {output.rates:q} 2>&1 | tee {log:q}"
