"""Where chroma is sampled is read from real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from degradations.imaging.chroma_siting import siting_of
from degradations.imaging.yuv.frame import rgb_to_frame


def encode(path: Path, codec: str, pix_fmt: str = "yuv420p", **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for _ in range(3):
            container.mux(stream.encode(rgb_to_frame(np.zeros((48, 64, 3), np.uint8), pix_fmt, tagged=False)))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "options", "siting"),
    [
        ("mp4", "libx264", {}, "left"),
        ("mkv", "libx264", {"x264-params": "chromaloc=1"}, "center"),
        ("mp4", "libx264", {"x264-params": "chromaloc=2"}, "topleft"),
        ("mp4", "libx264", {"x264-params": "chromaloc=3"}, "top"),
        ("mp4", "libx264", {"x264-params": "chromaloc=4"}, "left"),  # bottomleft: see docs/pixels.md
        ("mp4", "libx264", {"x264-params": "chromaloc=5"}, "left"),  # bottom
        ("mp4", "libx265", {"x265-params": "chromaloc=2:log-level=none"}, "topleft"),
        ("mpg", "mpeg1video", {}, "center"),
        ("mpg", "mpeg2video", {}, "left"),
        ("avi", "mpeg4", {}, "left"),
        ("mkv", "ffv1", {}, "left"),
        ("avi", "rawvideo", {}, "left"),
    ],
)
def test_streams_say_it(
    tmp_path: Path, suffix: str, codec: str, options: dict[str, str], siting: str
) -> None:
    path = encode(tmp_path / f"v.{suffix}", codec, **options)
    with av.open(str(path)) as container:
        assert siting_of(container.streams.video[0]) == siting


def test_motion_jpeg_means_the_middle(tmp_path: Path) -> None:
    with av.open(str(encode(tmp_path / "v.avi", "mjpeg", "yuvj420p"))) as container:
        assert siting_of(container.streams.video[0]) == "center"


@pytest.mark.parametrize(
    ("tag", "siting"), [("420jpeg", "center"), ("420mpeg2", "left"), ("420paldv", "topleft")]
)
def test_y4m_says_it(tmp_path: Path, tag: str, siting: str) -> None:
    path = tmp_path / "v.y4m"
    path.write_bytes(f"YUV4MPEG2 W4 H2 F25:1 Ip C{tag}\nFRAME\n".encode() + bytes(12))
    with av.open(str(path)) as container:
        assert siting_of(container.streams.video[0]) == siting
