"""Operators made of operators: one of several, or several in random order."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from degradations.numerics.draws import Share
from degradations.numerics.streams import Stream
from degradations.operators.base import Frames, Operator, Place, chain, scale_through

Operators = tuple[Operator, ...]


class Choose(Operator):
    """Applies one of the `options` (each a list of operators), drawn once a clip by `weights`."""

    op: Literal["choose"] = "choose"
    options: tuple[Operators, ...]
    weights: tuple[Share, ...]

    @model_validator(mode="after")
    def _complete(self) -> Choose:
        if not self.options or len(self.options) != len(self.weights):
            raise ValueError(f"{len(self.options)} options need as many weights, got {len(self.weights)}")
        if not 0.999 < sum(self.weights) < 1.001:
            raise ValueError(f"'weights' add up to 1, not to {sum(self.weights):g}")
        return self

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        chosen = stream.choice(dict(enumerate(self.weights)))
        place.record["chosen"] = chosen
        before = sum(len(option) for option in self.options[:chosen])
        return chain(self.options[chosen], frames, place, first=before)

    def scale_after(self, scale: float | None) -> float | None:
        found = {scale_through(option, scale) for option in self.options}
        return found.pop() if len(found) == 1 else None


class Shuffle(Operator):
    """Applies all `groups` (each a list of operators kept in order), one after the other in random order."""

    op: Literal["shuffle"] = "shuffle"
    groups: tuple[Operators, ...]

    @model_validator(mode="after")
    def _complete(self) -> Shuffle:
        if len(self.groups) < 2:
            raise ValueError("shuffling needs at least two groups")
        return self

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        order = stream.order(range(len(self.groups)))
        place.record["order"] = order
        for group in order:
            before = sum(len(other) for other in self.groups[:group])
            frames = chain(self.groups[group], frames, place, first=before)
        return frames

    def scale_after(self, scale: float | None) -> float | None:
        for group in self.groups:
            scale = scale_through(group, scale)
        return scale
