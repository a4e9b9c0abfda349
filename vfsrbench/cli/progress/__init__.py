"""Progress of a verb: a live display in a terminal, lines elsewhere, nothing with `--quiet`."""

from vfsrbench.cli.progress.display import telling
from vfsrbench.cli.progress.steps import Paced, StepBar

__all__ = ["Paced", "StepBar", "telling"]
