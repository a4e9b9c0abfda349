"""The guard on honest clips and on planted faults, over the demo clips; what it costs a frame on one core.

python benchmarks/guard_table.py
python benchmarks/guard_table.py realesrgan bicubic    where these methods' frames lie, two of demo-calm
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np

import vfsrbench as vb
from tests.vfsrbench.geometry.faults import Frames, h264, late, limited, look, moved, shrunk, swapped, tinted
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.datasets.demo.presets import DEMO_CLIPS

FRAMES = 24
LEVELS = ("vfhq-mild", "vfhq-medium", "vfhq-heavy")
CODED, SIDES = (18, 28, 40), (64, 128, 256)


def noise(frames: Frames) -> Frames:
    """Nothing of what was there."""
    return np.random.default_rng(0).integers(0, 256, frames.shape, dtype=np.uint8)


FAULTS: dict[str, tuple[Callable[[Frames], Frames], str]] = {
    "shifted by 0.4 px": (lambda f: moved(f, 0.4), "shifted by"),
    "shifted by (1.5, -0.5) px": (lambda f: moved(f, 1.5, -0.5), "shifted by"),
    "shifted by 8 px": (lambda f: moved(f, 8), "shifted by"),
    "larger by 0.5 %": (lambda f: moved(f, scale=1.005), "scaled by"),
    "smaller by 2 %": (lambda f: moved(f, scale=0.98), "scaled by"),
    "one frame late": (late, "one frame late"),
    "three frames early": (lambda f: np.concatenate([f[3:], f[-1:], f[-1:], f[-1:]]), "3 frames early"),
    "red and blue swapped": (swapped, "order BGR"),
    "limited range": (limited, "limited range"),
    "red + 8, blue - 4": (tinted, "colour cast"),
    "6 black columns": (
        lambda f: np.concatenate([np.zeros_like(f[:, :, :6]), f[:, :, 6:]], 2),
        "6 px of one",
    ),
    "every third frame repeated": (lambda f: f[np.arange(len(f)) // 3 * 3], "repeat the frame before"),
    "the first frame alone": (lambda f: np.repeat(f[:1], len(f), 0), "23 of 23 frames repeat"),
    "mirrored": (lambda f: np.ascontiguousarray(f[:, :, ::-1]), "mirrored"),
    "turned to the left": (lambda f: np.ascontiguousarray(np.rot90(f, 1, (1, 2))), "90 degrees to the left"),
    "inverted": (lambda f: 255 - f, "bright and dark swapped"),
    "all channels the green one": (lambda f: np.repeat(f[..., 1:2], 3, 3), "no colours"),
    "noise alone": (noise, "other pictures"),
}


def milliseconds(restored: Frames, gt: Frames) -> float:
    """The fastest of five looks, a frame: the thread's own time, which other processes do not lengthen."""
    best = float("inf")
    for _ in range(5):
        start = time.thread_time()
        look(restored, gt)
        best = min(best, time.thread_time() - start)
    return 1e3 * best / len(gt)


def where(methods: list[str]) -> None:
    """Shifts of methods' frames against the ground truth, at two degradations."""
    clip = demo_clip("demo-calm", 2)
    gt = np.ascontiguousarray(clip.array())
    for level in ("bi-x4", "vfhq-mild"):
        degraded = vb.degrade(clip, level)
        for method in methods:
            found = look(np.ascontiguousarray(vb.restore(degraded, method).array()), gt).numbers
            error = found["shift_error"]
            print(f"{level}, {method}: ({found['shift_x']:.2f}, {found['shift_y']:.2f}) px +- {error:.2f}")


def main() -> None:
    if sys.argv[1:]:
        where(sys.argv[1:])
        return
    cv2.setNumThreads(1)
    honest: dict[str, list[str]] = {}
    caught = {(fault, level): 0 for fault in FAULTS for level in LEVELS}
    costs = []
    for name in DEMO_CLIPS:
        gt = np.ascontiguousarray(demo_clip(name, FRAMES).array())
        for crf in CODED:
            honest[f"{name}, H.264 at {crf}"] = list(look(h264(gt, crf), gt).findings)
            for side in SIDES:
                small = shrunk(gt, side)
                honest[f"{name}, {side} px, H.264 at {crf}"] = list(look(h264(small, crf), small).findings)
        for level in LEVELS:
            degraded = vb.degrade(demo_clip(name, FRAMES), level)
            restored = np.ascontiguousarray(vb.restore(degraded, "bicubic").array())
            other = np.ascontiguousarray(vb.restore(degraded, "lanczos").array())
            honest[f"{name}, {level}"] = list(look(restored, gt).findings)
            honest[f"{name}, {level}, lanczos"] = list(look(other, gt).findings)
            costs.append(milliseconds(restored, gt))
            for fault, (plant, word) in FAULTS.items():
                caught[fault, level] += word in "; ".join(look(plant(restored), gt).findings)
    flagged = {name: found for name, found in honest.items() if found}
    print(f"honest clips flagged: {len(flagged)} of {len(honest)} {flagged or ''}")
    print(f"cost: {np.median(costs):.2f} ms a frame, {FRAMES} frames of 512x512 a clip\n")
    print("| planted in bicubic restorations | " + " | ".join(LEVELS) + " |")
    print("|---|" + "---|" * len(LEVELS))
    for fault in FAULTS:
        cells = " | ".join(f"{caught[fault, level]} of {len(DEMO_CLIPS)}" for level in LEVELS)
        print(f"| {fault} | {cells} |")


if __name__ == "__main__":
    main()
