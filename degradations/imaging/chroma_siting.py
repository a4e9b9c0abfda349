"""Where a stream says that its chroma is sampled.

PyAV does not expose it, but the headers of a new file for the same stream do, and are quick to make.
"""

from __future__ import annotations

import io
from typing import Any

from degradations.imaging.yuv.chroma import Siting

# elements of Matroska: their id, and one byte of a number
_ACROSS, _DOWN = b"\x55\xb7\x81", b"\x55\xb8\x81"
_IN_MATROSKA: dict[tuple[int, int], Siting] = {
    (1, 2): "left",
    (2, 2): "center",
    (1, 1): "topleft",
    (2, 1): "top",
}
_IN_Y4M: tuple[tuple[bytes, Siting], ...] = (
    (b" C420jpeg", "center"),
    (b" C420mpeg2", "left"),
    (b" C420paldv", "topleft"),
)


def siting_of(stream: Any) -> Siting:
    """Where chroma is sampled.

    Args:
        stream: A video stream of a container that is open for reading.

    Returns:
        What the stream or its codec says: H.264, H.265, AV1 and y4m files do; MPEG-1 and MJPEG mean the
        middle. `left` if nothing is said, and for `bottom` and `bottomleft`, for which Matroska has no word.
    """
    if stream.container.format.name == "yuv4mpegpipe":
        header = _header(stream, "yuv4mpegpipe")
        return next((siting for tag, siting in _IN_Y4M if tag in header), "left")
    header = _header(stream, "matroska")
    across, down = (_number(header, element) for element in (_ACROSS, _DOWN))
    return _IN_MATROSKA.get((across, down), "left")


def _header(stream: Any, container_format: str) -> bytes:
    """The head of a file of this stream, without its frames; nothing if such a file cannot hold it."""
    import av

    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format=container_format) as output:
            _copy_stream(output, stream)
            output.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return b""
    return buffer.getvalue()


def _copy_stream(output: Any, stream: Any) -> None:
    if not hasattr(output, "add_stream_from_template"):  # PyAV before 14
        output.add_stream(template=stream)
        return
    try:  # `opaque`: without looking for an encoder
        output.add_stream_from_template(stream, opaque=True)
    except TypeError:
        output.add_stream_from_template(stream)


def _number(header: bytes, element: bytes) -> int:
    place = header.find(element)
    return header[place + len(element)] if place >= 0 else 0
