"""How the demo portrait moves: smooth maps between a frame and the portrait, with exact inverses.

A frame's pixel q lies on the portrait at G(A q): A is a similarity (roll, zoom, shift), G subtracts a few
smooth displacements (head turn, jaw, eyelids, brows). Both are built from +, -, *, / alone, which every
processor rounds alike, and from a few numbers a frame that are rounded to 2^-30; so all coordinates are
the same bits everywhere. G is one-to-one (its Jacobian stays positive), so flow follows from Newton's
method to rounding error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SIZE = 512  # height and width of a frame
CENTRE = (SIZE - 1) / 2
FPS = 25.0
_TOLERANCE = 1e-9  # pixels

# portrait coordinates are those of the FFHQ 512 template
_HEAD = (256.0, 290.0, 250.0, 300.0)  # centre x, y and radii of a bump
_NOSE = (256.0, 305.0, 75.0, 85.0)
_EYES = ((188.0, 240.0, 50.0, 28.0), (323.0, 243.0, 50.0, 28.0))
_BROWS = ((186.0, 208.0, 80.0, 45.0), (322.0, 211.0, 80.0, 45.0))
_JAW = (256.0, 415.0, 135.0, 115.0)
_NOSE_SHARE = 0.3  # of the head's turn, on top of it: the nose stands out
_LIDS = 12.0  # pixels that the upper lids come down in a blink
_LIPS = (366.0, 30.0)  # where the jaw's motion begins, and over how many pixels it grows


@dataclass(frozen=True)
class Wave:
    """offset + amplitude * (sum of sines): frequencies in Hz, phases in turns, equal shares."""

    amplitude: float
    frequencies: tuple[float, ...]
    phases: tuple[float, ...]
    offset: float = 0.0

    def __call__(self, seconds: float) -> float:
        turns = (f * seconds + p for f, p in zip(self.frequencies, self.phases, strict=True))
        total = sum(math.sin(2 * math.pi * turn) for turn in turns) / len(self.frequencies)
        return _grid(self.offset + self.amplitude * total)


@dataclass(frozen=True)
class Motion:
    """A clip's motion: pixels for shifts, jaw, and turns of the head (at the nose), radians for roll.

    `blinks`: seconds of the first blink, and between one blink and the next. `light`, `side`: brightness
    and its left-to-right slope, relative.
    """

    shift_x: Wave
    shift_y: Wave
    roll: Wave
    zoom: Wave
    yaw: Wave
    pitch: Wave
    jaw: Wave
    brows: Wave
    light: Wave
    side: Wave
    blinks: tuple[float, float]


@dataclass(frozen=True)
class Pose:
    """One frame's numbers, see `Motion`; `turn` is zoom times (cos roll, sin roll)."""

    shift: tuple[float, float]
    turn: tuple[float, float]
    head: tuple[float, float]
    jaw: float
    lids: float
    brows: float
    light: float
    side: float


def pose(motion: Motion, frame: int) -> Pose:
    """The pose of a frame. Frames are 1/25 s apart."""
    t = frame / FPS
    zoom, roll = 1.0 / (1.0 + motion.zoom(t)), motion.roll(t)
    return Pose(
        shift=(motion.shift_x(t), motion.shift_y(t)),
        turn=(_grid(zoom * math.cos(roll)), _grid(zoom * math.sin(roll))),
        head=(motion.yaw(t), motion.pitch(t)),
        jaw=max(motion.jaw(t), 0.0),
        lids=_blink(t, *motion.blinks),
        brows=motion.brows(t),
        light=motion.light(t),
        side=motion.side(t),
    )


def to_portrait(p: Pose, x: Array, y: Array) -> tuple[Array, Array]:
    """Where a frame's pixels lie on the portrait; x and y in pixels, of any one shape."""
    u, v = _similar(p, x, y)
    shift = _displacement(p, u, v, slopes=False)
    return u - shift.dx, v - shift.dy


def from_portrait(p: Pose, x: Array, y: Array, guess: tuple[Array, Array]) -> tuple[Array, Array]:
    """Where points of the portrait are found in a frame: the inverse of `to_portrait`, to 1e-9 px.

    `guess` is where they are thought to be in the frame (another frame's positions will do).
    """
    u, v = _similar(p, *guess)
    for _ in range(30):
        shift = _displacement(p, u, v, slopes=True)
        ex, ey = u - shift.dx - x, v - shift.dy - y
        if max(np.abs(ex).max(), np.abs(ey).max()) < _TOLERANCE:
            return _similar_back(p, u, v)
        xx, yy = 1.0 - shift.dx_u, 1.0 - shift.dy_v
        det = xx * yy - shift.dx_v * shift.dy_u
        u = u - (yy * ex + shift.dx_v * ey) / det
        v = v - (xx * ey + shift.dy_u * ex) / det
    raise ArithmeticError("the demo's motion could not be inverted; its amplitudes are too large")


def _similar(p: Pose, x: Array, y: Array) -> tuple[Array, Array]:
    (c, s), (tx, ty) = p.turn, p.shift
    dx, dy = x - (CENTRE + tx), y - (CENTRE + ty)
    return c * dx - s * dy + CENTRE, s * dx + c * dy + CENTRE


def _similar_back(p: Pose, u: Array, v: Array) -> tuple[Array, Array]:
    (c, s), (tx, ty) = p.turn, p.shift
    square = c * c + s * s
    du, dv = u - CENTRE, v - CENTRE
    return (c * du + s * dv) / square + (CENTRE + tx), (c * dv - s * du) / square + (CENTRE + ty)


@dataclass
class _Shift:
    """A displacement (dx, dy) at points (u, v) and, if asked for, its slopes by u and by v."""

    u: Array
    v: Array
    slopes: bool

    def __post_init__(self) -> None:
        self.dx, self.dy = np.zeros_like(self.u), np.zeros_like(self.u)
        if self.slopes:
            self.dx_u, self.dx_v = np.zeros_like(self.u), np.zeros_like(self.u)
            self.dy_u, self.dy_v = np.zeros_like(self.u), np.zeros_like(self.u)
        self._top, self._bottom = self.v.min(), self.v.max()

    def add(
        self,
        place: tuple[float, float, float, float],
        x: float,
        y: float,
        grow: tuple[float, float] | None = None,
    ) -> None:
        """Add (x, y) times the bump (1 - r^2)^2 of an ellipse; `grow` lets it begin at a line and grow
        over some pixels below it."""
        cx, cy, rx, ry = place
        if (x == 0 and y == 0) or self._bottom <= cy - ry or self._top >= cy + ry:
            return
        a, b = (self.u - cx) / rx, (self.v - cy) / ry
        inside = np.maximum(1.0 - a * a - b * b, 0.0)
        weight = inside * inside
        w_u, w_v = None, None
        if self.slopes:
            w_u, w_v = (-4.0 / rx) * inside * a, (-4.0 / ry) * inside * b
        if grow is not None:
            s = np.clip((self.v - grow[0]) / grow[1], 0.0, 1.0)
            step = s * s * (3.0 - 2.0 * s)
            if w_u is not None and w_v is not None:
                w_u, w_v = w_u * step, w_v * step + weight * (6.0 / grow[1]) * s * (1.0 - s)
            weight = weight * step
        if x != 0:
            self.dx += x * weight
        if y != 0:
            self.dy += y * weight
        if w_u is not None and w_v is not None:
            self.dx_u += x * w_u
            self.dx_v += x * w_v
            self.dy_u += y * w_u
            self.dy_v += y * w_v


def _displacement(p: Pose, u: Array, v: Array, slopes: bool) -> _Shift:
    """What G subtracts at portrait-sized coordinates (u, v)."""
    shift = _Shift(u, v, slopes)
    (yaw, pitch) = p.head
    shift.add(_HEAD, yaw, pitch)
    shift.add(_NOSE, _NOSE_SHARE * yaw, _NOSE_SHARE * pitch)
    shift.add(_JAW, 0.0, p.jaw, _LIPS)
    for eye, brow in zip(_EYES, _BROWS, strict=True):
        shift.add(eye, 0.0, p.lids)
        shift.add(brow, 0.0, p.brows)
    return shift


def _blink(t: float, first: float, period: float) -> float:
    """How far the upper lids come down, in pixels: closing in 0.1 s, opening in 0.18 s."""
    since = (t - first + period / 2) % period - period / 2
    s = max(0.0, 1.0 - (-since / 0.10 if since < 0 else since / 0.18))
    return _grid(_LIDS * s * s * (3.0 - 2.0 * s))


def _grid(value: float) -> float:
    """Rounded to 2^-30, so that a sine's last bit, which libraries round differently, does not count."""
    return math.floor(value * 2**30 + 0.5) / 2**30
