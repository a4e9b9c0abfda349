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

    restored: list[Picture] = field(default_factory=list)
    gt: list[Picture] = field(default_factory=list)
    still: int = 0
    moving: int = 0

    def add(self, restored: Picture, gt: Picture) -> None:
        """The next frame of both."""
        if self.gt:
            gt_still = np.array_equal(gt, self.gt[-1])
            self.moving += not gt_still
            self.still += not gt_still and np.array_equal(restored, self.restored[-1])
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
        found = np.nan_to_num(self.advantages(), nan=0.0)
        best = int(found.argmax())
        return best - MOST if found[best] > margin else 0


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
