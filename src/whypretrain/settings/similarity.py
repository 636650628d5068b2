"""Which networks' features are compared."""

from whypretrain.settings.base import Section
from whypretrain.settings.models import Architecture


class SimilaritySettings(Section):
    experiment: str
    architecture: Architecture
    variants: list[str]
