"""Blurring that is exact: whole-number weights, and floats wide enough that no sum is ever rounded.

OpenCV does the work. Below 2^24 float32 holds every partial sum, below 2^53 float64 does, so order and vector
width cannot matter. For kernels that are not separable OpenCV may take a Fourier detour, whose error is far
below one half: rounding to the nearest whole number recovers the exact sum.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.imaging.kernels import ACROSS_BITS, WEIGHT_BITS, Full, Kernel, Separable
from degradations.numerics.grid import STEPS, Picture, settle

BORDERS = {
    "reflect101": cv2.BORDER_REFLECT_101,
    "reflect": cv2.BORDER_REFLECT,
    "replicate": cv2.BORDER_REPLICATE,
}
_MIDDLE = 8  # steps of a grey level between the two passes over an 8-bit picture
_UNIT = np.ones(1)


class Filter:
    """Correlation with one kernel, whose tap k // 2 lies on the pixel; keeps its scratch memory."""

    def __init__(self, kernel: Kernel, border: str = "reflect101") -> None:
        self._kernel = kernel
        self._edge = BORDERS[border]
        self._scratch: dict[tuple[str, tuple[int, ...]], NDArray[np.float32]] = {}

    def __call__(self, picture: Picture) -> NDArray[np.int16]:
        """The picture blurred, in sixty-fourths of a grey level."""
        if isinstance(self._kernel, Full):
            return settle(self._full_sums(picture, self._kernel))
        if picture.dtype == np.uint8:
            # separable kernels are all but free of negative weights: nothing leaves 0..255 by much
            return settle(self._narrow_sums(picture, self._kernel), safe=True)
        return settle(self._separable_sums(picture, self._kernel))

    def _narrow_sums(self, picture: Picture, kernel: Separable) -> NDArray[np.float32]:
        """8 + 16 bits across, rounded to 8 + 3 bits, then 11 + 13 bits down: float32 holds either exactly."""
        rows = self._room("rows", picture.shape)
        total = self._room("total", picture.shape)
        for number, term in enumerate(kernel.terms):
            anchor = len(term.across) // 2
            across = term.across * (_MIDDLE / 2.0**ACROSS_BITS)
            down = term.down * (STEPS / _MIDDLE / 2.0**term.down_bits)
            cv2.sepFilter2D(picture, cv2.CV_32F, across, _UNIT, rows, (anchor, 0), borderType=self._edge)
            np.rint(rows, out=rows)
            sums = self._room("sums", picture.shape) if number else total
            cv2.sepFilter2D(rows, -1, _UNIT, down, sums, (0, anchor), borderType=self._edge)
            if number:
                # sums of sums may round, but elementwise and in this order, hence everywhere alike
                np.add(total, sums, out=total)
        return total

    def _separable_sums(self, picture: Picture, kernel: Separable) -> NDArray[np.float64]:
        """16 bits of picture and 29 of taps: float64 holds the sums of both passes."""
        exact = picture.astype(np.float64)
        total = np.zeros(picture.shape)
        for term in kernel.terms:
            anchor = (len(term.across) // 2, len(term.down) // 2)
            across, down = term.across / 2.0**ACROSS_BITS, term.down / 2.0**term.down_bits
            total += cv2.sepFilter2D(exact, -1, across, down, anchor=anchor, borderType=self._edge)
        return total

    def _full_sums(self, picture: Picture, kernel: Full) -> NDArray[np.float64]:
        """Whole-number sums below 2^53, whatever way OpenCV takes, then in steps of the grid."""
        anchor = (len(kernel.whole) // 2, len(kernel.whole) // 2)
        exact = picture.astype(np.float64)
        sums: Any = cv2.filter2D(
            exact, -1, kernel.whole.astype(np.float64), anchor=anchor, borderType=self._edge
        )
        np.rint(sums, out=sums)
        sums *= (STEPS if picture.dtype == np.uint8 else 1) / 2.0**WEIGHT_BITS
        return sums

    def _room(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Memory of that size, the same at every call: fresh memory costs as much time as the filter."""
        if (name, shape) not in self._scratch:
            self._scratch[name, shape] = np.empty(shape, np.float32)
        return self._scratch[name, shape]
