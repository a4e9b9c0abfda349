"""Operators that add noise."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from degradations.numerics.draws import NotNegative, Range, Share, Step, Walk, bounds, within
from degradations.numerics.gaussian import MAX_SIGMA, add_gaussian
from degradations.numerics.grid import Picture, clamp
from degradations.numerics.poisson import add_poisson
from degradations.numerics.streams import Stream
from degradations.operators.base import Drawn, Frames, Operator, Place


class _Noise(Operator):
    """Noise of a drawn strength; the same for all channels in a share `grey` of the draws.

    With `draw = "frame"` (KEEP, VFHQ) strength and greyness are drawn for every frame; with "clip" once,
    and the strength may walk from frame to frame. The noise itself is new in every frame. Unless `cut` is
    false the result is cut to 0..255.
    """

    grey: Share = 0.0
    draw: Drawn = "frame"
    cut: bool = True

    @property
    def _one_field(self) -> bool:
        """Whether every frame gets the first frame's noise."""
        return False

    @abstractmethod
    def strength(self) -> tuple[str, Range, float]:
        """The strength's name, range, and step from frame to frame."""

    @abstractmethod
    def add(self, frame: Picture, strength: float, grey: bool, numbers: Stream) -> NDArray[np.int16]:
        """One noisy frame."""

    def _noisy(self, frame: Picture, strength: float, grey: bool, numbers: Stream) -> NDArray[np.int16]:
        noisy = self.add(frame, strength, grey, numbers)
        return clamp(noisy) if self.cut else noisy

    def apply(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        return self._once(frames, place, stream) if self.draw == "clip" else self._anew(frames, place)

    def _once(self, frames: Frames, place: Place, stream: Stream) -> Frames:
        name, amount, step = self.strength()
        walk = Walk(amount, step, stream)
        grey = place.record["grey"] = stream.unit() < self.grey
        for index, frame in enumerate(frames):
            numbers = place.stream(0 if self._one_field else index)
            if index:
                walk.advance(numbers)
            place.note_frame(**{name: walk.value})
            yield self._noisy(frame, walk.value, grey, numbers)

    def _anew(self, frames: Frames, place: Place) -> Frames:
        name, amount, _ = self.strength()
        for index, frame in enumerate(frames):
            numbers = place.stream(index)
            value = Walk(amount, 0.0, numbers).value
            grey = numbers.unit() < self.grey
            place.note_frame(**{name: value}, grey=grey)
            yield self._noisy(frame, value, grey, numbers)


class GaussianNoise(_Noise):
    """Normal noise of `sigma` grey levels, cut to 0..255. `still`: the same noise in every frame."""

    op: Literal["gaussian-noise"] = "gaussian-noise"
    sigma: NotNegative
    sigma_step: Step = 0.0
    still: bool = False

    @model_validator(mode="after")
    def _in_range(self) -> GaussianNoise:
        if bounds(self.sigma)[1] > MAX_SIGMA:
            raise ValueError(f"'sigma' is at most {MAX_SIGMA:g} grey levels")
        if self.still and (self.draw == "frame" or self.sigma_step > 0):
            raise ValueError("'still' noise is drawn once: it needs draw = \"clip\" and no 'sigma_step'")
        return self

    @property
    def _one_field(self) -> bool:
        return self.still

    def strength(self) -> tuple[str, Range, float]:
        return "sigma", self.sigma, self.sigma_step

    def add(self, frame: Picture, strength: float, grey: bool, numbers: Stream) -> NDArray[np.int16]:
        return add_gaussian(frame, strength, grey, numbers)


class PoissonNoise(_Noise):
    """Shot noise, `scale` times; photons are counted `per` "unit" of white or per "level" of grey."""

    op: Literal["poisson-noise"] = "poisson-noise"
    scale: Annotated[Range, within(0, 1000)]
    scale_step: Step = 0.0
    per: Literal["unit", "level"] = "unit"

    def strength(self) -> tuple[str, Range, float]:
        return "scale", self.scale, self.scale_step

    def add(self, frame: Picture, strength: float, grey: bool, numbers: Stream) -> NDArray[np.int16]:
        return add_poisson(frame, strength, grey, self.per, numbers)
