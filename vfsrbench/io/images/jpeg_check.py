"""Whether a JPEG holds all its pixels: one that was cut off and given an end mark again looks whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vfsrbench.errors import InputError


def check_jpeg(path: Path, data: bytes) -> None:
    """Do nothing if the bytes of a JPEG decode up to its end.

    libjpeg, and so Pillow and OpenCV, fills missing pixels with grey and only warns. FFmpeg notices;
    kinds of JPEG that it does not know pass.

    Raises:
        InputError: The picture's data ends early, or is no JPEG data.
    """
    import av

    decoder: Any = av.CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    decoder.thread_count = 1
    try:
        decoder.decode(av.Packet(data))
        decoder.decode(None)
    except av.error.InvalidDataError:
        raise InputError(
            f"{path}: is truncated or damaged: not all its pixels are there; copy it again, or make it again"
        ) from None
    except av.error.FFmpegError:
        return
