"""Videos for tests, written by PyAV the way cameras, tools and platforms write them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


def scene(frames: int, height: int = 48, width: int = 64, seed: int = 0) -> Frames:
    """Smooth moving frames, (T, H, W, 3)."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    still = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.stack([np.roll(still, (i, 2 * i), (0, 1)) for i in range(frames)])


def write_film(
    path: Path,
    frames: Frames,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    *,
    sound: str | None = None,
    seconds: float | None = None,
    times: Sequence[int] | None = None,
    base: Fraction = Fraction(1, 25),
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    form: str | None = None,
    cover: bool = False,
    film: bool = True,
) -> Path:
    """A video with sound, frame times in ticks of `base`, a pixel shape, a cover before the film."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format=form, options=container or {}) as output:
        if cover:
            _cover_stream(output)
        stream = _film_stream(output, frames, codec, pixels, base, aspect, options or {}) if film else None
        voice = _sound_stream(output, sound) if sound else None
        packets = []
        if cover:
            packets += [_cover_packet(output.streams[0])]
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=pixels)
            picture.pts = number if times is None else times[number]
            picture.time_base = base
            packets += stream.encode(picture)
        packets += stream.encode() if stream is not None else []
        if voice is not None:
            end = float(((times[-1] if times is not None else len(frames) - 1) + 1) * base)
            packets += _sound_packets(voice, end if seconds is None else seconds)
        for packet in packets:
            output.mux(packet)
    return path


def _film_stream(
    output: Any,
    frames: Frames,
    codec: str,
    pixels: str,
    base: Fraction,
    aspect: Fraction | None,
    options: dict[str, str],
) -> Any:
    stream = output.add_stream(codec, rate=1 / base, options=options)
    stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
    stream.codec_context.time_base = base
    if aspect is not None:
        stream.codec_context.sample_aspect_ratio = aspect
    return stream


def _sound_stream(output: Any, codec: str) -> Any:
    voice = output.add_stream(codec, rate=44100)
    voice.layout = "mono"
    return voice


def _sound_packets(voice: Any, seconds: float) -> list[Any]:
    rate, packets = 44100, []
    wave = np.sin(np.arange(int(seconds * rate)) * 0.05 + np.arange(int(seconds * rate)) ** 2 * 1e-7)
    context = voice.codec_context
    size = context.frame_size or 1024
    for start in range(0, len(wave), size):
        part = wave[start : start + size].astype(np.float32)[None]
        form = context.format.name
        if form == "u8":
            part = (part * 100 + 128).astype(np.uint8)
        if form.startswith("s16"):
            part = (part * 20000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format=form, layout="mono")
        frame.sample_rate, frame.pts = rate, start
        frame.time_base = Fraction(1, rate)
        packets += voice.encode(frame)
    return packets + list(voice.encode())


def _cover_stream(output: Any) -> Any:
    cover = output.add_stream("png", rate=1)
    cover.height, cover.width, cover.pix_fmt = 200, 300, "rgb24"
    if not hasattr(cover, "disposition"):
        pytest.skip("this PyAV cannot mark a cover")
    cover.disposition = 0x400
    return cover


def _cover_packet(cover: Any) -> Any:
    picture = av.VideoFrame.from_ndarray(np.full((200, 300, 3), 77, np.uint8), format="rgb24")
    picture.pts, picture.time_base = 0, Fraction(1, 1)
    return cover.encode(picture)[0]


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write the turn (x, y) -> (a x + c y, b x + d y) into the track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def packets_of(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """Time and bytes of each packet of the first stream of a kind."""
    with av.open(str(path)) as source:
        stream = next(s for s in source.streams if s.type == kind)
        return [
            (Fraction(packet.pts) * packet.time_base, bytes(packet))
            for packet in source.demux(stream)
            if packet.size
        ]


def frame_times(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    with av.open(str(path)) as source:
        return [frame.pts * frame.time_base for frame in source.decode(video=0)]
