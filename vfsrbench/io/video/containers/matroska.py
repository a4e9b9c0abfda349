"""Matroska and WebM: EBML elements (RFC 8794, RFC 9559)."""

from __future__ import annotations

from vfsrbench.io.video.containers.damage import Damage, Data, broken_at, cut_at, open_ended

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_LEVEL_1 = frozenset(
    {_CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367}
)
_NAMES = {_EBML: "header", _SEGMENT: "segment", _CLUSTER: "cluster", 0x1C53BB6B: "index (Cues)"}


def matroska_damage(data: Data) -> Damage | None:
    """An element that goes on behind the end of the file, or bytes that are no element.

    Elements of unknown size (recordings that were not finished, live streams) are walked through.
    """
    position, segments, unfinished = 0, 0, False
    while position < len(data):
        head = _head(data, position)
        if head is None:
            return None if segments else _no_element(data, position)
        kind, start, size = head
        end = len(data) if size is None else start + size
        if end > len(data) and (kind in (_EBML, _SEGMENT) or not segments):
            return cut_at(data, end, _named(kind))
        if kind == _SEGMENT:
            segments += 1
            unfinished = unfinished or size is None
            damage, end = _segment_damage(data, start, end)
            if damage is not None:
                return damage
        elif kind not in (_EBML, 0xEC, 0xBF):
            return None  # other bytes behind the last segment
        position = end
    if not segments:
        return Damage("truncated", f"nothing follows its header in the {len(data)} bytes that are there")
    return open_ended("a Matroska file that was not finished") if unfinished else None


def _segment_damage(data: Data, position: int, end: int) -> tuple[Damage | None, int]:
    """Whether a segment's elements are whole, and where it ends."""
    while position < end:
        head = _head(data, position)
        if head is None:
            return _no_element(data, position), end
        kind, start, size = head
        if kind == _EBML:
            return None, position  # another file was appended
        if size is None:
            if kind != _CLUSTER:
                return broken_at(position, "an element without a size"), end
            damage, position = _open_cluster_damage(data, start, end)
            if damage is not None:
                return damage, end
            continue
        position = start + size
        if position > end:
            return cut_at(data, position, _named(kind)), end
    return None, end


def _open_cluster_damage(data: Data, position: int, end: int) -> tuple[Damage | None, int]:
    """A cluster of unknown size ends where the next element of level 1 begins."""
    while position < end:
        head = _head(data, position)
        if head is None:
            return _no_element(data, position), end
        kind, start, size = head
        if kind in _LEVEL_1 or kind in (_EBML, _SEGMENT):
            return None, position
        if size is None:
            return broken_at(position, "an element without a size"), end
        position = start + size
        if position > end:
            return cut_at(data, position, "a block"), end
    return None, end


def _head(data: Data, position: int) -> tuple[int, int, int | None] | None:
    """An element's kind, where its content begins, and its size (None if unknown); None if there is none."""
    first = data[position]
    width = 9 - first.bit_length()
    sized = position + width
    if width > 4 or sized >= len(data):
        return None
    kind = int.from_bytes(data[position:sized], "big")
    wide = 9 - data[sized].bit_length()
    if wide > 8 or sized + wide > len(data):
        return None
    size = int.from_bytes(data[sized : sized + wide], "big") & ((1 << 7 * wide) - 1)
    return kind, sized + wide, None if size == (1 << 7 * wide) - 1 else size


def _no_element(data: Data, position: int) -> Damage:
    if len(data) - position < 12:
        return cut_at(data, position + 12, "an element's header")
    return broken_at(position, "no element of Matroska")


def _named(kind: int) -> str:
    return f"its {_NAMES[kind]}" if kind in _NAMES else f"an element ({kind:X})"
