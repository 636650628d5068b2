"""Experiments: which network on which data, how it is trained, and what is explained."""

from typing import Literal, NamedTuple, Self

from pydantic import model_validator

from whypretrain.settings.base import Name, Section, Seed, Title, canonical_json, digest, require
from whypretrain.settings.interactions import Sampling
from whypretrain.settings.training import Probe, RecipeChoice, TrainedVariant

Variant = Literal["probe", TrainedVariant]


class Run(NamedTuple):
    """One network, which experiments may share: everything that its weights depend on.

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
        name = f"{self.model}/{self.dataset}/{self.variant}"
        if isinstance(self.how, Probe):
            unusual = self.how.model_dump(exclude_defaults=True)
        else:
            name += f"-{self.how.recipe}-seed{self.seed}"
            unusual = self.how.override
        return f"{name}-{digest(canonical_json(unusual))[:8]}" if unusual else name


class Experiment(Section):
    """A network on a dataset: pre-trained, fine-tuned and trained from scratch."""

    extends: Name | None = None
    """Another of `experiments`, whose keys this one takes over, except for the title. Keys given
    here are laid over them; `sampling.seed: 1` changes one key inside a section."""
    model: Name
    """One of `models`."""
    dataset: Name
    """The downstream task: one of `datasets`."""
    finetune: RecipeChoice
    """How the pre-trained weights are fine-tuned."""
    scratch: RecipeChoice
    """How the same architecture is trained from random weights."""
    title: Title = ""
    """Name in figures; if empty, `<model> · <dataset>`, or the title of the experiment it extends
    with `factor` and `level`."""
    probe: Probe = Probe()
    """How the linear probe of the pre-trained network is fitted."""
    sampling: Sampling = Sampling()
    """What is explained: samples, players, baseline."""
    seed: Seed = 0
    """Seed of fine-tuning and of training from scratch: first weights, order and augmentation."""
    replicate_seed: Seed | None = None
    """Seed of a second fine-tuned network, which shows how much two of them agree; null trains
    none."""
    factor: Title = ""
    """With `extends`: the choice that differs, as the figure `sensitivity` names it."""
    level: Title = ""
    """With `factor`: what is chosen instead."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        message = f"replicate_seed = {self.replicate_seed}: must differ from seed; choose another"
        require(self.replicate_seed != self.seed, f"{message}, or null")
        given = [key for key in ("extends", "factor", "level") if getattr(self, key)]
        message = f"factor = '{self.factor}', level = '{self.level}': give both, with extends"
        require(len(given) == 3 or given in ([], ["extends"]), message)
        return self

    def runs(self) -> dict[str, Run]:
        """Its networks; `replicate` is a second fine-tuned one, with another seed."""
        seeds: dict[Variant, int] = {"probe": 0, "finetune": self.seed, "scratch": self.seed}
        found: dict[str, Run] = {
            variant: Run(self.model, self.dataset, variant, getattr(self, variant), seed)
            for variant, seed in seeds.items()
        }
        if self.replicate_seed is not None:
            found["replicate"] = found["finetune"]._replace(seed=self.replicate_seed)
        return found
