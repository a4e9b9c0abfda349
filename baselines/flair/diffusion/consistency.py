"""FLAIR's data consistency: forward models A of a degradation and their pseudo-inverses A+ (eqs. 7 to 11).

Frames are (n, 3, h, w) float32 in [-1, 1]. A model says what a clean frame looks like after the degradation
(without its noise); `correction` is the term of eq. 9 that brings an estimate into line with the degraded
frames. Kernels, resizing weights and JPEG's tables are those of `degradations`, so that what a split did is
what is inverted. Golden figures: tests/parity/flair_dc.json.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.flair.diffusion.jpeg import jpeg_round_trip
from baselines.layers.resample import weight_matrix
from degradations.errors import InputError
from vfsrbench.runtime.device import OnDevice
from vfsrbench.runtime.precision import arithmetic

FLOOR = 0.01
"""Frequencies that the blur all but removes are not raised by more than its inverse."""
MARGIN = 18
"""The inverse filter's grid reaches this far beyond the filter that it inverts, on every side."""


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Plain float32 whatever profile the run has: the inverse raises errors, and steps add them up."""
    with torch.autocast(device.type, enabled=False), arithmetic("strict", device):
        yield


class ForwardModel(ABC):
    """A degradation that shrinks by `factor`."""

    factor: int

    def forward(self, x: Tensor) -> Tensor:
        """A x (or D(E(A x)) with a JPEG): (n, 3, h, w) -> (n, 3, h / factor, w / factor). InputError when
        the factor does not divide the sides."""
        height, width = x.shape[-2:]
        if height % self.factor or width % self.factor:
            raise InputError(f"frames of {width}x{height} cannot be {self.factor} times smaller; pad them")
        with exact(x.device):
            return self._degraded(x)

    def inverse(self, y: Tensor) -> Tensor:
        """A+ y: (n, 3, h, w) -> (n, 3, h * factor, w * factor)."""
        with exact(y.device):
            return self._restored(y)

    def correction(self, x: Tensor, y: Tensor) -> Tensor:
        """A+ (A x - y): what is to be taken off `x` so that it degrades to `y` (eqs. 8 and 11)."""
        return self.inverse(self.forward(x) - y)

    @abstractmethod
    def _degraded(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def _restored(self, y: Tensor) -> Tensor: ...


class Bicubic(ForwardModel):
    """MATLAB's imresize with antialiasing, and its exact pseudo-inverse: both work axis by axis.

    Weights are the splits', or with `real` the formula's as in the released code (they
    differ by up to 2^-17).
    """

    def __init__(self, factor: int, real: bool = False) -> None:
        self.factor, self.real = factor, real

    def _degraded(self, x: Tensor) -> Tensor:
        down, across = (_shrinking(side, self.factor, self.real)[0].like(x) for side in x.shape[-2:])
        return down @ x @ across.T

    def _restored(self, y: Tensor) -> Tensor:
        sides = (side * self.factor for side in y.shape[-2:])
        down, across = (_shrinking(side, self.factor, self.real)[1].like(y) for side in sides)
        return down @ y @ across.T


@lru_cache(maxsize=16)
def _shrinking(side: int, factor: int, real: bool) -> tuple[OnDevice, OnDevice]:
    """The matrix that shrinks one axis, (side / factor, side), and its pseudo-inverse; float64."""
    matrix = weight_matrix(side, side // factor, "matlab", real)
    return OnDevice(matrix), OnDevice(torch.linalg.pinv(matrix))


class Blur(ForwardModel):
    """Correlation with a kernel and every `factor`-th pixel; with `quality`, FLAIR's JPEG after it.

    `weights` (k, k), its tap k // 2 lying on the pixel, pixels `phase`, `phase` + factor, ... kept, as the
    operators of `degradations` count them; `border` is "replicate" or "reflect101". The pseudo-inverse is
    A' (A A')^-1 with the inverse as a filter (Bahat and Michaeli, CVPR 2020): exact but for a few pixels at
    the border, where A is not a convolution. JPEG's own inverse is decoding, which `forward` does.
    """

    def __init__(
        self,
        weights: NDArray[np.float64],
        factor: int = 4,
        phase: int = 2,
        border: str = "replicate",
        quality: int | None = None,
    ) -> None:
        self.factor, self.phase, self.border, self.quality = factor, phase, border, quality
        self.lead = len(weights) // 2 - phase  # taps before the first pixel
        self.weights = torch.from_numpy(np.ascontiguousarray(weights))[None, None]
        self.unblur = torch.from_numpy(inverse_filter(weights, factor))[None, None]
        self._weights, self._unblur = OnDevice(self.weights), OnDevice(self.unblur)

    def _degraded(self, x: Tensor) -> Tensor:
        reach = self.weights.shape[-1] - self.factor - self.lead
        y = _filtered(_bordered(x, self.lead, reach, self.border), self._weights, self.factor)
        return y if self.quality is None else jpeg_round_trip(y, self.quality)

    def _restored(self, y: Tensor) -> Tensor:
        half = self.unblur.shape[-1] // 2
        spread = _filtered(_bordered(y, half, half, "replicate"), self._unblur)
        height, width = (side * self.factor for side in y.shape[-2:])
        full = _spread_out(spread, self._weights, self.factor)
        ends = [(self.lead + side) - got for side, got in zip((height, width), full.shape[-2:], strict=True)]
        return F.pad(full, (-self.lead, ends[1], -self.lead, ends[0])) * self.factor**2


def inverse_filter(weights: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """(A A')^-1 of a blur with every `factor`-th pixel kept, as an odd square filter.

    A A' is the kernel's autocorrelation at multiples of `factor`; it is inverted in the Fourier domain on a
    grid with room for the inverse to fade, frequencies below FLOOR taken as FLOOR.
    """
    side = len(weights)
    reach = 2 * (side // 2) // factor
    lags = [step * factor for step in range(-reach, reach + 1)]
    both = np.zeros((len(lags), len(lags)))
    for i, down in enumerate(lags):
        for j, across in enumerate(lags):
            both[i, j] = (_shifted(weights, down, across) * weights).sum() * factor**2
    grid = np.fft.fft2(np.fft.ifftshift(np.pad(both, MARGIN))).real  # symmetric about its centre: real
    inverse = np.fft.fftshift(np.fft.ifft2(1 / np.maximum(grid, FLOOR)).real)
    return np.ascontiguousarray(inverse[1:-1, 1:-1])


def _shifted(weights: NDArray[np.float64], down: int, across: int) -> NDArray[np.float64]:
    """The kernel moved, zeros coming in."""
    moved = np.zeros_like(weights)
    side = len(weights)
    if abs(down) < side and abs(across) < side:
        to = [slice(max(d, 0), side + min(d, 0)) for d in (down, across)]
        source = [slice(max(-d, 0), side + min(-d, 0)) for d in (down, across)]
        moved[to[0], to[1]] = weights[source[0], source[1]]
    return moved


def _bordered(x: Tensor, lead: int, reach: int, border: str) -> Tensor:
    """`lead` pixels more at the top and left, `reach` more at the bottom and right; fewer if negative."""
    for axis in (-2, -1):
        side = x.shape[axis]
        index = torch.arange(-lead, side + reach, device=x.device)
        if border == "reflect101" and side > 1:
            index = index.abs() % (2 * side - 2)
            index = torch.minimum(index, 2 * side - 2 - index)
        x = x.index_select(axis, index.clamp(0, side - 1))
    return x


def _filtered(x: Tensor, weights: OnDevice, step: int = 1) -> Tensor:
    """Correlation of every channel with the filter (1, 1, k, k)."""
    out = F.conv2d(x.flatten(0, 1)[:, None], weights.like(x), stride=step)
    return out[:, 0].unflatten(0, x.shape[:2])


def _spread_out(y: Tensor, weights: OnDevice, step: int) -> Tensor:
    """The transpose of `_filtered`."""
    full = F.conv_transpose2d(y.flatten(0, 1)[:, None], weights.like(y), stride=step)
    return full[:, 0].unflatten(0, y.shape[:2])
