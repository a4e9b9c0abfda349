"""What all operators share: typed settings, their place in a recipe, and frames that flow through them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from degradations.numerics.draws import Share
from degradations.numerics.grid import Picture
from degradations.numerics.streams import Stream
from degradations.reading.typed_toml import FrozenModel

Frames = Iterator[Picture]
Record = dict[str, Any]
Drawn = Literal["clip", "frame"]
"""When an operator's values are drawn: once a clip, or anew for every frame."""


@dataclass
class ClipRun:
    """One clip on its way through a recipe."""

    numbers: str
    """The recipe version whose random numbers are drawn, such as vfhq-mild@1."""
    seed: int
    name: str
    fps: float
    truth_size: tuple[int, int]
    """Height and width of the clean frames."""
    resize_method: str | None = None
    """The method that the last resize drew for the whole clip."""
    before_codec: str | None = None
    """Digest of the frames that entered the first codec, once it has seen them all."""


@dataclass
class Place:
    """Where an operator stands in the recipe: its random numbers, and the record of what it drew."""

    run: ClipRun
    path: str
    record: Record = field(default_factory=dict)

    def stream(self, frame: int | None = None) -> Stream:
        """The random numbers for the whole clip, or for one frame."""
        return Stream(self.run.numbers, self.run.seed, self.run.name, self.path, frame)

    def note_frame(self, **values: Any) -> None:
        """Record what was drawn for the next frame."""
        self.record.setdefault("frames", []).append(values)

    def inner(self, index: int, op: str) -> Place:
        """The place of an operator inside this one; its record is added to this one's."""
        place = Place(self.run, f"{self.path}/{index}:{op}", {"op": op})
        self.record.setdefault("operators", []).append(place.record)
        return place


class Operator(FrozenModel, ABC):
    """One step of a recipe. `probability`: the share of clips that it is applied to."""

    op: str
    probability: Share = 1.0

    def run(self, frames: Frames, place: Place) -> Frames:
        """The frames, changed. What holds for the whole clip is drawn at once, the rest as frames flow."""
        stream = place.stream()
        if self.probability < 1:
            place.record["applied"] = stream.unit() < self.probability
            if not place.record["applied"]:
                return frames
        return self.apply(frames, place, stream)

    @abstractmethod
    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        """`run` without its dice: `stream` holds the clip's random numbers."""

    def content(self) -> Record:
        """The settings that differ from their defaults, as plain JSON values."""
        fields = type(self).model_fields.items()
        given = {name: getattr(self, name) for name, field in fields if getattr(self, name) != field.default}
        return {"op": self.op, **{name: plain(value) for name, value in given.items()}}

    def scale_after(self, scale: float | None) -> float | None:
        """Clean size over frame size behind this operator, given it before; None if that is drawn."""
        return scale


def plain(value: Any) -> Any:
    """Settings as JSON values: tuples become lists, operators their content."""
    if isinstance(value, Operator):
        return value.content()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def chain(operators: tuple[Operator, ...], frames: Frames, place: Place, first: int = 0) -> Frames:
    """The frames through all operators in turn."""
    for index, operator in enumerate(operators, start=first):
        frames = operator.run(frames, place.inner(index, operator.op))
    return frames


def scale_through(operators: tuple[Operator, ...], scale: float | None) -> float | None:
    """`scale_after` of a list of operators."""
    for operator in operators:
        scale = operator.scale_after(scale)
    return scale
