"""Operators that change colours, as GFPGAN's training does to its low-quality pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from degradations.imaging import colour
from degradations.numerics.draws import Amount, Range, bounds, draw, within
from degradations.numerics.grid import Picture
from degradations.numerics.streams import Stream
from degradations.operators.base import Frames, Operator, Place

Strength = Annotated[Range, within(0, 100)]
_CHANGES: dict[str, Callable[[Picture, float], Picture]] = {
    "brightness": colour.brightness,
    "contrast": colour.contrast,
    "saturation": colour.saturation,
    "hue": colour.hue,
}


class ColourShift(Operator):
    """Adds a constant to each channel, drawn once a clip from -`levels`..`levels` grey levels."""

    op: Literal["colour-shift"] = "colour-shift"
    levels: float = Field(gt=0, le=255)

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        red, green, blue = (stream.uniform(-self.levels, self.levels) for _ in range(3))
        place.record["levels"] = [red, green, blue]
        return (colour.shift(frame, (red, green, blue)) for frame in frames)


class ColourJitter(Operator):
    """torchvision's colour jitter: each given factor drawn once a clip, applied in random order."""

    op: Literal["colour-jitter"] = "colour-jitter"
    brightness: Strength | None = None
    contrast: Strength | None = None
    saturation: Strength | None = None
    hue: Amount | None = None

    @model_validator(mode="after")
    def _in_range(self) -> ColourJitter:
        if self.hue is not None and not -0.5 <= bounds(self.hue)[0] <= bounds(self.hue)[1] <= 0.5:
            raise ValueError(f"'hue' is a part of the colour circle, -0.5..0.5, got {self.hue}")
        return self

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        given = [name for name in _CHANGES if getattr(self, name) is not None]
        drawn = {name: draw(getattr(self, name), stream) for name in stream.order(given)}
        place.record.update(order=list(drawn), **drawn)
        return (_jittered(frame, drawn) for frame in frames)


def _jittered(frame: Picture, drawn: dict[str, float]) -> Picture:
    for name, factor in drawn.items():
        frame = _CHANGES[name](frame, factor)
    return frame


class Greyscale(Operator):
    """Takes the colour away."""

    op: Literal["greyscale"] = "greyscale"

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        return (colour.greyscale(frame) for frame in frames)
