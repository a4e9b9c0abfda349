"""Whether a video file is whole: one check a container format, chosen by the file's first bytes.

Players and FFmpeg show what is left of a file that was cut off. A benchmark must not: the frames that are
missing would be missing in every figure. The checks compare what the container declares (sizes, counts,
end marks) with the bytes that are there; no tolerance and no duration in seconds is involved.

Some formats declare nothing about their end (transport and programme streams, Y4M, live recordings). Cut
exactly between two of their units, they are valid shorter files, and nothing shows it: that is noted for
the user. Cut anywhere else, they are refused here or by the decoder.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.io.video.containers.chunked import asf_damage, avi_damage, flv_damage, gif_damage, y4m_damage
from vfsrbench.io.video.containers.damage import Damage, Data
from vfsrbench.io.video.containers.matroska import matroska_damage
from vfsrbench.io.video.containers.mp4 import mp4_damage
from vfsrbench.io.video.containers.streams import ogg_damage, program_stream_damage, transport_stream_damage

Check = Callable[[Data], Damage | None]

_MP4_FIRST = {b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}
_MAGIC: tuple[tuple[bytes, Check], ...] = (
    (b"\x1a\x45\xdf\xa3", matroska_damage),
    (b"RIFF", avi_damage),
    (b"OggS", ogg_damage),
    (b"FLV", flv_damage),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", asf_damage),
    (b"GIF8", gif_damage),
    (b"\x00\x00\x01\xba", program_stream_damage),
    (b"YUV4MPEG2 ", y4m_damage),
)


def check_whole(path: Path) -> str:
    """A note if nothing in the file says where it ends, else "".

    Raises:
        InputError: The file ends before its container does, or its structure is broken.
    """
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) == 0:
                raise InputError(f"{path}: cannot be read as a video: it is empty (0 bytes); copy it again")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                check = _check_of(data)
                damage = check(data) if check else None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if damage is None:
        return ""
    if damage.kind == "open":
        return f"{damage.what} does not say where it ends: frames missing at its end go unnoticed"
    raise InputError(f"{path}: is {damage.kind}: {damage.what}; copy it again, or make it again")


def _check_of(data: Data) -> Check | None:
    """The check for the format; None where there is none (the decoder has the last word then)."""
    if data[4:8] in _MP4_FIRST:
        return mp4_damage
    for magic, check in _MAGIC:
        if data[: len(magic)] == magic:
            return check
    if data[:1] == b"\x47" or data[4:5] == b"\x47":
        return transport_stream_damage
    return None
