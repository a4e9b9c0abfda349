"""Videos written from frames, without loss or to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from degradations.imaging.yuv_frame import rgb_to_frame
from vfsrbench.errors import InputError
from vfsrbench.files import read_through, whole_file

Frames = NDArray[np.uint8]
Codec = Literal["ffv1", "x264rgb", "h264"]
_BT709 = {"x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709"}
# encoder, pixel format, options and containers; the first two hold 8-bit RGB as it is
_CODECS: dict[str, tuple[str, str, dict[str, str], frozenset[str]]] = {
    "ffv1": ("ffv1", "bgr0", {"level": "3", "slicecrc": "1", "slices": "4"}, frozenset({".mkv", ".avi"})),
    "x264rgb": ("libx264rgb", "rgb24", {"crf": "0", "preset": "fast"}, frozenset({".mkv", ".mp4"})),
    "h264": ("libx264", "yuv420p", {"crf": "12", "preset": "medium", **_BT709}, frozenset({".mkv", ".mp4"})),
}


def write_video(path: str | Path, frames: Iterable[Frames], fps: float, codec: Codec = "ffv1") -> None:
    """Write single uint8 RGB (H, W, 3) frames as a video. The file appears when it is complete.

    Without loss: `ffv1` into .mkv or .avi, `x264rgb` (crf 0) into .mkv or .mp4. To look at: `h264` (crf 12,
    YUV 4:2:0, BT.709) into .mkv or .mp4, which every player shows; frames of odd sizes become 4:4:4, which
    some do not. InputError for another suffix, when there are no frames, when their sizes differ, or when
    the disk is full.
    """
    import av

    target = Path(path)
    encoder, pixels, options, suffixes = _CODECS[codec]
    if target.suffix.lower() not in suffixes:
        raise InputError(
            f"{target}: {codec} goes into {' or '.join(sorted(suffixes))} files; change the name"
        )
    source = read_through(frames, f"frames of {target}")
    first = next(source, None)
    if first is None:
        raise InputError(f"{target}: there are no frames to write")
    with whole_file(target) as temporary, av.open(str(temporary.resolve()), "w") as container:
        stream: Any = container.add_stream(
            encoder, rate=Fraction(fps).limit_denominator(1001), options=options
        )
        if pixels == "yuv420p" and (first.shape[0] % 2 or first.shape[1] % 2):
            pixels = "yuv444p"
        stream.height, stream.width, stream.pix_fmt = *first.shape[:2], pixels
        stream.codec_context.thread_count = 1
        for frame in _chain(first, source):
            if frame.shape != first.shape:
                raise InputError(f"{target}: frames of different sizes cannot go into one video")
            if pixels.startswith("yuv"):
                picture = rgb_to_frame(frame, pixels, "bt709")
            else:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _chain(first: Frames, rest: Iterator[Frames]) -> Iterator[Frames]:
    yield first
    yield from rest
