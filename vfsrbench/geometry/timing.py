"""Whether a clip is early or late, and whether its frames stand still where the ground truth moves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vfsrbench.geometry.registration import resampling

MOST = 3
"""Offsets are looked for up to this many frames, in both directions."""
_STILL = 1e-3  # variance over time, in squared grey levels a pixel, below which nothing moves
_LEAST = 6  # frames
_SLOW = 0.7  # of the least change: a mean below it arrives late in a coded video, and no offset can be told
_PART, _CHANCE = 0.26, 2.7  # of the advantage that an offset would have, were it all that is off; over frames
_LIKE = 0.1  # correlation of the changes, below which it is chance that clips change alike at any offset
_REPEATED, _VISIBLE = 0.05, 1.0  # squared change of a frame against the ground truth's; squared grey levels
Picture = NDArray[np.float32]
Pictures = NDArray[np.float32]
Shift = tuple[float, float]


@dataclass
class Timing:
    """Small grey pictures of all frames of two clips; how alike they change over time is found at offsets of
    -3 (late) to 3 (early) frames.

    Each side's mean picture over time is taken off, so that what blur or a wrong colour do to every frame
    does not count.
    """

    least_change: float
    """Squared grey levels that the ground truth changes by where it moves: encoders leave out less."""
    restored: list[Picture] = field(default_factory=list)
    gt: list[Picture] = field(default_factory=list)
    repeated: set[int] = field(default_factory=set)
    """Frames that repeat the one before though the ground truth moves."""
    moving: int = 0
    changes: float = 0.0
    """The sum of the ground truth's squared changes."""

    def add(self, restored: Picture, gt: Picture) -> None:
        """The next frame of both."""
        if self.gt:
            change, gt_change = _change(restored, self.restored[-1]), _change(gt, self.gt[-1])
            self.changes += gt_change
            self.moving += gt_change > self.least_change
            most = _REPEATED * gt_change if gt_change > _VISIBLE else 0.0
            if gt_change > self.least_change and change <= most:
                self.repeated.add(len(self.gt))
        self.restored.append(restored)
        self.gt.append(gt)

    def advantages(self) -> NDArray[np.float64]:
        """How much more alike the clips change at offsets of -3 (three frames late) to 3 (three frames early)
        than without, over the frames that both have; NaN where nothing moves or too few frames are left."""
        return np.array([self.advantage(early) for early in range(-MOST, MOST + 1)])

    def advantage(self, early: int, there: Shift = (0.0, 0.0), here: Shift = (0.0, 0.0)) -> float:
        """The same of one offset, the ground truth moved (x, y small pixels): `there` at that offset, `here`
        without it."""
        first, last = max(0, -early), len(self.gt) - max(0, early)
        if last - first < _LEAST:
            return float("nan")
        own = np.stack(self.restored[first:last])
        later = _moved(np.stack(self.gt[first + early : last + early]), there)
        return _alike(own, later) - _alike(own, _moved(np.stack(self.gt[first:last]), here))

    def offset(self, margin: float) -> int:
        """Frames early (late: negative) at which the clips change most alike; 0 unless that is more by
        `margin`, and where it cannot be told."""
        if 2 * len(self.repeated) > len(self.gt):
            return 0  # it waits: now it is late, now it is not
        if self.changes < _SLOW * self.least_change * len(self.gt):
            return 0
        found = np.nan_to_num(self.advantages(), nan=0.0)
        best = int(found.argmax())
        if found[best] <= margin:
            return 0
        early = best - MOST
        part = max(_PART, _CHANCE / (len(self.gt) - abs(early)))
        like, expected = self._expected(early)
        return early if like > _LIKE and found[best] > part * expected else 0

    def _expected(self, early: int) -> tuple[float, float]:
        """How like the clip is at that offset, and the advantage of one that is early by so much and else as
        like as it is: by so much the ground truth is less like itself. What encoders do to little motion, and
        chance in much noise, has less."""
        first, last = max(0, -early), len(self.gt) - max(0, early)
        here, later = np.stack(self.gt[first:last]), np.stack(self.gt[first + early : last + early])
        like = _alike(np.stack(self.restored[first:last]), later)
        return like, like * (1 - _alike(here, later))


def _change(picture: Picture, before: Picture) -> float:
    return float(np.square(picture - before, dtype=np.float64).mean())


def _moved(pictures: Pictures, shift: Shift) -> Pictures:
    if shift == (0.0, 0.0):
        return pictures
    rows, columns = (resampling(n, s, 1.0) for n, s in zip(pictures.shape[1:], reversed(shift), strict=True))
    return np.asarray(rows @ pictures @ columns.T)


def _alike(restored: Pictures, gt: Pictures) -> float:
    """The correlation of two clips' changes over time; NaN where nothing moves."""
    own, theirs = (side - side.mean(0, dtype=np.float64) for side in (restored, gt))
    energy, energy_gt = (own * own).sum(), (theirs * theirs).sum()
    if min(energy, energy_gt) < _STILL * own.size:
        return float("nan")
    return float((own * theirs).sum() / np.sqrt(energy * energy_gt))
