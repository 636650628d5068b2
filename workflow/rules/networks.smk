# In: splits, weights from elsewhere. Out: pre-trained weights; and runs, which experiments share:
# linear probes, and fine-tuned and scratch models with snapshots, histories and robustness; per
# experiment, how alike the features of its networks are.


rule pretrain:
    input:
        train=split("train"),
        test=split("test"),
    output:
        weights="results/pretrained/{model}/weights.safetensors",
        history="results/pretrained/{model}/history.csv",
    log:
        "results/logs/pretrain/{model}.log",
    benchmark:
        "results/benchmarks/pretrain/{model}.tsv"
    wildcard_constraints:
        model=one_of(TRAINED_HERE),
    conda:
        "../../envs/whypretrain.yaml"
    threads: cpus
    resources:
        **training(lambda w: CONFIG.pretrain(w.model)),
        gpu=start.local_gpus(),
        card=card,
    params:
        code=code("whypretrain.stages.pretrain"),
        settings=lambda w: CONFIG.pretrain(w.model).to_json(),
    shell:
        "python -m whypretrain.stages.pretrain --settings {params.settings:q}"
        " --code {params.code:q} --threads {threads}"
        " --train {input.train:q} --test {input.test:q}"
        " --weights {output.weights:q} --history {output.history:q} 2>&1 | tee {log:q}"


rule convert:
    input:
        lambda w: expand(
            "resources/weights/{model}/fetched.json",
            model=[w.model] if CONFIG.models[w.model].weights.hub else [],
        ),
    output:
        weights="results/pretrained/{model}/weights.safetensors",
    log:
        "results/logs/convert/{model}.log",
    benchmark:
        "results/benchmarks/convert/{model}.tsv"
    wildcard_constraints:
        model=one_of(set(CONFIG.models) - {*TRAINED_HERE, *TEXT_MODELS}),
    priority: 10  # it reads a person's own files
    conda:
        "../../envs/whypretrain.yaml"
    resources:
        **sized.needing(lambda w, input: sized.passing(network_of(w), [], times=0)),
    params:
        code=code("whypretrain.stages.convert"),
        settings=lambda w: CONFIG.convert(w.model).to_json(),
        source=lambda w: (
            CONFIG.models[w.model].weights.path or f"resources/weights/{w.model}"
        ),
        own_files=lambda w: start.fingerprints([CONFIG.models[w.model].weights.path]),
    shell:
        "python -m whypretrain.stages.convert --settings {params.settings:q}"
        " --source={params.source:q} --weights {output.weights:q} 2>&1 | tee {log:q}"


# A text model's configuration and tokenizer come with its weights.
use rule convert as convert_text with:
    output:
        expand("results/pretrained/{{model}}/transformers/{name}", name=TOKENIZER),
        weights="results/pretrained/{model}/weights.safetensors",
    wildcard_constraints:
        model=one_of(TEXT_MODELS),


rule probe:
    input:
        train=split("train"),
        test=split("test"),
        pretrained=pretrained_weights,
        tokenizer=tokenizer_files,
    output:
        weights=f"results/runs/{{run}}/snapshot-{SNAPSHOTS[-1]}.safetensors",
        history="results/runs/{run}/history.csv",
    log:
        "results/logs/probe/{run}.log",
    benchmark:
        "results/benchmarks/probe/{run}.tsv"
    wildcard_constraints:
        run=one_of(runs_of("probe")),
    conda:
        "../../envs/whypretrain.yaml"
    threads: cpus
    resources:
        **sized.needing(
            lambda w, input: sized.passing(
                network_of(w), [input.train, input.test], times=1
            )
        ),
        gpu=start.local_gpus(),
        card=card,
    params:
        code=code("whypretrain.stages.probe"),
        settings=lambda w: CONFIG.probe(w.run).to_json(),
    shell:
        "python -m whypretrain.stages.probe --settings {params.settings:q} --threads {threads}"
        " --train {input.train:q} --test {input.test:q} --pretrained {input.pretrained:q}"
        " --weights {output.weights:q} --history {output.history:q} 2>&1 | tee {log:q}"


# The fine-tuned network, which starts from pre-trained weights, the one from scratch, and networks
# that go on from the end of another run.
rule train:
    input:
        train=split("train"),
        test=split("test"),
        pretrained=lambda w: (
            [pretrained_weights(w)] if RUNS[w.run].variant == "finetune" else []
        ),
        start=lambda w: expand(
            f"results/runs/{{run}}/snapshot-{SNAPSHOTS[-1]}.safetensors",
            run=[RUNS[w.run].start] if RUNS[w.run].start else [],
        ),
        tokenizer=tokenizer_files,
    output:
        snapshots=expand(
            "results/runs/{{run}}/snapshot-{fraction}.safetensors",
            fraction=SNAPSHOTS,
        ),
        history="results/runs/{run}/history.csv",
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    wildcard_constraints:
        run=one_of(set(runs_of("finetune", "scratch", "continued")) & WHOLE_RUNS),
    conda:
        "../../envs/whypretrain.yaml"
    threads: cpus
    resources:
        **training(lambda w: CONFIG.train(w.run)),
        gpu=start.local_gpus(),
        card=card,
    params:
        code=code("whypretrain.stages.train"),
        settings=lambda w: CONFIG.train(w.run).to_json(),
        pretrained=lambda w, input: [
            f"--pretrained={path}" for path in input.pretrained
        ]
        + [f"--start={path}" for path in input.start],
        folder=subpath(output.history, parent=True),
    shell:
        "python -m whypretrain.stages.train --settings {params.settings:q}"
        " --code {params.code:q} --threads {threads}"
        " --train {input.train:q} --test {input.test:q} {params.pretrained:q}"
        " --folder {params.folder:q} 2>&1 | tee {log:q}"


# A network of a further seed or variant, of which only the last snapshot is measured.
use rule train as train_ends with:
    output:
        snapshots=expand(
            "results/runs/{{run}}/snapshot-{fraction}.safetensors",
            fraction=[SNAPSHOTS[0], SNAPSHOTS[-1]],
        ),
        history="results/runs/{run}/history.csv",
    wildcard_constraints:
        run=one_of(set(runs_of("finetune", "scratch", "continued")) - WHOLE_RUNS),


# Accuracy and loss of final weights on the test split, unshifted and shifted.
rule robustness:
    input:
        test=split("test"),
        weights=f"results/runs/{{run}}/snapshot-{SNAPSHOTS[-1]}.safetensors",
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
        **sized.needing(
            lambda w, input: sized.passing(
                network_of(w), [input.test], CONFIG.robustness_of(w.run).n_passes()
            )
        ),
        gpu=start.local_gpus(),
        card=card,
    params:
        code=code("whypretrain.stages.robustness"),
        settings=lambda w: CONFIG.robustness_of(w.run).to_json(),
    shell:
        "python -m whypretrain.stages.robustness --settings {params.settings:q} --threads {threads}"
        " --test {input.test:q} --weights {input.weights:q}"
        " --table {output.table:q} 2>&1 | tee {log:q}"


# All final networks of an experiment, two by two, on the test split.
rule similarity:
    input:
        test=split("test"),
        weights=lambda w: [
            f"{run_of(w.experiment, variant)}/snapshot-{SNAPSHOTS[-1]}.safetensors"
            for variant in CONFIG.variants(w.experiment)
        ],
        tokenizer=tokenizer_files,
    output:
        table="results/experiments/{experiment}/tables/similarity.csv",
    log:
        "results/logs/similarity/{experiment}.log",
    benchmark:
        "results/benchmarks/similarity/{experiment}.tsv"
    conda:
        "../../envs/whypretrain.yaml"
    threads: cpus
    resources:
        **sized.needing(
            lambda w, input: sized.passing(
                network_of(w), [input.test], len(input.weights)
            )
        ),
        gpu=start.local_gpus(),
        card=card,
    params:
        code=code("whypretrain.stages.similarity"),
        settings=lambda w: CONFIG.similarity(w.experiment).to_json(),
    shell:
        "python -m whypretrain.stages.similarity --settings {params.settings:q} --threads {threads}"
        " --test {input.test:q} --weights {input.weights:q}"
        " --table {output.table:q} 2>&1 | tee {log:q}"
