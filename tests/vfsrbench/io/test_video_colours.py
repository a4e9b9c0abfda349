"""Videos read: tags, siting, threads, and the way through a written video and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from degradations.imaging.yuv.frame import frame_to_rgb, rgb_to_frame
from tests.vfsrbench.clips import noise
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip, write_video


def encode(path: Path, frames: list[Any], codec: str, **options: str) -> Path:
    """Frames as a video, tagged as the first one."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options)
        first = frames[0]
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        stream.codec_context.colorspace = first.colorspace
        stream.codec_context.color_range = first.color_range
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def smooth(count: int, height: int = 64, width: int = 80) -> NDArray[np.uint8]:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in noise(count, height, width)])


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_tags_are_heeded(tmp_path: Path, matrix: Any, full: bool) -> None:
    """Lossless video in each matrix and range comes back as the same RGB."""
    want = smooth(2)
    frames = [rgb_to_frame(frame, "yuv444p", matrix, full) for frame in want]
    path = encode(tmp_path / "v.mkv", frames, "ffv1")
    found = Clip.open(path).read(0, 2).astype(int)
    assert np.abs(found - want).max() <= 2  # limited range has fewer codes than there are colours
    assert np.abs((found - want).mean(axis=(0, 1, 2))).max() < 0.1


def test_siting_is_heeded(tmp_path: Path) -> None:
    frame = rgb_to_frame(smooth(1)[0], siting="topleft")
    path = encode(tmp_path / "v.mkv", [frame], "libx264", crf="0", **{"x264-params": "chromaloc=2"})
    found = Clip.open(path).read(0, 1)[0]
    assert (found == frame_to_rgb(frame, "topleft")).all()
    assert (found != frame_to_rgb(frame, "left")).any()


@pytest.mark.parametrize("height", [64, 63], ids=["4:2:0", "4:4:4"])
def test_written_and_read_nothing_darkens_or_shifts(tmp_path: Path, height: int) -> None:
    across = np.linspace(30, 220, 96)[None, :].repeat(height, 0)  # two levels a pixel
    ramp = np.stack([across, across[:, ::-1], np.full_like(across, 128)], axis=2).round().astype(np.uint8)
    flat = [np.full_like(ramp, colour) for colour in ((255, 255, 255), (0, 0, 0), (180, 120, 90))]
    write_video(tmp_path / "v.mp4", [ramp, *flat], 25, "h264")
    back = Clip.open(tmp_path / "v.mp4").read(0, 4).astype(int)
    assert np.abs(back[1:] - flat).max() <= 1
    red, green, blue = (back[0] - ramp).mean(axis=(0, 1))
    assert abs(red + green + blue) / 3 < 0.3  # no darker
    assert abs(red - green) / 4 < 0.15  # pixels


def test_ten_bits_are_rounded_once(tmp_path: Path) -> None:
    """A 10-bit video holds levels between those of 8 bits; what is read is the nearest one."""
    frame = av.VideoFrame(8, 1024, "yuv444p10le")
    for number, plane in enumerate(frame.planes):
        view = np.ndarray((1024, 8), "<u2", buffer=plane, strides=(plane.line_size, 2))
        view[:] = np.arange(1024)[:, None] if number == 0 else 512
    frame.colorspace, frame.color_range = 1, 1
    path = encode(tmp_path / "v.mkv", [frame], "ffv1", strict="-2")
    want = np.clip((np.arange(1024) - 64) * 255 / 876, 0, 255)
    assert np.abs(Clip.open(path).read(0, 1)[0, :, 0] - want[:, None]).max() < 0.51


def test_threads_do_not_matter(tmp_path: Path) -> None:
    frames = smooth(8, 96, 160)
    write_video(tmp_path / "v.mp4", list(frames), 25, "h264")
    four = Clip.open(tmp_path / "v.mp4").read(0, 8)
    for threads in (1, 4):
        cv2.setNumThreads(threads)
        with av.open(str(tmp_path / "v.mp4")) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = threads
            one = np.stack([frame_to_rgb(frame) for frame in container.decode(stream)])
        assert (one == four).all()


def test_alpha_is_said(tmp_path: Path) -> None:
    frame = av.VideoFrame(32, 32, "yuva420p")
    for plane in frame.planes:
        np.frombuffer(plane, np.uint8)[:] = 100
    frame.colorspace = 1
    clip = Clip.open(encode(tmp_path / "v.mkv", [frame], "ffv1"))
    assert any("transparency of its yuva420p pixels is ignored" in note for note in clip.notes)


def test_what_is_not_exact_is_refused_with_the_files_name(tmp_path: Path) -> None:
    frame = rgb_to_frame(smooth(1)[0], "yuv444p")
    frame.colorspace = 8
    path = encode(tmp_path / "v.mkv", [frame], "libx264", **{"x264-params": "colormatrix=YCgCo"})
    with pytest.raises(InputError, match=r"v\.mkv: colour matrix YCgCo is not converted exactly: convert"):
        Clip.open(path)
