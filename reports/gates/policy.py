"""The rules of a gate, from a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from degradations.reading import typed_toml
from degradations.reading.limits import MOST_SEED
from degradations.reading.typed_toml import FrozenModel

MOST_RESAMPLES = 1_000_000
Margin = Annotated[float, Field(ge=0)]


class Rule(FrozenModel):
    """What is asked of a metric: one of two bounds, in its unit. Worse and better go by its direction.

    Attributes:
        margin: NEW may be worse by so much (non-inferiority).
        better_by: NEW must be better by more than so much.
        splits: On these alone. Default: on each split.

    Example:
        >>> Rule(margin=0.05).bound, Rule(better_by=0.1).bound
        (-0.05, 0.1)
    """

    margin: Margin | None = None
    better_by: Margin | None = None
    splits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.margin is None) == (self.better_by is None):
            raise ValueError("say either margin or better_by")
        return self

    @property
    def bound(self) -> float:
        """The gain that is asked for, negative for a loss that is allowed."""
        return -self.margin if self.margin is not None else float(self.better_by or 0.0)


class Policy(FrozenModel):
    """The rules, by metric, and how intervals are made.

    Attributes:
        rules: By metric.
        level: Of the two-sided intervals.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        least_clips: With fewer clips no rule is decided.

    Example:
        >>> Policy(rules={"psnr": Rule(margin=0.05)}).level
        0.95
    """

    rules: dict[str, Rule] = Field(min_length=1)
    level: float = Field(default=0.95, gt=0.5, lt=1.0)
    resamples: int = Field(default=10_000, ge=100, le=MOST_RESAMPLES)
    seed: int = Field(default=0, ge=0, le=MOST_SEED)
    least_clips: int = Field(default=6, ge=2)


def load_policy(path: Path) -> Policy:
    """Read a policy's file. InputError names the file and what is wrong with it."""
    return typed_toml.load(Policy, path)
