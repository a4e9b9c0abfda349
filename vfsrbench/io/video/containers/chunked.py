"""Containers that are chunks with declared sizes: AVI, FLV, ASF (WMV), GIF, Y4M."""

from __future__ import annotations

import re
import struct

from vfsrbench.io.video.containers.damage import Damage, Data, broken_at, cut_at, empty_end, open_ended

_FRAMES = (b"movi", b"rec ")  # lists of AVI whose chunks are walked through


def avi_damage(data: Data) -> Damage | None:
    """RIFF chunks that go on behind the end of the file. A list that was never given its size (an
    interrupted recording) is walked through."""
    position = 0
    while position + 12 <= len(data) and data[position : position + 4] == b"RIFF":
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        if size in (0, 0xFFFFFFFF):
            return _chunks_damage(data, position + 12, len(data)) or open_ended("an unfinished AVI file")
        if position + 8 + size > len(data):
            return cut_at(data, position + 8 + size, "its RIFF chunk")
        damage = _chunks_damage(data, position + 12, position + 8 + size)
        if damage is not None:
            return damage
        position += 8 + size + size % 2
    return None


def _chunks_damage(data: Data, position: int, end: int) -> Damage | None:
    while position < end:
        if position + 8 > end:
            return cut_at(data, position + 8, "a chunk's header") if any(data[position:end]) else None
        name = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        if name == b"LIST" and (size in (0, 0xFFFFFFFF) or data[position + 8 : position + 12] in _FRAMES):
            position += 12
            continue
        if not (name.isascii() and name.decode().isprintable()):
            return broken_at(position, "no chunk")
        position += 8 + size + size % 2
        if position - size % 2 > end:
            return cut_at(data, position - size % 2, f"its chunk {bytes(name)!r}")
    return None


def flv_damage(data: Data) -> Damage | None:
    """A tag that goes on behind the end, or a file shorter than its own `filesize`."""
    declared = _flv_number(data, b"filesize")
    if declared is not None and declared > len(data):
        return Damage("truncated", f"{len(data)} of {declared} bytes are there")
    position = int.from_bytes(data[5:9], "big") + 4
    while position < len(data):
        end = position + 15 + int.from_bytes(data[position + 1 : position + 4], "big")
        if position + 15 > len(data) or end > len(data):
            return cut_at(data, end, "a tag")
        # its size again; some programs leave it out, or count without the header
        if int.from_bytes(data[end - 4 : end], "big") not in (end - position - 4, end - position - 15, 0):
            return broken_at(end - 4, "no end of a tag")
        position = end
    return None


def _flv_number(data: Data, key: bytes) -> int | None:
    """A number of the first tag, `onMetaData`, if it stands there."""
    place = data.find(key + b"\x00", 0, 4096)
    if place < 0:
        return None
    (value,) = struct.unpack(">d", data[place + len(key) + 1 : place + len(key) + 9].ljust(8, b"\0"))
    return int(value) if 0 < value < 1e15 else None


_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def asf_damage(data: Data) -> Damage | None:
    """An object that goes on behind the end of the file."""
    place = data.find(_ASF_FILE, 0, 1 << 16)
    if place >= 0:
        declared = int.from_bytes(data[place + 40 : place + 48], "little")
        broadcast = data[place + 88 : place + 89] != b"" and data[place + 88] & 1
        if declared > len(data) and not broadcast:
            return Damage("truncated", f"{len(data)} of {declared} bytes are there")
    position = 0
    while position < len(data):
        size = int.from_bytes(data[position + 16 : position + 24], "little")
        if position + 24 > len(data) or position + max(size, 24) > len(data):
            return cut_at(data, position + max(size, 24), "an object")
        if size < 24:
            return empty_end(data) if position else broken_at(position, "no object")
        position += size
    return empty_end(data)


def gif_damage(data: Data) -> Damage | None:
    """No end mark behind the last picture."""
    position = 13 + _palette(data, 10)
    pictures = 0
    while position < len(data):
        kind = data[position]
        if kind == 0x3B:
            return None
        if kind == 0x21:
            position += 2
        elif kind == 0x2C and position + 10 < len(data):
            position += 11 + _palette(data, position + 9)
            pictures += 1
        else:
            return broken_at(position, "no block of a GIF")
        while position < len(data) and data[position]:  # sub-blocks, the last one empty
            position += 1 + data[position]
        position += 1
    return Damage(
        "truncated", f"it ends at byte {len(data)} in or behind picture {pictures}, without an end mark"
    )


def _palette(data: Data, place: int) -> int:
    """Bytes of the palette that the flags at a place declare."""
    flags = data[place] if place < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def y4m_damage(data: Data) -> Damage | None:
    """A frame that is not there whole."""
    line = data.find(b"\n", 0, 4096)
    found = dict(re.findall(r"\b([WHC])(\w+)", bytes(data[10 : max(line, 10)]).decode("latin-1")))
    if line < 0 or not {"W", "H"} <= set(found):
        return Damage("truncated", "it ends inside its header")
    size = _y4m_frame(int(found["W"]), int(found["H"]), found.get("C", "420"))
    position = line + 1
    while size and position < len(data):
        start = data.find(b"\n", position, position + 256) + 1
        if not start:
            return cut_at(data, position + 6 + size, "a frame")
        if data[position : position + 5] != b"FRAME":
            return broken_at(position, "no frame")
        position = start + size
        if position > len(data):
            return cut_at(data, position, "a frame")
    return open_ended("a Y4M file")


def _y4m_frame(width: int, height: int, form: str) -> int:
    """Bytes of a frame; 0 for forms that are not known here."""
    deep = 2 if re.search(r"p(9|1\d)$|mono(9|1\d)$", form) else 1
    half_wide, half_high = (width + 1) // 2, (height + 1) // 2
    chroma = {
        "420": 2 * half_wide * half_high,
        "422": 2 * half_wide * height,
        "444": 2 * width * height,
        "411": 2 * ((width + 3) // 4) * height,
        "mon": 0,
    }.get(form[:3])
    if chroma is None:
        return 0
    if form == "444alpha":
        chroma += width * height
    return (width * height + chroma) * deep
