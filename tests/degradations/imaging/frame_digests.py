"""Digests of converted frames: of made ones in many formats, of made RGB as YUV, and of a video's.

python -m tests.degradations.imaging.frame_digests [VIDEO] [--plain] [--threads N]

`--plain` first forbids FFmpeg all features of the processor. Needs av, numpy and OpenCV alone.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from degradations.imaging.yuv.frame import frame_to_rgb, rgb_to_frame
from degradations.imaging.yuv.pixel_formats import pixel_format, samples

FORMATS = (
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuv440p",
    "yuv411p",
    "nv12",
    "yuv420p10le",
    "yuv422p12le",
    "p010le",
)
SITINGS: tuple[Any, ...] = ("left", "center", "topleft", "top", "bottomleft", "bottom", "repeat")
MATRICES: dict[Any, int] = {"bt601": 6, "bt709": 1, "bt2020": 9}
HEIGHT, WIDTH = 101, 147


def pattern(height: int, width: int, bits: int, seed: int) -> np.ndarray:
    """Waves with noise, without numpy's random numbers."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    noise = ((x * 7919 + y * 104729 + seed * 1299709) * 2654435761 >> 7) % 61
    waves = (x * (3 + seed) + y * 2 + (x * y) // 40) % 256
    return ((waves + noise) % 256) << (bits - 8) | (noise % (1 << (bits - 8)))


def made_frame(pix_fmt: str, matrix: Any, full: bool) -> Any:
    pixels = pixel_format(pix_fmt)
    frame: Any = av.VideoFrame(WIDTH, HEIGHT, pix_fmt)
    for number in range(3):
        view = samples(frame, pixels, number)
        view[:] = pattern(*view.shape, pixels.depth, number) << pixels.shift
    frame.colorspace, frame.color_range = MATRICES[matrix], 2 if full else 1
    return frame


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()[:20]


def made_digests() -> dict[str, str]:
    found = {}
    for pix_fmt in FORMATS:
        for siting in SITINGS:
            frames = [made_frame(pix_fmt, matrix, full) for matrix in MATRICES for full in (False, True)]
            found[f"{pix_fmt} {siting}"] = digest(*(frame_to_rgb(frame, siting) for frame in frames))
    rgb = np.stack([pattern(HEIGHT, WIDTH, 8, seed) for seed in range(3)], axis=2).astype(np.uint8)
    for pix_fmt in FORMATS[:5]:
        for siting in SITINGS:
            frame = rgb_to_frame(rgb, pix_fmt, siting=siting)
            planes = [samples(frame, pixel_format(pix_fmt), number) for number in range(3)]
            found[f"to {pix_fmt} {siting}"] = digest(*planes)
    return found


def video_digests(path: Path, threads: int) -> dict[str, str]:
    """Of all frames, here and by swscale."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = threads
        frames = list(container.decode(stream))
    return {
        "exact": digest(*(frame_to_rgb(frame) for frame in frames)),
        "swscale": digest(*(frame.to_ndarray(format="rgb24") for frame in frames)),
    }


def forbid_features() -> None:
    folder = Path(av.__file__).parents[1] / "av.libs"
    found = sorted(folder.glob("libavutil*"))
    if not found:
        sys.exit("this PyAV does not bundle FFmpeg")
    ctypes.CDLL(str(found[0])).av_force_cpu_flags(0)


def main(arguments: list[str]) -> None:
    if "--plain" in arguments:
        forbid_features()
    threads = int(arguments[arguments.index("--threads") + 1]) if "--threads" in arguments else 1
    cv2.setNumThreads(threads)
    result = {"made": made_digests()}
    if arguments and not arguments[0].startswith("-"):
        result["video"] = video_digests(Path(arguments[0]), threads)
    json.dump(result, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
