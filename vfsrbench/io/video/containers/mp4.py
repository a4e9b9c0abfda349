"""MP4 and QuickTime: boxes, and where the samples of each track lie (ISO/IEC 14496-12)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vfsrbench.io.video.containers.damage import Damage, Data, cut_at, open_ended

Box = tuple[bytes, int, int]  # type, where its content begins, where it ends


def mp4_damage(data: Data) -> Damage | None:
    """A box that goes on behind the end of the file, no index, or samples that lie behind the end."""
    boxes: list[Box] = []
    for box in _boxes(data, 0, len(data)):
        if box[2] > len(data):
            return _cut(data, boxes, box)
        boxes.append(box)
    index = next((box for box in boxes if box[0] == b"moov"), None)
    if index is None:
        if any(box[0] == b"moof" for box in boxes):
            return Damage("damaged", "its index (the moov box) is missing")
        return Damage("truncated", f"its index (the moov box) is not in the {len(data)} bytes that are there")
    damage = _missing_samples(data, index) or _missing_segments(data, boxes)
    fragmented = any(box[0] == b"moof" for box in boxes)
    if damage is None and fragmented and not _says_its_end(data, boxes):
        return open_ended("a fragmented MP4 file without an index")
    return damage


def _cut(data: Data, boxes: list[Box], last: Box) -> Damage:
    index = next((box for box in boxes if box[0] == b"moov"), None)
    found = None if index is None else _missing_samples(data, index)
    return found or cut_at(data, last[2], f"its {last[0].decode('latin-1')} box")


def _boxes(data: Data, start: int, stop: int) -> Iterator[Box]:
    """The boxes one after the other. The last one may end behind `stop`. Zeros or other bytes that are no
    box, behind the boxes of a file, are passed over, as players do."""
    while start < stop:
        head = data[start : start + 16]
        kind = head[4:8]
        if start and not (len(kind) == 4 and kind.isascii() and kind.decode().isprintable()):
            if any(head) and len(head) < 8:
                yield (b"last", start, start + 8)  # the file ends inside a box's header
            return
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        end = stop if size == 0 else start + max(size, header)
        yield (kind, start + header, end)
        start = end


def _inside(data: Data, box: Box, *way: bytes) -> Iterator[Box]:
    """The boxes at the end of a way of box types below `box`."""
    for child in _boxes(data, box[1], min(box[2], len(data))):
        if child[0] == way[0]:
            if len(way) == 1:
                yield child
            else:
                yield from _inside(data, child, *way[1:])


def _missing_samples(data: Data, index: Box) -> Damage | None:
    """Samples of a track that lie behind the end of the file."""
    for track in _inside(data, index, b"trak"):
        ends = _sample_ends(data, track)
        there = int((ends <= len(data)).sum())
        if there < len(ends):
            handler = next(_inside(data, track, b"mdia", b"hdlr"), None)
            kind = bytes(data[handler[1] + 8 : handler[1] + 12]) if handler else b""
            unit = {b"vide": "frames", b"soun": "pieces of sound"}.get(kind, "samples")
            return Damage("truncated", f"{there} of {len(ends)} {unit} are there")
    return None


def _sample_ends(data: Data, track: Box) -> NDArray[np.int64]:
    """Where each sample of a track ends (each chunk, if all samples have one size).

    None for tracks without a sample table, or whose data lies in another file."""
    none = np.zeros(0, np.int64)
    table = next(_inside(data, track, b"mdia", b"minf", b"stbl"), None)
    if table is None or _elsewhere(data, track):
        return none
    parts = {kind: (start, end) for kind, start, end in _boxes(data, table[1], table[2])}
    offsets = _numbers(data, parts.get(b"stco"), 4, 4)
    if not len(offsets):
        offsets = _numbers(data, parts.get(b"co64"), 4, 8)
    runs = _numbers(data, parts.get(b"stsc"), 4, 4)
    sizes = _sample_sizes(data, parts.get(b"stsz"))
    if not len(offsets) or not len(sizes) or len(runs) < 3:
        return none
    per_chunk = _samples_per_chunk(runs[: len(runs) // 3 * 3].reshape(-1, 3), len(offsets))
    if sizes.shape == (1,):  # all samples have one size: raw sound has very many
        return offsets + per_chunk * sizes
    chunk = np.repeat(np.arange(len(offsets)), np.minimum(per_chunk, len(sizes)))[: len(sizes)]
    sizes = sizes[: len(chunk)]
    starts = np.cumsum(sizes) - sizes
    first_of_chunk = np.searchsorted(chunk, chunk)
    return offsets[chunk] + starts - starts[first_of_chunk] + sizes


def _samples_per_chunk(runs: NDArray[np.int64], chunks: int) -> NDArray[np.int64]:
    """Samples in each chunk, from runs (first chunk, samples a chunk, ...) that go on until the next one."""
    first = np.clip(runs[:, 0] - 1, 0, chunks)
    lengths = np.maximum(np.diff(np.append(first, chunks)), 0)
    counts = np.repeat(runs[:, 1], lengths)
    return np.append(counts, np.zeros(max(0, chunks - len(counts)), np.int64))[:chunks]


def _sample_sizes(data: Data, place: tuple[int, int] | None) -> NDArray[np.int64]:
    """The size of each sample; a single number where all have the same."""
    if place is None:
        return np.zeros(0, np.int64)
    start, end = place
    same = int.from_bytes(data[start + 4 : start + 8], "big")
    if same:
        # 1 in old QuickTime means samples of sound, many of which make a packet of fewer bytes
        return np.array([same if same > 1 else 0], np.int64)
    return _numbers(data, (start + 4, end), 4, 4)


def _numbers(data: Data, place: tuple[int, int] | None, skip: int, width: int) -> NDArray[np.int64]:
    """A table: a count at `skip` bytes into the box, then numbers of `width` bytes until its end."""
    if place is None:
        return np.zeros(0, np.int64)
    start = place[0] + skip + 4
    usable = max(0, (min(place[1], len(data)) - start) // width)
    return np.frombuffer(data[start : start + usable * width], f">u{width}").astype(np.int64)


def _elsewhere(data: Data, track: Box) -> bool:
    """Whether the track's samples lie in another file (a data reference without the flag `self`)."""
    reference = next(_inside(data, track, b"mdia", b"minf", b"dinf", b"dref"), None)
    if reference is None:
        return False
    entries = list(_boxes(data, reference[1] + 8, reference[2]))
    return bool(entries) and not data[entries[0][1] + 3] & 1


def _missing_segments(data: Data, boxes: list[Box]) -> Damage | None:
    """Segments that an index of segments (sidx) lists behind the end of the file."""
    for box in boxes:
        ends = _segment_ends(data, box)
        there = int((ends <= len(data)).sum())
        if there < len(ends):
            return Damage("truncated", f"{there} of {len(ends)} segments are there")
    return None


def _segment_ends(data: Data, box: Box) -> NDArray[np.int64]:
    """Where the segments end that a box lists; none unless it is an index of segments."""
    kind, start, end = box
    if kind != b"sidx":
        return np.zeros(0, np.int64)
    wide = 8 if data[start] else 4
    at = start + 12
    offset = int.from_bytes(data[at + wide : at + 2 * wide], "big")
    at += 2 * wide + 2
    count = int.from_bytes(data[at : at + 2], "big")
    table = np.frombuffer(data[at + 2 : at + 2 + 12 * count], ">u4")
    sizes = table[: len(table) // 3 * 3 : 3].astype(np.int64) & 0x7FFFFFFF
    return end + offset + np.cumsum(sizes)


def _says_its_end(data: Data, boxes: list[Box]) -> bool:
    """Whether a fragmented file has a closing box, or one index of several segments up to the last one.

    An index before each segment says nothing of those that may follow.
    """
    last = max(box[1] for box in boxes if box[0] == b"moof")
    indexes = [ends for box in boxes if len(ends := _segment_ends(data, box)) > 1]
    return any(box[0] == b"mfra" for box in boxes) or any(ends[-1] > last for ends in indexes)
