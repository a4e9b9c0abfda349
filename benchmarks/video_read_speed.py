"""Frames a second that one core reads of a video: the exact conversion beside swscale's, in turns.

python -m benchmarks.video_read_speed [--size 512] [--frames 60] [--rounds 7]

Decoding and conversion in one thread, as `VideoSource` does them for each frame. A figure is the median over
the rounds of processor time a frame; the last column, how fast reading is beside what it was with swscale.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from degradations.imaging.scratch import Scratch
from degradations.imaging.yuv.frame import frame_to_rgb
from vfsrbench.datasets.demo.clips import demo_clip

FORMATS = {
    "H.264 4:2:0, crf 12": ("libx264", "yuv420p", {"crf": "12"}),
    "H.264 4:2:0, crf 23": ("libx264", "yuv420p", {"crf": "23"}),
    "H.264 4:2:2, crf 23": ("libx264", "yuv422p", {"crf": "23"}),
    "H.264 4:4:4, crf 23": ("libx264", "yuv444p", {"crf": "23"}),
    "H.265 4:2:0 10 bit, crf 23": ("libx265", "yuv420p10le", {"crf": "23", "x265-params": "log-level=none"}),
}


def nothing(frame: Any, out: np.ndarray) -> None:
    """Decoding alone."""


def by_swscale(frame: Any, out: np.ndarray) -> None:
    out[:] = frame.to_ndarray(format="rgb24")


def make(path: Path, name: str, size: int, count: int) -> None:
    encoder, pixels, options = FORMATS[name]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(encoder, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = size, size, pixels
        for frame in demo_clip("demo-talking", count).frames():
            picture = cv2.resize(frame, (size, size), interpolation=cv2.INTER_LINEAR)
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels))
            )
        container.mux(stream.encode())


def seconds_a_frame(path: Path, convert: Callable[[Any, np.ndarray], object]) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        out = np.zeros((4, stream.height, stream.width, 3), np.uint8)
        start, count = time.process_time(), 0
        for frame in container.decode(stream):
            convert(frame, out[count % len(out)])
            count += 1
        return (time.process_time() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{options.size}x{options.size}, {options.frames} frames, one thread; milliseconds a frame")
    print("| video | decoding alone | with swscale | with the exact conversion | speed beside swscale |")
    print("|---|--:|--:|--:|--:|")
    scratch = Scratch()
    conversions = (
        nothing,
        by_swscale,
        lambda frame, out: frame_to_rgb(frame, out=out, scratch=scratch),
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            path = Path(folder) / "v.mp4"
            make(path, name, options.size, options.frames)
            rounds = [
                [seconds_a_frame(path, convert) for convert in conversions] for _ in range(options.rounds)
            ]
            bare, old, new = (1000 * statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"| {name} | {bare:.2f} | {old:.2f} | {new:.2f} | {old / new:.2f} |", flush=True)


if __name__ == "__main__":
    main()
