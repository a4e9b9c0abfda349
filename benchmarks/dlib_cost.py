"""What idd_dlib costs a frame on one core: its steps, and the network batched against chip by chip.

python benchmarks/dlib_cost.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vfsrbench import plugins
from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks
from vfsrbench.faces.networks.dlib_faces import (
    DlibDetector,
    DlibLandmarks,
    DlibRecognizer,
    face_boxes,
)
from vfsrbench.weights.resolve import resolve_weights

CLIP, FRAMES, REPEATS = "demo-talking", 16, 5


def milliseconds(work: Callable[[], Any]) -> float:
    """The fastest of some runs, a frame, in the process's own time."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return 1e3 * best / FRAMES


def main() -> None:
    weights = resolve_weights(plugins.metrics()["idd_dlib"].card.weights)
    if weights.missing:
        raise SystemExit(weights.missing)
    recognizer, landmarks = (
        DlibRecognizer(weights.paths["recognizer"]),
        DlibLandmarks(weights.paths["points"]),
    )
    detector = DlibDetector()
    frames, boxes = demo_clip(CLIP, FRAMES).read(0, FRAMES), face_boxes(demo_landmarks(CLIP, FRAMES))
    both = list(zip(frames, boxes, strict=True))
    points = [landmarks.find(frame, box) for frame, box in both]
    chips = [recognizer.chip(frame, found) for frame, found in zip(frames, points, strict=True)]
    steps: dict[str, Callable[[], Any]] = {
        "68 landmarks in a known box (ground truth alone)": lambda: [landmarks.find(f, b) for f, b in both],
        "face chip": lambda: [recognizer.chip(f, p) for f, p in zip(frames, points, strict=True)],
        f"embedding, {FRAMES} chips a call": lambda: recognizer.embed(chips),
        "embedding, chip by chip": lambda: [recognizer.embed([chip]) for chip in chips],
        "frontal detector (clips without landmarks, idd_detected_dlib)": lambda: [
            detector.largest(frame) for frame in frames
        ],
    }
    print(f"dlib-bin {version('dlib-bin')}, one thread, {FRAMES} frames of {CLIP}, 512x512")
    for name, work in steps.items():
        print(f"{milliseconds(work):7.1f} ms a frame  {name}")


if __name__ == "__main__":
    main()
