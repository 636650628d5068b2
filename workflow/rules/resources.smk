# What jobs ask a cluster for, as functions of the experiment, its data and the attempt; the sums are
# in workflow.lib.resources. A plain local run ignores them. What has none here takes the profile's.
from workflow.lib import resources as sized


def memory(needs):
    """A resource function: `mem_mb` of a job that needs this."""
    return lambda wildcards, input, attempt: needs(wildcards, input).at(attempt).mem_mb


def minutes(needs):
    """A resource function: `runtime` of a job that needs this."""
    return lambda wildcards, input, attempt: needs(wildcards, input).at(attempt).runtime


def network_of(wildcards):
    """The size of the network that a job is about."""
    name = wildcards.get("model") or subject(wildcards).model
    return sized.network(name, CONFIG.models[name])


def cpus(wildcards):
    """How many threads a job that trains or measures a network takes, where it may."""
    return network_of(wildcards).cpus


def players_of(wildcards):
    """How many players the samples of an experiment have."""
    return CONFIG.experiments[wildcards.experiment].sampling.players.n


def upstream_training(wildcards, input):
    recipe = CONFIG.pretrain(wildcards.model).recipe
    return sized.training(network_of(wildcards), recipe, input.train, input.test)


def downstream_training(wildcards, input):
    recipe = CONFIG.train(wildcards.run).recipe
    return sized.training(network_of(wildcards), recipe, input.train, input.test)


def probing(wildcards, input):
    return sized.passing(network_of(wildcards), [input.train, input.test], times=1)


def measuring_robustness(wildcards, input):
    times = len(CONFIG.robustness_of(wildcards.run).shifts())
    return sized.passing(network_of(wildcards), [input.test], times)


def extracting(wildcards, input):
    networks = [input.weights] if isinstance(input.weights, str) else input.weights
    players = players_of(wildcards)
    return sized.extraction(
        network_of(wildcards), input.samples, players, len(networks)
    )


def comparing(wildcards, input):
    networks = 2 + 2 * len(SNAPSHOTS)
    return sized.comparison(input.probe, players_of(wildcards), networks)


def converting(wildcards, input):
    return sized.passing(network_of(wildcards), [], times=0)
