"""Operators that filter: blur with any of the published kernels, and unsharp masking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from degradations.errors import did_you_mean
from degradations.imaging import kernels
from degradations.imaging.filters import Filter
from degradations.numerics.draws import (
    Amount,
    Choice,
    Positive,
    Range,
    Spread,
    Step,
    Walk,
    bounds,
    names,
    pick,
)
from degradations.numerics.grid import STEPS, WHITE, Picture, fine, settle
from degradations.numerics.streams import Stream
from degradations.operators.base import Drawn, Frames, Operator, Place
from degradations.reading.limits import LEAST_SIGMA, MOST_KERNEL, MOST_SIGMA

KINDS = {
    "isotropic": (),
    "anisotropic": ("sigma_y", "angle"),
    "generalized-isotropic": ("beta_generalized",),
    "generalized-anisotropic": ("sigma_y", "angle", "beta_generalized"),
    "plateau-isotropic": ("beta_plateau",),
    "plateau-anisotropic": ("sigma_y", "angle", "beta_plateau"),
    "sinc": ("cutoff",),
    "motion": ("length",),
    "given": (),
}
"""Kernel kinds, and the values beside sigma that each draws."""
_WITHOUT_SIGMA = ("sinc", "motion", "given")
_NOTED = {"beta_generalized": "beta", "beta_plateau": "beta"}


class Blur(Operator):
    """Correlation with one kernel: `kind`, `size` (one, or several to choose from) and its values drawn.

    `sigma` is the spread in pixels in x (and y, unless `sigma_y` differs); `angle` and `cutoff` are in
    radians; beta is below 1 in half of the draws. Values with a `_step` walk from frame to frame.
    """

    op: Literal["blur"] = "blur"
    kind: Choice = "isotropic"
    size: int | tuple[int, ...] = 0
    sigma: Spread | None = None
    sigma_y: Spread | None = None
    angle: Amount = (-math.pi, math.pi)
    beta_generalized: Spread = (0.5, 4.0)
    beta_plateau: Spread = (1.0, 2.0)
    cutoff: Positive | None = None
    length: Positive | None = None
    bank: int = Field(default=100, ge=1, le=1_000_000)
    weights: list[list[float]] | None = None
    border: Literal["reflect101", "reflect", "replicate"] = "reflect101"
    draw: Drawn = "clip"
    sigma_step: Step = 0.0
    angle_step: Step = 0.0
    beta_generalized_step: Step = 0.0
    beta_plateau_step: Step = 0.0
    cutoff_step: Step = 0.0

    @model_validator(mode="after")
    def _complete(self) -> Blur:
        kinds = names(self.kind)
        for kind in kinds:
            if kind not in KINDS:
                raise did_you_mean("kernel kind", kind, KINDS)
        if any(kind not in _WITHOUT_SIGMA for kind in kinds) and self.sigma is None:
            raise ValueError("a Gaussian-like kernel needs 'sigma'")
        if "motion" in kinds and self.length is None:
            raise ValueError("a motion kernel needs 'length', in pixels")
        if "given" in kinds:
            if self.weights is None:
                raise ValueError("a given kernel needs 'weights', a square table of numbers")
            if len(self.weights) > MOST_KERNEL:
                raise ValueError(f"'weights' have at most {MOST_KERNEL} rows, got {len(self.weights)}")
            kernels.given(self.weights)
        least = 0 if kinds == ("given",) else 1
        if not all(least <= size <= MOST_KERNEL for size in self.sizes):
            raise ValueError(f"'size' is a number of pixels from 1 to {MOST_KERNEL}, got {self.size}")
        if not 1 <= len(self.sizes) <= MOST_KERNEL:
            raise ValueError(f"'size' names 1 to at most {MOST_KERNEL} sizes, got {len(self.sizes)}")
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.size if isinstance(self.size, tuple) else (self.size,)

    @cached_property
    def _given(self) -> kernels.Kernel:
        return kernels.given(self.weights or [])

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        if self.draw == "frame":
            return self._anew(frames, place)
        shape = _Shape(self, stream)
        place.record.update(kind=shape.kind, size=shape.size)
        if shape.walks(self):
            return self._walked(frames, place, shape)
        place.record.update(shape.values())
        return map(self._filter(shape), frames)

    def _anew(self, frames: Frames, place: Place) -> Frames:
        for index, frame in enumerate(frames):
            shape = _Shape(self, place.stream(index))
            place.note_frame(kind=shape.kind, size=shape.size, **shape.values())
            yield self._filter(shape)(frame)

    def _walked(self, frames: Frames, place: Place, shape: _Shape) -> Frames:
        for index, frame in enumerate(frames):
            if index:
                shape.advance(place.stream(index))
            place.note_frame(**shape.values())
            yield self._filter(shape)(frame)

    def _filter(self, shape: _Shape) -> Filter:
        if shape.kind == "given":
            return Filter(self._given, self.border)
        return Filter(make_kernel(shape.kind, shape.size, shape.values()), self.border)

    def range_of(self, name: str, size: int) -> Range:
        """The range of one of a kernel's values."""
        if name == "cutoff" and self.cutoff is None:
            # Real-ESRGAN's ranges: small kernels cannot hold a lower cutoff
            return (math.pi / 3 if size < 13 else math.pi / 5, math.pi)
        value = getattr(self, name)
        value = self.sigma if name == "sigma_y" and value is None else value
        if value is None:
            raise ValueError(f"the kernel's {name} is not given")
        return value

    def step_of(self, name: str) -> float:
        """How far one of a kernel's values walks from frame to frame."""
        step: float = getattr(self, f"{name.removesuffix('_y')}_step", 0.0)
        return step


class _Shape:
    """A kernel's kind and size, and its values, which may walk."""

    def __init__(self, settings: Blur, stream: Stream) -> None:
        self.kind = pick(settings.kind, KINDS, stream)
        sizes = settings.sizes
        self.size = sizes[stream.integer(0, len(sizes) - 1)] if len(sizes) > 1 else sizes[0]
        drawn = KINDS[self.kind] if self.kind in _WITHOUT_SIGMA else ("sigma", *KINDS[self.kind])
        self._walks = {}
        for name in drawn:
            amount = settings.range_of(name, self.size)
            low, high = bounds(amount)
            if name.startswith("beta") and low < 1 < high:
                amount = (low, 1.0) if stream.unit() < 0.5 else (1.0, high)
            self._walks[name] = Walk(amount, settings.step_of(name), stream)
        self._index = stream.integer(0, settings.bank - 1) if self.kind == "motion" else None

    def walks(self, settings: Blur) -> bool:
        return any(settings.step_of(name) > 0 for name in self._walks)

    def advance(self, stream: Stream) -> None:
        for walk in self._walks.values():
            walk.advance(stream)

    def values(self) -> dict[str, float]:
        drawn = {_NOTED.get(name, name): walk.value for name, walk in self._walks.items()}
        return drawn if self._index is None else {**drawn, "index": self._index}


def make_kernel(kind: str, size: int, values: Mapping[str, float]) -> kernels.Kernel:
    """The kernel of a `kind` of KINDS other than "given"; `values` as they stand in a clip's record."""
    if kind == "isotropic":
        return kernels.gaussian(size, values["sigma"])
    if kind == "sinc":
        return kernels.sinc(size, values["cutoff"])
    if kind == "motion":
        return kernels.motion(size, int(values["index"]), values["length"])
    family = "gaussian" if kind == "anisotropic" else kind.split("-")[0]
    sigma = values["sigma"]
    return kernels.oriented(
        family, size, sigma, values.get("sigma_y", sigma), values.get("angle", 0.0), values.get("beta")
    )


class Sharpen(Operator):
    """Unsharp masking as Real-ESRGAN sharpens the clean frames before it degrades them.

    Where a frame differs from its blurred self by more than `threshold` grey levels, `weight` times the
    difference is added; the border between the two is softened by the same blur.
    """

    op: Literal["sharpen"] = "sharpen"
    size: int = Field(default=51, ge=1, le=MOST_KERNEL)
    sigma: float = Field(default=8.0, ge=LEAST_SIGMA, le=MOST_SIGMA)
    weight: float = Field(default=0.5, ge=0, le=100)
    threshold: float = Field(default=10.0, ge=0, le=255)

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        soften = Filter(kernels.gaussian(self.size, self.sigma))
        return (self._sharpened(frame, soften) for frame in frames)

    def _sharpened(self, frame: Picture, soften: Filter) -> Picture:
        levels = fine(frame).astype(np.float64)
        residue = levels - soften(frame)
        mask = (np.abs(residue) > self.threshold * STEPS).astype(np.uint8) * np.uint8(255)
        share = soften(mask) / WHITE
        sharp = np.clip(levels + self.weight * residue, 0, WHITE)
        return settle(levels + share * (sharp - levels))
