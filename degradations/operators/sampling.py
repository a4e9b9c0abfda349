"""Operators that change the size of frames or the grid of their values."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from degradations.errors import InputError, did_you_mean
from degradations.imaging.resize import METHODS, resize, subsample
from degradations.numerics.draws import Choice, Factor, Range, Step, Walk, bounds, draw, names, pick
from degradations.numerics.grid import Picture, whole
from degradations.numerics.streams import Stream
from degradations.operators.base import Drawn, Frames, Operator, Place
from degradations.reading.limits import LEAST_FACTOR, MOST_FACTOR, MOST_PIXELS

MODES = ("up", "down", "keep")
SAME = "same"


class Resize(Operator):
    """Resizing by a drawn `method` ("same": that of the resize before), to a size given in one of three ways.

    `factor`: the frame's sides divided by it, cut to whole pixels. `to_scale`: the clean frames' sides
    divided by it. `zoom`: Real-ESRGAN's random resizing, a range [low, high] around 1 whose upper or lower
    part is drawn by `zoom_mode`, relative to the frame or (`zoom_of`) to the clean frames' sides divided by
    that; it may walk by `zoom_step`, and `even` keeps sides even.
    """

    op: Literal["resize"] = "resize"
    method: Choice
    factor: Factor | None = None
    to_scale: float | None = Field(default=None, ge=LEAST_FACTOR, le=MOST_FACTOR)
    zoom: Factor | None = None
    zoom_mode: Choice = "keep"
    zoom_of: float | None = Field(default=None, ge=LEAST_FACTOR, le=MOST_FACTOR)
    zoom_step: Step = 0.0
    even: bool = False
    draw: Drawn = "clip"

    @model_validator(mode="after")
    def _complete(self) -> Resize:
        for method in names(self.method):
            if method not in METHODS and self.method != SAME:
                raise did_you_mean("resize method", method, [*METHODS, SAME])
        if self.method == SAME and (self.zoom is not None or self.draw == "frame"):
            raise ValueError(f"method {SAME!r} is for a 'factor' or 'to_scale' drawn once a clip")
        given = [key for key in ("factor", "to_scale", "zoom") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError("exactly one of 'factor', 'to_scale' and 'zoom' is needed")
        for mode in names(self.zoom_mode):
            if mode not in MODES:
                raise did_you_mean("zoom mode", mode, MODES)
        if self.zoom is not None:
            low, high = bounds(self.zoom)
            if not low <= 1 <= high:
                raise ValueError(f"'zoom' is a range around 1, got [{low:g}, {high:g}]")
            if self.draw == "frame":
                raise ValueError("'zoom' is drawn once a clip and may walk: remove draw = \"frame\"")
        return self

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        if self.zoom is not None:
            return self._zoomed(frames, place, stream)
        if self.draw == "frame":
            return self._anew(frames, place)
        method = self._method(place, stream)
        factor = None if self.factor is None else draw(self.factor, stream)
        place.record.update(method=method, **_known(factor=factor))
        return (resize(frame, *self._size(frame, factor, place), method) for frame in frames)

    def _method(self, place: Place, stream: Stream) -> str:
        """The clip's method, which a later resize may take over."""
        if self.method != SAME:
            place.run.resize_method = pick(self.method, METHODS, stream)
        elif place.run.resize_method is None:
            raise InputError(f"a resize with method {SAME!r} needs one before it that draws once a clip")
        return place.run.resize_method

    def _anew(self, frames: Frames, place: Place) -> Frames:
        for index, frame in enumerate(frames):
            numbers = place.stream(index)
            method = pick(self.method, METHODS, numbers)
            factor = None if self.factor is None else draw(self.factor, numbers)
            place.note_frame(method=method, **_known(factor=factor))
            yield resize(frame, *self._size(frame, factor, place), method)

    def _zoomed(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        method = pick(self.method, METHODS, stream)
        mode = pick(self.zoom_mode, MODES, stream)
        low, high = bounds(self.zoom or 1.0)
        starts: dict[str, Range] = {"up": (1.0, high), "down": (low, 1.0), "keep": 1.0}
        place.record.update(method=method, mode=mode)
        walk = Walk(starts[mode], self.zoom_step, stream, within=(low, high))
        for index, frame in enumerate(frames):
            if index:
                walk.advance(place.stream(index))
            base = frame.shape[:2]
            if self.zoom_of is not None:
                base = (place.run.truth_size[0] / self.zoom_of, place.run.truth_size[1] / self.zoom_of)
            height, width = (self._side(side * walk.value) for side in base)
            _check_size(height, width)
            place.note_frame(zoom=walk.value, size=[height, width])
            yield resize(frame, height, width, method)

    def _size(self, frame: Picture, factor: float | None, place: Place) -> tuple[int, int]:
        sides = frame.shape[:2] if self.to_scale is None else place.run.truth_size
        divisor = factor if self.to_scale is None else self.to_scale
        height, width = (self._side(side / (divisor or 1.0)) for side in sides)
        _check_size(height, width)
        return height, width

    def _side(self, length: float) -> int:
        return max(2, int(length) // 2 * 2) if self.even else max(1, int(length))

    def scale_after(self, scale: float | None) -> float | None:
        if self.to_scale is not None:
            return self.to_scale
        if scale is None or self.factor is None or isinstance(self.factor, tuple):
            return None
        return scale * self.factor


class Subsample(Operator):
    """Keeps every `step`-th pixel of every `step`-th row, from pixel `phase` on."""

    op: Literal["subsample"] = "subsample"
    step: int = Field(ge=1, le=int(MOST_FACTOR))
    phase: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _in_range(self) -> Subsample:
        if self.phase >= self.step:
            raise ValueError(f"'phase' is below 'step' ({self.step}), got {self.phase}")
        return self

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        return (subsample(frame, self.step, self.phase) for frame in frames)

    def scale_after(self, scale: float | None) -> float | None:
        return None if scale is None else scale * self.step


class Quantize(Operator):
    """Whole grey levels, cut to 0..255: rounded (ties to even), or truncated as a plain cast does."""

    op: Literal["quantize"] = "quantize"
    rounding: Literal["round", "truncate"] = "round"

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        truncate = self.rounding == "truncate"
        return (whole(frame, truncate) for frame in frames)


def _check_size(height: int, width: int) -> None:
    """Several enlargements in a row may ask for more than fits any memory."""
    if height * width > MOST_PIXELS:
        raise InputError(
            f"the recipe enlarges frames to {width}x{height}; {MOST_PIXELS} pixels are the most (8192x8192)"
        )


def _known(**values: float | None) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}
