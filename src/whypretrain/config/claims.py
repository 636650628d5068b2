"""What the stage `claims` needs to know."""

from whypretrain.config.figures import FigureSettings
from whypretrain.config.models import Kind


class ClaimsSettings(FigureSettings):
    """The experiments of a suite, with what each is compared as."""

    kinds: list[Kind]
    """`cnn`, `transformer` or `other`, of each experiment."""
