"""Containers that are streams of packets: MPEG transport and programme streams, Ogg."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vfsrbench.io.video.containers.damage import Damage, Data, broken_at, cut_at, empty_end, open_ended

_PACKETS = ((188, 0), (192, 4), (204, 0))  # bytes a packet, where its sync byte is
_OPTIONAL = ((0x10, 6), (0x08, 6), (0x04, 1))  # flags of an adaptation field, bytes that they add


def transport_stream_damage(data: Data) -> Damage | None:
    """A last packet, or a last picture, that is not whole.

    A muxer fills up the last packet of a picture with stuffing bytes; without any the picture goes on. (One
    whole file of 184 happens to need none. It is refused too: to be sure is worth more.) Packets that are
    lost inside are seen by their counters when the stream is read.
    """
    for size, sync in _PACKETS:
        if len(data) > 3 * size and all(data[sync + i * size] == 0x47 for i in range(3)):
            rest = len(data) % size
            if rest:
                return cut_at(data, len(data) - rest + size, "a packet")
            packets = np.frombuffer(data, np.uint8).reshape(-1, size)[:, sync : sync + 188]
            (astray,) = np.nonzero(packets[:, 0] != 0x47)
            return broken_at(int(astray[0]) * size, "no packet") if len(astray) else _open_picture(packets)
    if len(data) < 3 * _PACKETS[-1][0]:
        return Damage("truncated", f"it ends at byte {len(data)}, before its third packet")
    return None  # no packets at a steady distance: the decoder has the last word


def _open_picture(packets: NDArray[np.uint8]) -> Damage | None:
    """A last picture (PES packet of a film) that does not end in the stream; `packets` (n, 188)."""
    numbers = (packets[:, 1] & 0x1F).astype(np.int32) << 8 | packets[:, 2]
    begins = (packets[:, 1] & 0x40) != 0
    for number in np.unique(numbers[begins]):
        own = np.flatnonzero(numbers == number)
        starts = own[begins[own]]
        first = _payload(packets[starts[-1]])
        if first[:3] != b"\0\0\1" or not (0xE0 <= first[3] <= 0xEF or first[3] == 0xFD):
            continue
        declared = int.from_bytes(first[4:6], "big")
        last = own[own >= starts[-1]]
        there = sum(len(_payload(packets[i])) for i in last)
        if there < declared + 6 if declared else not _stuffed(packets[last[-1]]):
            return Damage("truncated", f"it ends inside picture {len(starts)} of the stream {number:#x}")
    return open_ended("a transport stream")


def _payload(packet: NDArray[np.uint8]) -> bytes:
    kind = packet[3] >> 4 & 3
    start = 4 + (1 + int(packet[4]) if kind & 2 else 0)
    return packet[start:].tobytes() if kind & 1 else b""


def _stuffed(packet: NDArray[np.uint8]) -> bool:
    """Whether the packet has fewer bytes of content than fit into it."""
    if not packet[3] & 0x20:
        return False
    length, flags = int(packet[4]), int(packet[5])
    needed = 1 + sum(count for flag, count in _OPTIONAL if flags & flag)
    return length == 0 or length > needed


def program_stream_damage(data: Data) -> Damage | None:
    """A packet that goes on behind the end of the file."""
    position = 0
    while position + 4 <= len(data):
        if data[position : position + 3] != b"\x00\x00\x01":
            if not any(data[position : position + 64]):
                return empty_end(data)
            return broken_at(position, "no packet")
        kind = data[position + 3]
        if kind == 0xB9:
            return None
        if kind == 0xBA:
            mpeg2 = position + 14 <= len(data) and data[position + 4] >> 6 == 1
            position += 14 + (data[position + 13] & 7) if mpeg2 else 12
        else:
            position += 6 + int.from_bytes(data[position + 4 : position + 6], "big")
        if position > len(data):
            return cut_at(data, position, "a packet")
    if len(data) - 4 < position < len(data) and any(data[position:]):
        return cut_at(data, position + 4, "a packet's header")
    return open_ended("a programme stream")


def ogg_damage(data: Data) -> Damage | None:
    """A page that is not whole, or a film without its last page."""
    position = 0
    open_films: set[bytes] = set()
    while position < len(data):
        if data[position : position + 4] != b"OggS":
            if len(data) - position < 4:
                return cut_at(data, position + 27, "a page")
            return broken_at(position, "no page")
        body = position + 27 + (data[position + 26] if position + 27 <= len(data) else 0)
        end = body + sum(data[position + 27 : body])
        if body > len(data) or position + 27 > len(data) or end > len(data):
            return cut_at(data, max(end, position + 27), "a page")
        flags, serial = data[position + 5], bytes(data[position + 14 : position + 18])
        if data[body : body + 7] == b"\x80theora":
            open_films.add(serial)
        if flags & 4:
            open_films.discard(serial)
        position = end
    if open_films:
        return Damage("truncated", "the last page of the film is not there")
    return None
