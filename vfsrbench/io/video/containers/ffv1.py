"""The checksums in FFV1 packets (RFC 9043): FFmpeg's decoder hides slices whose checksum is wrong."""

from __future__ import annotations

import zlib

_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_TRAILER = 8  # bytes: size (3), error status, checksum (4)


class Ffv1Checksums:
    """Looks at the packets of a stream one after the other.

    Whether a stream has checksums is coded where only the decoder reads it. So it is taken to have them
    as soon as those of one whole packet are right, which does not happen by chance.
    """

    def __init__(self) -> None:
        self._right = False
        self._wrong: int | None = None
        self._packets = 0

    def first_wrong(self, packet: bytes) -> int | None:
        """The number of the first packet whose checksum is wrong, once that can be said."""
        if _right(packet):
            self._right = True
        elif self._wrong is None:
            self._wrong = self._packets
        self._packets += 1
        return self._wrong if self._right else None


def _right(packet: bytes) -> bool:
    """Whether the packet is slices with right checksums; they are found from its end."""
    end = len(packet)
    while end:
        start = end - _TRAILER - int.from_bytes(packet[end - _TRAILER : end - _TRAILER + 3], "big")
        if end < _TRAILER or start < 0 or not _no_remainder(packet[start:end]):
            return False
        end = start
    return bool(packet)


def _no_remainder(part: bytes) -> bool:
    """Whether CRC-32 with the highest bit first, from zero, over a part and its own checksum is zero.

    zlib's goes from the lowest bit: mirrored bytes give the mirrored remainder.
    """
    return zlib.crc32(part.translate(_MIRRORED), 0xFFFFFFFF) == 0xFFFFFFFF
