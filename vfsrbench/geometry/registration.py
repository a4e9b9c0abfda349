"""Shift and scale of a clip against another: least squares over small, blurred copies of frames.

Gauss-Newton (Lucas and Kanade, 1981) on restored(x) = gain * gt(x - d - s (x - centre)) + offset +
b * laplacian of gt(x): the last term takes up that restored frames are softer or sharper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SHRINK = 4
REACH = 12
"""Shifts are looked for up to this many pixels, in each direction."""
_COMPARED = 128
"""Pictures are shrunk no further than to this side."""
_SIGMA = 1.5
_BORDER = 6
_ROUNDS = 6
_COARSE_FRAMES = 3
_CLUMPS = 2.0
"""How much wider than the blur what codecs and restorers leave hangs together."""
_ALIKE_FOR = 2
"""Frames for which it stays the same: so many neighbours say no more of a place than one."""
Frames = NDArray[np.uint8]
Picture = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """Where a clip lies: `shift` (x, y) in pixels, to the right and down; `scale`, 1 for the same size.

    `error` is the standard error of the shift, in pixels, `scale_error` that of the scale; `likeness` the
    correlation of what is compared.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    error: float = math.inf
    scale_error: float = math.inf
    likeness: float = 0.0


def shrinking(height: int, width: int) -> int:
    """How many times smaller frames of this size are compared."""
    return max(1, min(SHRINK, min(height, width) // _COMPARED))


def small(frame: Frames) -> Picture:
    """A frame (H, W, 3) as it is compared: grey, shrunk, blurred."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    times = shrinking(*frame.shape[:2])
    size = (frame.shape[1] // times, frame.shape[0] // times)
    tiny = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(tiny, (0, 0), _SIGMA), dtype=np.float32)


def place(restored: list[Picture], gt: list[Picture], times: int, frames: int) -> Placement:
    """The restored clip's place against the ground truth's, from `small` frames of both, `times` smaller,
    which are spread over so many `frames`."""
    some = slice(None, None, max(1, len(gt) // _COARSE_FRAMES))
    start = _coarse(restored[some], gt[some], REACH // times + 1)
    at = np.array([*start, 0.0])
    for _ in range(_ROUNDS):
        step, errors, likeness = _step(restored, gt, at)
        at += step
        if np.abs(step * [1, 1, len(gt[0])]).max() < 2e-3:
            break
    shift = float(at[0] * times), float(at[1] * times)
    together = math.sqrt(max(1.0, len(gt) / max(1.0, frames / _ALIKE_FOR)))
    error, scale_error = max(errors[:2]) * times * together, errors[2] * together
    return Placement(shift, float(1 + at[2]), error, scale_error, likeness)


def _coarse(restored: list[Picture], gt: list[Picture], reach: int) -> tuple[float, float]:
    """The whole shift of small pixels, `reach` at most, at which the frames' details correlate best."""
    inside = slice(reach, -reach)
    scores = sum(
        cv2.matchTemplate(ours, np.ascontiguousarray(theirs[inside, inside]), cv2.TM_CCOEFF_NORMED)
        for ours, theirs in zip(restored, gt, strict=True)
    )
    y, x = np.unravel_index(
        int(np.nan_to_num(np.asarray(scores), posinf=0, neginf=0).argmax()), (2 * reach + 1,) * 2
    )
    return float(x - reach), float(y - reach)


def _step(restored: list[Picture], gt: list[Picture], at: Array) -> tuple[Array, tuple[float, ...], float]:
    """A Gauss-Newton step (x, y, scale); their standard errors; the correlation."""
    h, w = restored[0].shape
    y, x = (axis.astype(np.float32) for axis in np.mgrid[:h, :w])
    cx, cy = (w - 1) / 2, (h - 1) / 2
    rows_of, columns_of = (resampling(n, at[i], 1 + at[2]) for n, i in ((h, 1), (w, 0)))
    inside = (slice(_BORDER, h - _BORDER), slice(_BORDER, w - _BORDER))
    normal, right, squares, n = np.zeros((6, 6)), np.zeros(6), np.zeros(3), 0
    for ours, theirs in zip(restored, gt, strict=True):
        moved = rows_of @ theirs @ columns_of.T
        gx, gy = (
            cv2.Sobel(moved, cv2.CV_32F, 1, 0, scale=1 / 8),
            cv2.Sobel(moved, cv2.CV_32F, 0, 1, scale=1 / 8),
        )
        columns = (
            -gx,
            -gy,
            -((x - cx) * gx + (y - cy) * gy),
            moved,
            np.ones_like(moved),
            cv2.Laplacian(moved, cv2.CV_32F),
        )
        rows = np.stack([c[inside].ravel() for c in columns]).astype(np.float64)
        b = ours[inside].ravel().astype(np.float64)
        normal += rows @ rows.T
        right += rows @ b
        squares += (b * b).sum(), b.sum(), 0
        n += len(b)
    damping = np.diag(normal.diagonal() * 1e-9 + 1e-12)
    solution = np.linalg.solve(normal + damping, right)
    residual = max(0.0, squares[0] - solution @ right)
    variance = squares[0] - squares[1] ** 2 / n
    inverse = np.linalg.inv(normal + damping)
    # neighbours are blurred together: about one independent value in (2 sigma)^2 pi, and in more of a codec's
    noise = residual / n * np.pi * (2 * _SIGMA * _CLUMPS) ** 2
    gain = max(abs(solution[3]), 1e-3)
    errors = tuple(float(np.sqrt(max(0.0, noise * inverse[i, i])) / gain) for i in range(3))
    likeness = float(np.sqrt(max(0.0, 1 - residual / variance))) if variance > 0 else 0.0
    return solution[:3] / gain, errors, likeness


def resampling(n: int, shift: float, scale: float) -> Picture:
    """(n, n): a line's values moved by `shift` and scaled about its centre; cubic, ends repeated."""
    centre = (n - 1) / 2
    at = (np.arange(n) - shift - centre) / scale + centre
    whole = np.floor(at).astype(int)
    u = at - whole
    weights = (
        ((-0.5 * u + 1) * u - 0.5) * u,
        (1.5 * u - 2.5) * u * u + 1,
        ((-1.5 * u + 2) * u + 0.5) * u,
        (0.5 * u - 0.5) * u * u,
    )
    matrix = np.zeros((n, n), np.float32)
    for tap, weight in enumerate(weights):
        np.add.at(matrix, (np.arange(n), np.clip(whole + tap - 1, 0, n - 1)), weight)
    return matrix
