"""The guard: frames of a restored clip beside those of its ground truth, and what is off about them.

Nothing is corrected. A finding is a sentence; the numbers behind it are kept with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.geometry.levels import Levels, Range, constant_border, grey_levels
from vfsrbench.geometry.likeness import featureless, strange
from vfsrbench.geometry.registration import Placement, place, shrinking, small
from vfsrbench.geometry.timing import MOST, Timing

VERSION = 2
"""Raised when findings change."""
SAMPLES = 8
"""Frames of a clip, evenly spread, for shift, scale, range and borders; timing and colours see all."""
LEAST_SIDE = 64
"""Smaller pictures are not looked at."""
SHIFT = 0.3
SCALE, MOVED = 0.003, 0.25
"""Of the size; of a pixel, at the edge: the larger counts."""
UNCERTAIN = 1.0
"""Pixels: standard error of a shift above which a clip's place cannot be told."""
CAST = 5.0
"""Grey levels between a channel's own error and the mean error of all three."""
GAIN = 0.2
LATE = 0.002
"""How much better an offset in time has to fit."""
CERTAIN = 3
"""Standard errors."""
CHANGE, CODED = 0.12, 0.15
"""Squared grey levels by which a ground truth moves if its sides have 256 pixels or more; if they have fewer,
what is multiplied by the cube of 256 over the side: encoders leave out more of small frames."""
_TIMING_SIDE, _LEVELS_SIDE = 32, 16
Frames = NDArray[np.uint8]
Picture = NDArray[np.float32]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Sight:
    """What the guard keeps of one frame of both clips; of most frames only the `tiny` pictures."""

    tiny: tuple[Picture, Picture] | None = None
    restored: Picture | None = None
    gt: Picture | None = None
    borders: tuple[Counts, Counts] | None = None
    counts: tuple[Counts, Counts] | None = None


@dataclass(frozen=True)
class Report:
    """What was found: sentences, and the numbers behind them by name."""

    findings: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)


class Guard:
    """Looks at a restored clip and its ground truth, window by window, `total` frames in all.

    Example:
        >>> import numpy as np
        >>> from vfsrbench.datasets.demo.clips import demo_clip
        >>> gt = demo_clip("demo-talking", 12).array()
        >>> guard = Guard(512, 512, len(gt))
        >>> guard.keep(guard.see(0, np.roll(gt, 2, axis=2), gt))
        >>> guard.report().findings
        ('shifted by (2.0, 0.0) px',)
    """

    def __init__(self, height: int, width: int, total: int) -> None:
        self.fits = min(height, width) >= LEAST_SIDE
        self.sampled = frozenset(np.linspace(0, total - 1, min(total, SAMPLES)).round().astype(int).tolist())
        self.size = (width, height)
        self.number = 0
        self.around = frozenset(i + k for i in self.sampled for k in range(-MOST, MOST + 1))
        self.restored: dict[int, Picture] = {}
        self.gt: dict[int, Picture] = {}
        side = min(height, width)
        self.timing = Timing(CHANGE if side >= 256 else CODED * (256 / side) ** 3)
        self.levels, self.range = Levels(), Range()
        self.borders: list[tuple[Counts, Counts]] = []

    def see(self, first: int, restored: Frames, gt: Frames) -> list[Sight]:
        """What counts of frames (T, H, W, 3) uint8 RGB, `first` and those after it. Changes nothing here:
        threads may see windows of a clip in any order."""
        return [self._sight(first + t, *pair) for t, pair in enumerate(zip(restored, gt, strict=True))]

    def _sight(self, number: int, restored: Frames, gt: Frames) -> Sight:
        if not self.fits:
            return Sight()
        tiny = _shrunk(restored, _TIMING_SIDE), _shrunk(gt, _TIMING_SIDE)
        sampled = number in self.sampled
        return Sight(
            tiny,
            small(restored) if sampled else None,
            small(gt) if number in self.around else None,
            (constant_border(restored), constant_border(gt)) if sampled else None,
            (grey_levels(restored), grey_levels(gt)) if sampled else None,
        )

    def keep(self, sights: Iterable[Sight]) -> None:
        """The next frames of the clip, in order."""
        for sight in sights:
            if sight.tiny is not None:
                restored, gt = sight.tiny
                self.timing.add(restored.mean(2), gt.mean(2))
                self.levels.add(_shrunk(restored, _LEVELS_SIDE), _shrunk(gt, _LEVELS_SIDE))
            if sight.restored is not None:
                self.restored[self.number] = sight.restored
            if sight.gt is not None:
                self.gt[self.number] = sight.gt
            if sight.borders is not None:
                self.borders.append(sight.borders)
            if sight.counts is not None:
                self.range.add(*sight.counts)
            self.number += 1

    def report(self) -> Report:
        """The findings, and their numbers; empty for pictures that are too small."""
        if not self.fits or not self.number:
            return Report()
        early, placement = self._placed()
        numbers = self._numbers(placement, early)
        pairs = self._pairs(early)
        strangeness = strange([own for own, _ in pairs], [gt for _, gt in pairs], placement.likeness)
        if strangeness:  # where and when it lies cannot be told
            return Report((strangeness, *self._repeated()), numbers)
        order = self.levels.swapped()
        where = [] if order else self._where(placement)  # other channels lie elsewhere of themselves
        colour = order or self.levels.greyed()
        colours = [colour] if colour else self._colours()
        said = (*where, *self._when(early), *self._repeated(), *colours, *self._edges())
        return Report(said, numbers)

    def _placed(self) -> tuple[int, Placement]:
        """Frames early, and the place. What moves shows its shift as an offset in time, and the other way
        round: where both are possible, the one under which the clips move more alike counts."""
        here, offset = self._place(0), self.timing.offset(LATE)
        if offset == 0:
            return 0, here
        there = self._place(offset)
        moved = self.timing.advantage(offset, self._small_shift(there), self._small_shift(here))
        return (offset, there) if moved > 0 else (0, here)

    def _small_shift(self, placed: Placement) -> tuple[float, float]:
        x, y = (s * _TIMING_SIDE / n for s, n in zip(placed.shift, self.size, strict=True))
        return (x, y) if max(abs(s) for s in placed.shift) > SHIFT else (0.0, 0.0)

    def _place(self, early: int) -> Placement:
        pairs = self._pairs(early)
        if featureless([own for own, _ in pairs]) or featureless([gt for _, gt in pairs]):
            return Placement()
        own, gt = ([pair[side] for pair in pairs] for side in (0, 1))
        return place(own, gt, shrinking(*reversed(self.size)), self.number)

    def _pairs(self, early: int) -> list[tuple[Picture, Picture]]:
        """Small pictures of both clips; frames that only repeat the one before lie where that one lay."""
        return [
            (own, self.gt[i + early])
            for i, own in self.restored.items()
            if i + early in self.gt and i not in self.timing.repeated
        ]

    def _where(self, found: Placement) -> list[str]:
        x, y = found.shift
        said = []
        if max(abs(x), abs(y)) > max(SHIFT, CERTAIN * found.error):
            said.append(f"shifted by ({_tenths(x)}, {_tenths(y)}) px")
        least = max(SCALE, 2 * MOVED / min(self.size), CERTAIN * found.scale_error)
        if abs(found.scale - 1) > least and found.error < UNCERTAIN:
            said.append(f"scaled by {100 * (found.scale - 1):+.1f} %")
        return said

    def _when(self, early: int) -> list[str]:
        if not early:
            return []
        count = "one frame" if abs(early) == 1 else f"{abs(early)} frames"
        return [f"{count} {'late' if early < 0 else 'early'}"]

    def _repeated(self) -> list[str]:
        count = len(self.timing.repeated)
        return [f"{count} of {self.timing.moving} frames repeat the frame before"] if count else []

    def _colours(self) -> list[str]:
        gains, _ = self.levels.fit()
        limited = self.range.finding(float(gains.mean()))
        if limited:
            return [limited]
        own, theirs = self.levels.means
        error = own - theirs
        cast = error - error.mean()
        said = []
        if np.abs(cast).max() > CAST:
            said.append(
                "colour cast: " + ", ".join(f"{c} {v:+.0f}" for c, v in zip("RGB", error, strict=True))
            )
        elif abs(error.mean()) > 2 * CAST:
            said.append(
                f"{'brighter' if error.mean() > 0 else 'darker'} by {abs(error.mean()):.0f} grey levels"
            )
        if abs(float(gains.mean()) - 1) > GAIN:
            said.append(f"contrast times {gains.mean():.2f}")
        return said

    def _edges(self) -> list[str]:
        own = np.min([ours for ours, _ in self.borders], axis=0)
        theirs = np.min([gt for _, gt in self.borders], axis=0)
        sides = zip(("top", "right", "bottom", "left"), own, theirs, strict=True)
        return [f"{own} px of one colour at the {side}" for side, own, gt in sides if own > gt + 1]

    def _numbers(self, found: Placement, early: int) -> dict[str, float]:
        gains, offsets = self.levels.fit()
        numbers = {
            "shift_x": found.shift[0],
            "shift_y": found.shift[1],
            "shift_error": found.error,
            "scale": found.scale,
            "frames_early": float(early),
            "likeness": found.likeness,
            "repeated_frames": float(len(self.timing.repeated)),
        }
        numbers |= {f"gain_{c}": float(v) for c, v in zip("rgb", gains, strict=True)}
        numbers |= {f"offset_{c}": float(v) for c, v in zip("rgb", offsets, strict=True)}
        return {name: round(value, 4) for name, value in numbers.items() if math.isfinite(value)}


def _shrunk(frame: Frames | Picture, side: int) -> Picture:
    return np.asarray(cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _tenths(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"
