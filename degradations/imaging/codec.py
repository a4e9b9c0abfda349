"""A clip through a video codec and back, by PyAV, without a container and without a file.

Encoders look ahead and choose frame types by position, so a clip is always encoded whole. What makes the
bits depend on the machine is pinned: one thread; for libx264 no macroblock tree (with B-frames it is not
deterministic on AVX-512 unless the width is a multiple of 128); colours converted here, not by swscale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degradations.errors import InputError
from degradations.imaging.yuv.frame import frame_to_rgb, rgb_to_frame

Frame = NDArray[np.uint8]

DECODERS = {
    "libx264": "h264",
    "libx265": "hevc",
    "mpeg4": "mpeg4",
    "libvpx-vp9": "vp9",
}
"""The encoders that a recipe may name, and what decodes them."""


@dataclass(frozen=True)
class Encoding:
    """All that decides the coded bits. `crf` or `bitrate` (bits a second) is given, not both."""

    encoder: str
    fps: Fraction
    crf: int | None = None
    bitrate: int | None = None
    preset: str | None = None
    threads: int = 1
    x264_params: str = ""
    swscale: bool = False
    swap_red_blue: bool = False

    def steady(self, width: int) -> bool:
        """Whether two encodings of the same frames give the same bits on every processor, as measured."""
        if self.encoder != "libx264" or self.threads != 1 or self.swscale:
            return False
        return "mbtree=0" in self.x264_params or width % 128 == 0


def round_trip(frames: Iterator[Frame], encoding: Encoding) -> Iterator[Frame]:
    """Encode all frames (equal sizes, RGB), then yield the decoded ones; only packets are held in between."""
    import av

    first = next(frames, None)
    if first is None:
        return
    height, width = first.shape[:2]
    encoder = _open_encoder(encoding, height, width)
    packets: list[Any] = []
    count = 0
    for count, frame in enumerate(_chain(first, frames), start=1):
        picture = _pack(frame, encoding)
        picture.pts = count - 1
        packets.extend(encoder.encode(picture))
    packets.extend(encoder.encode(None))

    decoder: Any = av.CodecContext.create(DECODERS[encoding.encoder], "r")
    decoder.thread_count = 1
    decoded = 0
    for packet in (*packets, None):
        for picture in decoder.decode(packet):
            decoded += 1
            yield np.ascontiguousarray(_unpack(picture, encoding)[:height, :width])
    if decoded != count:
        raise RuntimeError(f"{encoding.encoder} gave back {decoded} of {count} frames")


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _open_encoder(encoding: Encoding, height: int, width: int) -> Any:
    import av

    try:
        encoder: Any = av.CodecContext.create(encoding.encoder, "w")
    except (ValueError, av.error.FFmpegError):
        raise InputError(
            f"this PyAV has no encoder {encoding.encoder}: install the av wheel from PyPI, or use libx264"
        ) from None
    encoder.height, encoder.width = height + height % 2, width + width % 2
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = encoding.fps
    encoder.time_base = 1 / encoding.fps
    encoder.thread_count = encoding.threads
    encoder.thread_type = "FRAME" if encoding.threads == 1 else "SLICE"
    if encoding.bitrate is not None:
        encoder.bit_rate = encoding.bitrate
    encoder.options = _options(encoding)
    try:
        encoder.open()
    except (ValueError, av.error.FFmpegError) as error:
        raise InputError(
            f"{encoding.encoder} refuses frames of {width}x{height} with {_options(encoding)}: {error}"
        ) from None
    return encoder


def _options(encoding: Encoding) -> dict[str, str]:
    options = {}
    if encoding.crf is not None:
        options["crf"] = str(encoding.crf)
    if encoding.preset:
        options["preset"] = encoding.preset
    if encoding.x264_params:
        options["x264-params"] = encoding.x264_params
    if encoding.encoder == "libx265":
        options["x265-params"] = "pools=1:frame-threads=1:log-level=error"
    return options


def _pack(frame: Frame, encoding: Encoding) -> Any:
    """The frame as the encoder takes it; sides made even by repeating the last row and column."""
    import av

    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    if encoding.swap_red_blue:
        frame = np.ascontiguousarray(frame[:, :, ::-1])
    if encoding.swscale:
        return av.VideoFrame.from_ndarray(frame, format="rgb24")
    return rgb_to_frame(frame, "yuv420p", "bt601", siting="repeat", tagged=False)


def _unpack(picture: Any, encoding: Encoding) -> Frame:
    if encoding.swscale:
        frame = picture.to_ndarray(format="rgb24")
    else:
        frame = frame_to_rgb(picture, siting="repeat", coded_as=("bt601", False))
    return frame[:, :, ::-1] if encoding.swap_red_blue else frame
