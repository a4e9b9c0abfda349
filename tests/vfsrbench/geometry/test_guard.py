"""The guard on planted faults, and on honest clips: demo clips, H.264, restorations of degraded clips."""

from __future__ import annotations

import io
from functools import lru_cache

import av
import numpy as np
import pytest

import vfsrbench as vb
from tests.vfsrbench.geometry.faults import Frames, late, limited, look, moved, swapped, tinted
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.geometry.guard import Guard, Report

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


def h264(frames: Frames, crf: int) -> Frames:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        stream.options = {"crf": str(crf)}
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    file.seek(0)
    with av.open(file) as back:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in back.decode(video=0)])


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
