"""An experiment: which network on which data, how it is trained, and what is explained."""

from typing import Self

from pydantic import model_validator

from whypretrain.settings.base import Name, Section, Seed, Title
from whypretrain.settings.interactions import Sampling
from whypretrain.settings.training import Probe, RecipeChoice


class Experiment(Section):
    """An architecture on a dataset: three models, their interactions, their comparison."""

    model: Name
    """One of `models`."""
    dataset: Name
    """The downstream task: one of `datasets`."""
    finetune: RecipeChoice
    """How the pre-trained weights are fine-tuned."""
    scratch: RecipeChoice
    """How the same architecture is trained from random weights."""
    title: Title = ""
    """How figures call it; `<model> · <dataset>` if empty."""
    probe: Probe = Probe()
    """How the linear probe of the pre-trained model is fitted."""
    sampling: Sampling = Sampling()
    """What is explained: samples, players, baseline."""
    seed: Seed = 0
    """Of fine-tuning and of training from scratch: first weights, order and augmentation."""
    replicate_seed: Seed | None = None
    """Of a second fine-tuned network, which says how alike two of them are; null trains none."""

    @model_validator(mode="after")
    def _replicate_differs(self) -> Self:
        if self.replicate_seed == self.seed:
            message = (
                f"replicate_seed = {self.replicate_seed}: must differ from seed; choose another, "
                f"or null"
            )
            raise ValueError(message)
        return self
