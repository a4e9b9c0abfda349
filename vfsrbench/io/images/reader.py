"""Pictures read as frames: whole or refused, upright, 8 bits a channel."""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.io.images.jpeg_check import check_jpeg
from vfsrbench.io.images.libtiff import libtiff_errors
from vfsrbench.io.safety.paths import MOST_PIXELS, check_pixels, read_bytes

Frames = NDArray[np.uint8]
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "TGA", "PPM")
_BITS_PER_SAMPLE = 258  # of TIFF
_PIECE = 1 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG's colour type
# Adam7: first column and row, steps between columns and rows
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def read_picture(path: Path) -> Frames:
    """The picture as uint8 RGB (H, W, 3), turned as its EXIF orientation says.

    Grey, palettes and CMYK become RGB as Pillow converts them; transparency is dropped (the colours that
    are stored count); colour profiles are not applied.

    Raises:
        InputError: Names the file when it is missing, empty, truncated, damaged, no picture, holds several
            pictures, or has more than 8 bits a channel.
    """
    return _decode(path, read_bytes(path, "picture"))[0]


def read_first_picture(path: Path) -> tuple[Frames, tuple[str, ...]]:
    """`read_picture` of a clip's first frame, and what a user should know of how it is read."""
    return _decode(path, read_bytes(path, "picture"))


def _decode(path: Path, data: bytes) -> tuple[Frames, tuple[str, ...]]:
    from PIL import Image, ImageOps

    if not data:
        raise InputError(f"{path}: is empty (0 bytes); write the frame again")
    if data.startswith(_PNG):
        _check_png(path, data)
    try:
        with warnings.catch_warnings(), libtiff_errors() as errors:
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=_FORMATS) as picture:
                check_pixels(path, *picture.size)
                _check_depth(path, picture, data)
                count = getattr(picture, "n_frames", 1)
                if count > 1 and picture.format != "MPO":  # phones put previews behind a JPEG
                    raise InputError(f"{path}: holds {count} pictures; a frame is one picture")
                if picture.format in ("JPEG", "MPO"):
                    check_jpeg(path, data)
                notes = _transparency(picture)
                # TIFF is turned while it is loaded, and by some versions of Pillow a second time here
                upright = picture if picture.format == "TIFF" else ImageOps.exif_transpose(picture)
                pixels = np.array(upright.convert("RGB"), dtype=np.uint8)
                if errors:  # libtiff goes on after some, with pixels that it made up
                    raise InputError(f"{path}: is damaged ({errors[0]}); copy it again, or make it again")
                return pixels, notes
    except InputError:
        raise
    except Image.DecompressionBombError:  # Pillow's own limit, which is higher
        raise InputError(f"{path}: is too large; {MOST_PIXELS} pixels are the most (8192x8192)") from None
    except Exception as error:  # Pillow's decoders raise many kinds for damaged files
        raise InputError(
            f"{path}: cannot be read as a picture, it may be truncated ({_line(error)})"
        ) from None


def _transparency(picture: Any) -> tuple[str, ...]:
    alpha = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    if not alpha or picture.convert("RGBA").getchannel("A").getextrema()[0] == 255:
        return ()
    return ("its first frame is transparent in places; transparency is left out, the stored colours count",)


def _check_depth(path: Path, picture: Any, data: bytes) -> None:
    """InputError where Pillow would cut more than 8 bits a channel to 8 unasked."""
    bits: Any = 8
    if picture.format == "PNG":
        bits = data[24]
    elif picture.format == "TIFF":
        bits = max(np.atleast_1d(picture.tag_v2.get(_BITS_PER_SAMPLE, 1)))
    elif picture.format == "PPM" and data[:2] in (b"P2", b"P3", b"P5", b"P6"):
        bits = _ppm_maximum(data).bit_length()
    if bits > 8 or picture.mode.startswith(("I", "F")):
        depth = f"{bits} bits" if bits > 8 else "more than 8 bits"
        raise InputError(f"{path}: has {depth} a channel; convert it to 8 bits")


def _ppm_maximum(data: bytes) -> int:
    """The largest value that a PNM header declares."""
    lines = (line.split(b"#")[0] for line in data[:4096].splitlines())
    words = b" ".join(lines).split()
    return int(words[3]) if len(words) > 3 and words[3].isdigit() else 255


def _check_png(path: Path, data: bytes) -> None:
    """InputError unless every chunk is there and its checksum right, and every row is there.

    Pillow fills rows that are missing with black, and does not look at checksums it can do without.
    """
    position, packed = len(_PNG), zlib.decompressobj()
    unpacked, needed, width = 0, 1, 0
    while True:
        if position + 12 > len(data):
            raise _png_error(path, "truncated", "its end mark (IEND) is missing")
        size = int.from_bytes(data[position : position + 4], "big")
        kind, end = data[position + 4 : position + 8], position + 12 + size
        if end > len(data):
            raise _png_error(path, "truncated", f"it ends inside its chunk {kind.decode('latin-1')!r}")
        content = data[position + 4 : end - 4]
        if zlib.crc32(content) != int.from_bytes(data[end - 4 : end], "big"):
            raise _png_error(
                path, "damaged", f"the checksum of its chunk {kind.decode('latin-1')!r} is wrong"
            )
        if kind == b"IHDR":
            needed, width = _png_bytes(path, content[4:])
        elif kind == b"IDAT":
            try:
                unpacked += _unpacked_bytes(packed, content[4:], needed - unpacked)
            except zlib.error as error:
                raise _png_error(path, "damaged", f"its pixels cannot be unpacked ({error})") from None
        elif kind == b"IEND":
            break
        position = end
    if unpacked < needed or not (packed.eof or unpacked > needed):
        rows = f"{100 * unpacked // max(needed, 1)} % of its pixels are there"
        raise _png_error(path, "truncated", rows if width else "its header is missing")


def _unpacked_bytes(packed: Any, content: bytes, needed: int) -> int:
    """How many bytes are in a piece of the pixels, counted no further than one beyond what is needed."""
    found = 0
    while content and found <= needed:
        found += len(packed.decompress(content, _PIECE))
        content = packed.unconsumed_tail
    return found


def _png_bytes(path: Path, header: bytes) -> tuple[int, int]:
    """Bytes that the unpacked pixels of a PNG take, with a filter byte a row; and its width."""
    if len(header) < 13:
        return 1, 0
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header[:13])
    check_pixels(path, width, height)
    bits = depth * _CHANNELS.get(colour, 1)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total, width


def _png_error(path: Path, kind: str, what: str) -> InputError:
    return InputError(f"{path}: is {kind}: {what}; copy it again, or make it again")


def _line(error: Exception) -> str:
    text = (str(error) or type(error).__name__).splitlines()[0]
    return "unknown format" if "cannot identify" in text else text
