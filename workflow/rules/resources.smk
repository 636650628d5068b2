# What jobs ask a cluster for, as functions of the experiment, its data and the attempt; the sums are
# in workflow.lib.resources. A plain local run ignores them. What has none here takes the profile's.
from workflow.lib import resources as sized


def memory(needs):
    """A resource function: `mem_mb` of a job that needs this."""
    return lambda wildcards, input, attempt: needs(wildcards, input).at(attempt).mem_mb


def minutes(needs):
    """A resource function: `runtime` of a job that needs this."""
    return lambda wildcards, input, attempt: needs(wildcards, input).at(attempt).runtime


def model_of(wildcards):
    """The network that a job is about, as configured."""
    name = wildcards.get("model") or subject(wildcards).model
    return CONFIG.models[name]


def cpus(wildcards):
    """How many threads a job that trains or measures a network takes, where it may."""
    return sized.cpus(model_of(wildcards))


def players_of(wildcards):
    """How many players the samples of an experiment have."""
    return CONFIG.experiments[wildcards.experiment].sampling.players.n


def upstream_training(wildcards, input):
    recipe = CONFIG.pretrain(wildcards.model).recipe
    return sized.training(model_of(wildcards), recipe, input.train, input.test)


def downstream_training(wildcards, input):
    recipe = CONFIG.train(wildcards.run).recipe
    return sized.training(model_of(wildcards), recipe, input.train, input.test)


def probing(wildcards, input):
    return sized.passing(model_of(wildcards), [input.train, input.test], times=1)


def measuring_robustness(wildcards, input):
    times = len(CONFIG.robustness_of(wildcards.run).shifts())
    return sized.passing(model_of(wildcards), [input.test], times)


def extracting(wildcards, input):
    networks = [input.weights] if isinstance(input.weights, str) else input.weights
    return sized.extraction(
        model_of(wildcards), input.samples, players_of(wildcards), len(networks)
    )


def comparing(wildcards, input):
    networks = 2 + 2 * len(SNAPSHOTS)
    return sized.comparison(input.probe, players_of(wildcards), networks)


def converting(wildcards, input):
    return sized.loading(model_of(wildcards))
