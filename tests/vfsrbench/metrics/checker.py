"""What must hold for every metric, whatever it measures. One `Case` a metric; see test_every_metric.py."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch

from vfsrbench.errors import InputError
from vfsrbench.metric import Frames, Metric, TruthInfo, Values, Window

SAME = 1e-5  # how far two ways of computing one value may lie apart, relative to its size
SLACK = 1 << 16  # bytes: counters, caches of small numbers

Clip = Callable[[int], Frames]


@dataclass(frozen=True)
class Case:
    """A metric and clips that suit it.

    `clip(n)` gives n ground-truth frames, always the same ones; `distort(frames, strength)` worsens frames
    one by one, strength from 0 to 1. `perfect` is a frame's value when the ground truth is scored against
    itself; None where even the ground truth does not score the ideal (it must still beat what is worse).
    """

    metric: Metric
    clip: Clip
    distort: Callable[[Frames, float], Frames]
    perfect: float | None = None
    info: TruthInfo = field(default_factory=lambda: TruthInfo("checked", "digest", total=24))
    frames: int = 24
    reference: bool = True  # False: the ground truth is never looked at
    taught: bool = True  # False: a value is an opinion of a network whose weights are random here
    long: tuple[int, int] = (100, 900)
    same: float = SAME

    @property
    def direction(self) -> int:
        return {"higher": 1, "lower": -1}[self.metric.card.direction]


def windows(metric: Metric, frames: Frames, size: int, info: TruthInfo) -> Iterator[Window]:
    """The clip cut as the harness cuts it: `size` scored frames, before them as many as the metric needs."""
    info = replace(info, total=len(frames))
    for start in range(0, len(frames), size):
        lead = min(metric.card.context, start)
        yield Window(frames[start - lead : start + size], start - lead, lead, info)


def scores(
    metric: Metric, restored: Frames, truth: Frames, size: int, info: TruthInfo, order: Any = None
) -> Values:
    """All frame values of a clip, from windows of `size` frames taken in `order` (default: as they come).

    (T,), or (T, k) for a clip metric that carries several numbers a frame; or its rows, in that order.
    """
    values, rows = np.empty(0), []
    pairs = list(zip(windows(metric, restored, size, info), windows(metric, truth, size, info), strict=True))
    for index in range(len(pairs)) if order is None else order(len(pairs)):
        ours, theirs = pairs[index]
        got = metric.score(ours, theirs, metric.prepare(theirs))
        if got.dtype.names:
            rows.append(got)
            continue
        assert got.dtype == np.float64
        if not len(values):
            values = np.full((len(truth), *got.shape[1:]), np.nan)
        values[list(ours.scored)] = got
    return np.concatenate(rows) if rows else values


def check_windows(case: Case) -> None:
    """Windows of one frame, of eight, the whole clip, and windows in any order give the same values."""
    truth = case.clip(case.frames)
    restored = case.distort(truth, 0.5)
    whole = scores(case.metric, restored, truth, len(truth), case.info)
    assert np.isfinite(whole[case.metric.card.context :]).all(), "the case has frames without a value"
    assert np.isnan(whole[: case.metric.card.context]).all(), "values before there is enough context"
    shuffled = lambda count: np.random.default_rng(3).permutation(count)  # noqa: E731
    for size, order in ((1, None), (8, None), (5, shuffled), (1, shuffled)):
        got = scores(case.metric, restored, truth, size, case.info, order)
        assert_same(got, whole, case.same)


def check_perfect(case: Case) -> None:
    """The ground truth against itself is perfect, and nothing scores better."""
    truth = case.clip(case.frames)
    values = known(scores(case.metric, truth, truth, 8, case.info))
    if case.perfect is not None and case.metric.card.level == "clip":
        assert case.metric.finish(values) == pytest.approx(case.perfect, abs=case.same)
    elif case.perfect is not None:
        assert values == pytest.approx(np.full(len(values), case.perfect), abs=case.same)
    elif case.taught:
        worse = known(scores(case.metric, case.distort(truth, 0.5), truth, 8, case.info))
        assert case.direction * (case.metric.finish(values) - case.metric.finish(worse)) > 0


def check_direction(case: Case) -> None:
    """A known distortion moves the clip's value the wrong way, and twice as strong a one further; of an
    opinion of random weights only that it moves."""
    truth = case.clip(case.frames)
    clip_values = [
        case.metric.finish(scores(case.metric, case.distort(truth, strength), truth, 8, case.info))
        for strength in (0.0, 0.5, 1.0)
    ]
    steps = case.direction * np.diff(clip_values)
    wrong = steps < 0 if case.taught else steps != 0
    assert wrong.all(), f"clip values at strength 0, 0.5 and 1: {clip_values}"


def check_refuses_non_finite(case: Case) -> None:
    """Frames with NaN in them (so not uint8) end in one clear line, on either side."""
    truth = case.clip(case.frames)
    broken = truth.astype(np.float32)
    broken[-1, 4, 5] = np.nan
    info = replace(case.info, total=len(truth))
    good, bad = Window(truth, 0, 0, info), Window(broken, 0, 0, info)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must be uint8 RGB"):
        case.metric.score(bad, good, case.metric.prepare(good))
    if case.reference:
        with pytest.raises(InputError, match="must be uint8 RGB"):
            case.metric.score(good, bad, case.metric.prepare(bad))


def check_refuses_other_sizes(case: Case) -> None:
    """Frames of another size are not resized in silence."""
    truth = case.clip(case.frames)
    info = replace(case.info, total=len(truth))
    if not case.reference:
        return
    whole, cut = Window(truth, 0, 0, info), Window(truth[:, :-2, :-4], 0, 0, info)
    with pytest.raises(InputError, match=f"{truth.shape[2] - 4}x{truth.shape[1] - 2}"):
        case.metric.score(cut, whole, case.metric.prepare(whole))


def check_batch_mates(case: Case) -> None:
    """What happens in other frames of the window leaves a frame's value alone."""
    truth = case.clip(case.frames)
    restored = case.distort(truth, 0.5)
    at = len(truth) // 2
    depends = range(at - case.metric.card.context, at + 1)
    others = [t for t in range(len(truth)) if t not in depends]
    assert others
    changed = restored.copy()
    changed[others] = 255 - changed[others]
    got = scores(case.metric, changed, truth, len(truth), case.info)
    want = scores(case.metric, restored, truth, len(truth), case.info)
    assert_same(got[at : at + 1], want[at : at + 1], case.same)
    assert not np.array_equal(got, want, equal_nan=True), "the other frames' own values did not move"


def check_flat_memory(case: Case) -> None:
    """A long clip needs no more memory than a short one, and leaves nothing behind: windows come and go."""
    few = case.clip(8 + case.metric.card.context)
    spoilt = case.distort(few, 0.5)

    def stream(total: int) -> None:
        info = replace(case.info, total=total)
        for start in range(0, total, 8):
            lead = min(case.metric.card.context, start)
            count = min(8, total - start) + lead
            truth = Window(few[:count].copy(), start - lead, lead, info)
            restored = Window(spoilt[:count].copy(), start - lead, lead, info)
            case.metric.score(restored, truth, case.metric.prepare(truth))
            del truth, restored  # not held while the next ones are made

    stream(case.long[0])  # what is made once is made
    peaks, kept = [], []
    tracemalloc.start()  # numpy reports to it, too
    try:
        for total in case.long:
            before = _held()
            tracemalloc.reset_peak()
            stream(total)
            peaks.append(tracemalloc.get_traced_memory()[1])
            kept.append(_held() - before)
    finally:
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] + SLACK, f"peaks of {case.long} frames: {peaks} bytes"
    assert kept[1] < kept[0] + SLACK, f"left behind by {case.long} frames: {kept} bytes"


def _held() -> int:
    """Bytes in Python's and numpy's objects, and in torch's tensors."""
    gc.collect()
    tensors = (o for o in gc.get_objects() if type(o) in (torch.Tensor, torch.nn.Parameter))
    held = sum(t.numel() * t.element_size() for t in tensors)
    return held + tracemalloc.get_traced_memory()[0]


def check_gpu(case: Case, on_gpu: Metric) -> None:
    """The GPU's values are the CPU's."""
    truth = case.clip(case.frames)
    restored = case.distort(truth, 0.5)
    want = scores(case.metric, restored, truth, 8, case.info)
    assert_same(scores(on_gpu, restored, truth, 8, case.info), want, 1e-4)


def assert_same(got: Values, want: Values, tolerance: float) -> None:
    assert np.array_equal(np.isnan(got), np.isnan(want)), "values are missing in one and not in the other"
    assert got == pytest.approx(want, rel=tolerance, abs=tolerance, nan_ok=True)


def known(values: Values) -> Values:
    return values[~np.isnan(values).reshape(len(values), -1).any(axis=1)]


CHECKS: Sequence[Callable[[Case], None]] = (
    check_windows,
    check_perfect,
    check_direction,
    check_refuses_non_finite,
    check_refuses_other_sizes,
    check_batch_mates,
    check_flat_memory,
)
