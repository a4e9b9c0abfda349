"""SSIM of temporal slices: how well the picture holds together over time (SECNet's SSIM_vt).

One column of all frames, put side by side, is a picture of height x time. SSIM_vt is the SSIM of such
pictures, averaged over all columns and channels. All columns are worked on together, in strips that fit the
processor's cache, while the clip passes by in windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.metric import Frames, Metric, Values, Window
from vfsrbench.metrics.pixels import check_frames, check_pair, check_size
from vfsrbench.metrics.ssim import MARGIN, TAPS, Moments, Plane, Room, gaussian, spread_of, ssim_sum

_STRIP = 8  # columns that are worked on at a time, to stay inside the processor's cache


@dataclass(frozen=True)
class _Strip:
    """The ground truth of a strip: its columns (T, H, N), and their moments (T-10, H-10, N)."""

    columns: Frames
    known: Moments


class SsimVt(Metric):
    """SSIM of vertical-temporal slices. Frame t's value is the part of the map centred on frame t-5.

    It needs the ten frames before it; the first ten frames have no value (NaN), and the mean over the rest
    equals the mean over the whole slices, as the window's valid area has equally many places at each time.
    """

    threaded = True

    def __init__(self, card: MetricCard) -> None:
        super().__init__(card)
        self.room = Room()

    def prepare(self, gt: Window) -> list[_Strip]:
        """The ground truth, cut into strips of columns, with their moments."""
        check_frames(gt)
        check_size(gt, TAPS, self.card.id)
        first = _first(gt)
        if len(gt.frames) - first < TAPS:
            return []
        return [_Strip(part, _moments(part, self.room)) for part in _strips(gt.frames[first:])]

    def score(self, restored: Window, gt: Window, state: list[_Strip]) -> Values:
        check_pair(restored, gt)
        first = _first(gt)
        sums = np.zeros(max(0, len(gt.frames) - first - (TAPS - 1)))
        if len(sums):
            room = self.room
            for ours, gt_strip in zip(_strips(restored.frames[first:]), state, strict=True):
                theirs, known = gt_strip.columns, gt_strip.known
                mean = _smooth(ours, 2, "mean", room)
                square = _smooth(room.product(ours, ours), 4, "square", room)
                cross = _smooth(room.product(ours, theirs), 4, "cross", room)
                frames = zip(mean, square, cross, known.twice, known.spread, strict=True)
                sums += [ssim_sum(x, xx, xy, Moments(y, spread), room) for x, xx, xy, y, spread in frames]
        height, width, channels = gt.frames.shape[1:]
        values = np.full(len(restored.scored), np.nan)
        values[len(values) - len(sums) :] = sums / ((height - 2 * MARGIN) * width * channels)
        return values


def _first(window: Window) -> int:
    """The first frame in the window that the scored frames look back to."""
    due = max(window.scored.start, TAPS - 1)
    if due >= window.scored.stop:
        return len(window.frames)
    if due - (TAPS - 1) < window.start:
        raise ValueError(
            f"frame {due} needs {TAPS - 1} frames before it, the window starts at {window.start}"
        )
    return due - (TAPS - 1) - window.start


def _strips(frames: Frames) -> Iterator[Frames]:
    """The clip cut into strips of columns: (T, H, columns * 3)."""
    for left in range(0, frames.shape[2], _STRIP):
        part = np.ascontiguousarray(frames[:, :, left : left + _STRIP])
        yield part.reshape(len(part), part.shape[1], part.shape[2] * 3)


def _moments(part: Frames, room: Room) -> Moments:
    twice = _smooth(part, 2, "mean", room).copy()
    return Moments(twice, spread_of(twice, _smooth(room.product(part, part), 4, "square", room).copy()))


def _smooth(planes: NDArray[Any], scale: int, name: str, room: Room) -> Plane:
    """(T, H, N) under the Gaussian window over T and H, times a power of two, valid area: (T-10, H-10, N),
    T >= 11. It lies in the room's array of that name.

    Both directions are OpenCV's column filter, which treats every row alike: a value does not depend on how
    many frames are worked on together, not even in its last bit. Rows near a frame's border mix with the
    neighbouring frame's in the second pass, and are cut off.
    """
    times, height, width = planes.shape
    taps, one = gaussian(), np.ones(1)
    over_time = room.array("over time", (times, height * width))
    cv2.sepFilter2D(planes.reshape(times, -1), cv2.CV_64F, one, taps, over_time)
    rows = over_time[MARGIN:-MARGIN].reshape(-1, width)
    whole = room.array(name, rows.shape)
    cv2.sepFilter2D(rows, cv2.CV_64F, one, scale * taps, whole)
    return whole.reshape(-1, height, width)[:, MARGIN:-MARGIN]
