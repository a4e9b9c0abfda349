"""Videos written from frames, without loss or to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from degradations.imaging.yuv.frame import rgb_to_frame
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_file, read_through
from vfsrbench.io.video.film import Film
from vfsrbench.io.video.sound import SoundCopy

Frames = NDArray[np.uint8]
Codec = Literal["ffv1", "x264rgb", "h264"]
# without the macroblock tree, with which two encodings of the same frames differ on some processors
_BT709 = {"x264-params": "mbtree=0:colorprim=bt709:transfer=bt709:colormatrix=bt709"}
# encoder, pixel format, options and containers; the first two hold 8-bit RGB as it is
_CODECS: dict[str, tuple[str, str, dict[str, str], frozenset[str]]] = {
    "ffv1": ("ffv1", "bgr0", {"level": "3", "slicecrc": "1", "slices": "4"}, frozenset({".mkv", ".avi"})),
    "x264rgb": (
        "libx264rgb",
        "rgb24",
        {"crf": "0", "preset": "fast", "x264-params": "mbtree=0"},
        frozenset({".mkv", ".mp4"}),
    ),
    "h264": ("libx264", "yuv420p", {"crf": "12", "preset": "medium", **_BT709}, frozenset({".mkv", ".mp4"})),
}


def write_video(
    path: str | Path,
    frames: Iterable[Frames],
    fps: float,
    codec: Codec = "ffv1",
    like: Film | None = None,
) -> None:
    """Write single uint8 RGB (H, W, 3) frames as a video. The file appears when it is complete.

    Without loss: `ffv1` into .mkv or .avi, `x264rgb` (crf 0) into .mkv or .mp4. To look at: `h264` (crf 12,
    YUV 4:2:0, BT.709) into .mkv or .mp4, which every player shows; frames of odd sizes become 4:4:4, which
    some do not.

    Args:
        path: The file; its suffix says which container.
        frames: One after the other, all of one size.
        fps: Frames a second.
        codec: See above.
        like: A film with as many frames, whose frame times, pixel shape and sound go into the file. If its
            pixels are no squares, `x264rgb` takes the place of `ffv1`, to which PyAV cannot give a shape.

    Raises:
        InputError: Another suffix, no frames, frames of different sizes, the disk is full.
        SoundError: The sound of `like` does not go into the file.
    """
    import av

    target = Path(path)
    if codec == "ffv1" and like is not None and like.sample_aspect != 1:
        codec = "x264rgb"
    suffixes = _CODECS[codec][3]
    if target.suffix.lower() not in suffixes:
        raise InputError(
            f"{target}: {codec} goes into {' or '.join(sorted(suffixes))} files; change the name"
        )
    source = read_through(frames, f"frames of {target}")
    first = next(source, None)
    if first is None:
        raise InputError(f"{target}: there are no frames to write")
    with atomic_file(target) as temporary, av.open(str(temporary.resolve()), "w") as container:
        stream = _stream(container, codec, first, fps, like)
        pictures = _pictures(_chain(first, source), stream.pix_fmt, target)
        if like is None:
            for picture in pictures:
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
        else:
            _write_like(container, stream, pictures, like)


def _stream(container: Any, codec: Codec, first: Frames, fps: float, like: Film | None) -> Any:
    encoder, pixels, options, _ = _CODECS[codec]
    stream = container.add_stream(encoder, rate=Fraction(fps).limit_denominator(1001), options=options)
    if pixels == "yuv420p" and (first.shape[0] % 2 or first.shape[1] % 2):
        pixels = "yuv444p"
    stream.height, stream.width, stream.pix_fmt = *first.shape[:2], pixels
    stream.codec_context.thread_count = 1
    if like is not None:
        stream.codec_context.time_base = stream.time_base = like.time_base
        stream.codec_context.sample_aspect_ratio = like.sample_aspect
    return stream


def _pictures(frames: Iterator[Frames], pixels: str, target: Path) -> Iterator[Any]:
    """The frames as the encoder takes them."""
    import av

    shape = None
    for frame in frames:
        shape = shape or frame.shape
        if frame.shape != shape:
            raise InputError(f"{target}: frames of different sizes cannot go into one video")
        if pixels.startswith("yuv"):
            yield rgb_to_frame(frame, pixels, "bt709")
        else:
            yield av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")


def _write_like(container: Any, stream: Any, pictures: Iterator[Any], film: Film) -> None:
    """Write the frames at the film's times, and its sound, packet by packet in the order of their times."""
    with SoundCopy(container, film) as sound:
        # a start before zero stays (the delay of an encoder); one behind it (transport streams) becomes zero
        shift = max(sound.start, Fraction(0))
        ticks = round(shift / film.time_base)
        durations = dict(zip(film.times, film.steps(), strict=True))
        for packet in _packets(stream, pictures, film):
            assert packet.pts is not None and packet.dts is not None
            packet.duration = durations[packet.pts]
            packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
            time = packet.dts * film.time_base
            container.mux(packet)
            sound.write_until(time, shift)
        sound.write_until(None, shift)


def _packets(stream: Any, pictures: Iterator[Any], film: Film) -> Iterator[Any]:
    for picture, time in zip(pictures, film.times, strict=True):
        picture.pts, picture.time_base = time, film.time_base
        yield from stream.encode(picture)
    yield from stream.encode()


def _chain(first: Frames, rest: Iterator[Frames]) -> Iterator[Frames]:
    yield first
    yield from rest
