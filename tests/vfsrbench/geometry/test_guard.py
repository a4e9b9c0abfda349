"""The guard on planted faults, and on honest clips: demo clips, H.264, restorations of degraded clips."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

import vfsrbench as vb
from tests.vfsrbench.geometry.faults import Frames, h264, late, limited, look, moved, shrunk, swapped, tinted
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.geometry.guard import LATE, Guard, Report
from vfsrbench.geometry.timing import Timing

FRAMES = 12
CLIPS = ("demo-calm", "hopper-talking")


@lru_cache(maxsize=4)
def truth(name: str) -> Frames:
    return np.ascontiguousarray(demo_clip(name, FRAMES).array())


@lru_cache(maxsize=8)
def restoration(name: str, level: str) -> Frames:
    """What honest restorations look like: soft, noisy, and lower in contrast."""
    degraded = vb.degrade(demo_clip(name, FRAMES), level)
    return np.ascontiguousarray(vb.restore(degraded, "bicubic").array())


def test_windows_and_their_order_of_sight_do_not_count() -> None:
    gt = truth("demo-calm")
    delayed = late(gt)
    guard = Guard(*gt.shape[1:3], len(gt))
    sights = {
        first: guard.see(first, delayed[first : first + 5], gt[first : first + 5]) for first in (10, 5, 0)
    }
    for first in sorted(sights):
        guard.keep(sights[first])
    assert guard.report() == look(delayed, gt)


@pytest.mark.parametrize("name", CLIPS)
def test_honest_clips_have_no_finding(name: str) -> None:
    gt = truth(name)
    assert look(gt, gt).findings == ()
    for crf in (18, 28, 40):
        assert look(h264(gt, crf), gt).findings == (), crf
    for level in ("vfhq-mild", "vfhq-medium", "vfhq-heavy"):
        assert look(restoration(name, level), gt).findings == (), level


@pytest.mark.parametrize(("name", "level"), [("demo-calm", "vfhq-mild"), ("hopper-talking", "vfhq-heavy")])
def test_planted_faults_are_found_in_restorations(name: str, level: str) -> None:
    gt, honest = truth(name), restoration(name, level)
    at_rest = look(honest, gt).numbers

    def finding(frames: Frames) -> str:
        return "; ".join(look(frames, gt).findings)

    for x, y in ((0.4, 0.0), (0.0, -0.4), (1.5, 0.0), (-8.0, 3.0)):
        found = look(moved(honest, x, y), gt)
        assert "shifted by (" in "; ".join(found.findings), (x, y)
        assert found.numbers["shift_x"] - at_rest["shift_x"] == pytest.approx(x, abs=0.1)
        assert found.numbers["shift_y"] - at_rest["shift_y"] == pytest.approx(y, abs=0.1)
    for scale in (0.98, 0.995, 1.005, 1.02):
        found = look(moved(honest, scale=scale), gt)
        assert found.numbers["scale"] == pytest.approx(scale, abs=1e-3)
        assert f"scaled by {100 * (scale - 1):+.1f} %" in found.findings
    assert "one frame late" in finding(late(honest))
    assert "one frame early" in finding(np.concatenate([honest[1:], honest[-1:]]))
    assert "channels in the order BGR" in finding(swapped(honest))
    assert "limited range" in finding(limited(honest))
    assert "colour cast: R +" in finding(tinted(honest))
    cut = honest.copy()
    cut[:, :, -7:] = 0
    assert finding(cut) == "7 px of one colour at the right"


def test_frozen_frames_are_counted_where_the_truth_moves() -> None:
    gt = truth("demo-calm")
    frozen = gt.copy()
    frozen[4:7] = frozen[3]
    assert "3 of 11 frames repeat the frame before" in look(frozen, gt).findings
    assert look(frozen, frozen).findings == (), "the ground truth stands still itself"
    stopped = np.repeat(gt[:1], FRAMES, axis=0)
    assert look(stopped, gt).findings == ("11 of 11 frames repeat the frame before",)


def test_repeated_frames_are_found_under_noise_and_in_videos() -> None:
    gt = truth("hopper-talking")
    twice = gt[np.arange(FRAMES) // 2 * 2]
    noise = np.random.default_rng(0).integers(-1, 2, gt.shape)
    for frames in (np.clip(twice + noise, 0, 255).astype(np.uint8), h264(twice, 18)):
        assert "6 of 11 frames repeat the frame before" in look(frames, gt).findings


@pytest.mark.parametrize("side", [64, 96, 128])
def test_small_pictures(side: int) -> None:
    """Little of a small picture moves by whole pixels, and encoders leave out what does not."""
    gt = shrunk(truth("hopper-talking"), side)
    soft = shrunk(shrunk(gt, side // 4), side)
    for honest in (gt, soft, h264(gt, 28), h264(gt, 40)):
        assert look(honest, gt).findings == ()
    (found,) = look(moved(soft, 0.4), gt).findings
    assert found.startswith("shifted by (0.")
    assert "one frame late" in look(late(soft), gt).findings
    (found,) = look(moved(gt, scale=0.98), gt).findings
    assert found in ("scaled by -1.9 %", "scaled by -2.0 %", "scaled by -2.1 %")
    calm = shrunk(truth("demo-calm"), side)
    for crf in (18, 40):
        assert look(h264(calm, crf), calm).findings == ()


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (lambda f: f[:, :, ::-1], "mirrored, left and right swapped"),
        (lambda f: f[:, ::-1], "upside down"),
        (lambda f: f[:, ::-1, ::-1], "turned by 180 degrees"),
        (lambda f: np.rot90(f, 1, (1, 2)), "turned by 90 degrees to the left"),
        (lambda f: np.rot90(f, 3, (1, 2)), "turned by 90 degrees to the right"),
        (lambda f: f.transpose(0, 2, 1, 3), "rows and columns swapped"),
        (lambda f: 255 - f, "bright and dark swapped"),
    ],
)
def test_other_pictures_are_named_and_not_measured(turn: Callable[[Frames], Frames], said: str) -> None:
    for name in CLIPS:
        found = look(np.ascontiguousarray(turn(restoration(name, "vfhq-heavy"))), truth(name))
        assert found.findings == (said,), "not a shift or a scale, which mean nothing here"


def test_other_clips_and_empty_pictures_are_named() -> None:
    gt, other = truth("demo-calm"), truth("hopper-talking")
    (found,) = look(other, gt).findings
    assert found.startswith("other pictures than the ground truth's (likeness 0.")
    found, still = look(np.full_like(gt, 90), gt).findings
    assert found == "one colour, nothing to be seen" and still.startswith("11 of 11")
    grey = np.repeat(gt.mean(axis=3, keepdims=True), 3, axis=3).astype(np.uint8)
    assert look(grey, gt).findings == ("no colours",)


def test_a_ground_truth_without_detail_accuses_nobody() -> None:
    shape = (FRAMES, 128, 128, 3)
    noise = np.random.default_rng(0).normal(0, 2, shape)

    def noisy(frames: Frames) -> Frames:
        return np.clip(np.rint(frames + noise), 0, 255).astype(np.uint8)

    ramp = np.broadcast_to(np.linspace(40, 200, 128).astype(np.uint8)[:, None], shape)
    stripes = np.broadcast_to(((np.arange(128) // 4 % 2) * 200 + 20).astype(np.uint8)[:, None], shape)
    for flat in (np.zeros(shape, np.uint8), np.full(shape, 128, np.uint8), ramp, stripes):
        assert look(flat, flat).findings == ()
        assert np.isfinite(list(look(flat, flat).numbers.values())).all(), "records hold no infinite numbers"
        assert look(noisy(flat), flat).findings == ()


@pytest.mark.parametrize("step", [0.02, 0.1])
def test_what_encoders_and_noise_do_to_little_motion_is_not_an_offset(step: float) -> None:
    """Without motion no offset in time can be told, and what there is arrives late in a coded video."""
    at = np.cumsum(np.random.default_rng(1).normal(0, step, (24, 2)), axis=0)
    still = truth("demo-calm")[:1, 128:384, 128:384]
    gt = np.concatenate([moved(still, x, y) for x, y in at])
    noise = np.random.default_rng(0).normal(0, 12, gt.shape)
    for honest in (h264(gt, 18), h264(gt, 28), np.clip(gt + noise, 0, 255).astype(np.uint8)):
        assert look(honest, gt).findings == ()


def test_the_shift_is_named_to_the_tenth_of_a_pixel() -> None:
    gt = truth("demo-calm")
    found = look(moved(gt, 1.5, -0.5), gt)
    assert found.findings == ("shifted by (1.5, -0.5) px",)
    assert found.numbers["shift_x"] == pytest.approx(1.5, abs=0.05)


def test_a_still_or_short_clip_is_never_late() -> None:
    gt = truth("demo-calm")
    still = np.repeat(gt[:1], 12, axis=0)
    assert look(still, still).findings == ()
    assert look(gt[1:4], gt[:3]).numbers["frames_early"] == 0
    assert look(gt[:1], gt[:1]).findings == ()


def test_a_few_frames_say_little_of_a_place() -> None:
    """What heavy compression leaves is alike in neighbouring frames, so it does not average out."""
    gt, heavy = truth("hopper-talking"), restoration("hopper-talking", "vfhq-heavy")
    for frames in (1, 2, 3, 4, 6, 8):
        assert look(heavy[:frames], gt[:frames]).findings == (), frames
        found = look(moved(gt[:frames], 0.4), gt[:frames]).findings
        assert found == ("shifted by (0.4, 0.0) px",), frames
        assert "shifted by (1." in look(moved(heavy[:frames], 1.5), gt[:frames]).findings[0]


def test_bars_of_the_ground_truth_are_nobodys_fault() -> None:
    barred = truth("demo-calm").copy()
    barred[:, :20] = 0
    assert look(barred, barred).findings == ()


def test_tiny_and_odd_pictures() -> None:
    small = truth("demo-calm")[:, :40, :40]
    assert look(small, small) == Report()
    odd = truth("demo-calm")[:, :131, :203]
    assert look(odd, odd).findings == ()
    assert "shifted by (2.0, 0.0) px" in look(np.roll(odd, 2, axis=2), odd).findings


def test_a_clip_that_changes_like_nothing_is_never_late() -> None:
    """Where a restoration shares no change with the ground truth, some offset fits best by chance."""
    rows, columns = np.mgrid[:32, :32]
    gt = [20 * np.sin((columns + 0.05 * t * (t + 5)) / 3 + rows / 5).astype(np.float32) for t in range(10)]
    for seed in range(40):
        numbers = np.random.default_rng(seed)
        noise = np.cumsum(numbers.normal(size=(13, 32, 32)), axis=0).astype(np.float32)
        by_chance, late_by_two = Timing(0.12), Timing(0.12)
        for t, picture in enumerate(gt):
            by_chance.add(6 * noise[t], picture)
            late_by_two.add(0.5 * noise[t] + gt[max(0, t - 2)], picture)
        assert by_chance.offset(LATE) == 0, seed
        assert late_by_two.offset(LATE) == -2, seed
