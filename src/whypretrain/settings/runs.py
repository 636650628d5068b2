"""Runs: the networks of experiments, named so that experiments share equal ones."""

from typing import Literal, NamedTuple

from whypretrain.settings.identity import canonical_json, digest
from whypretrain.settings.training import Probe, RecipeChoice, TrainedVariant

Variant = Literal["probe", TrainedVariant]
ModelName = Literal[Variant, "replicate"]
"""The networks of an experiment; `replicate` is a second fine-tuned one with another seed."""


class Run(NamedTuple):
    """One network: everything that its weights depend on.

    `how` is the probe of the pre-trained network, or the recipe of the training.
    """

    model: str
    dataset: str
    variant: Variant
    how: Probe | RecipeChoice
    seed: int

    @property
    def name(self) -> str:
        """Folder under `results/runs/`; it ends with a digest of any unusual options.

        >>> Run("vgg16", "cub", "probe", Probe(), 0).name
        'vgg16/cub/probe'
        >>> Run("vgg16", "cub", "finetune", RecipeChoice(recipe="vgg_finetune"), 1).name
        'vgg16/cub/finetune-vgg_finetune-seed1'
        """
        if isinstance(self.how, Probe):
            stem, unusual = str(self.variant), self.how.model_dump(exclude_defaults=True)
        else:
            stem = f"{self.variant}-{self.how.recipe}-seed{self.seed}"
            unusual = self.how.override
        if unusual:
            stem += "-" + digest(canonical_json(unusual))[:8]
        return f"{self.model}/{self.dataset}/{stem}"
