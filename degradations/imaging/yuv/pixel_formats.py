"""FFmpeg's pixel formats: where a frame's samples lie, and which of them are YUV, grey and RGB."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from degradations.errors import InputError

Samples = NDArray[np.uint8] | NDArray[np.uint16]
Kind = Literal["yuv", "grey", "rgb"]

_SUBSAMPLING = {
    "444": (1, 1),
    "422": (2, 1),
    "420": (2, 2),
    "440": (1, 2),
    "411": (4, 1),
    "410": (4, 4),
}
"""Luma samples a chroma sample, across and down."""
_PLANAR = re.compile(r"yuv([aj]?)(4\d\d)p(9|10|12)?(le|be)?")
_SEMI_PLANAR = re.compile(r"(?:nv(12|21|16|24|42)|nv(20)(le|be)|p([024])1([02])(le|be))")
_NV = {"12": "420", "21": "420", "16": "422", "24": "444", "42": "444", "20": "422"}
_GREY = re.compile(r"(gray|ya)(8|9|10|12|14|16)?(le|be)?")
_PLANAR_RGB = re.compile(r"gbr(a?)p(9|10|12|14|16)?(le|be)?")
_PACKED_RGB = re.compile(r"([rgba0]{3,4})(24|48|64)?(le|be)?")
# four samples a group, two pixels: places of luma, U and V
_PACKED_422 = {"yuyv422": (0, 1, 3), "yvyu422": (0, 3, 1), "uyvy422": (1, 0, 2)}
_PACKED_444 = {
    "vuya": (2, 1, 0),
    "vuyx": (2, 1, 0),
    "ayuv": (1, 2, 3),
    "uyva": (1, 0, 2),
    "vyu444": (1, 2, 0),
}


@dataclass(frozen=True)
class Component:
    """Where the samples of one component lie: every `step`-th sample of a plane from `first` on."""

    plane: int = 0
    first: int = 0
    step: int = 1


@dataclass(frozen=True)
class PixelFormat:
    """A pixel format. Components are (Y, U, V), (Y,) or (R, G, B); samples have `depth` bits."""

    name: str
    kind: Kind
    depth: int
    components: tuple[Component, ...]
    across: int = 1
    down: int = 1
    shift: int = 0
    order: Literal["<", ">"] = field(default="<")
    alpha: bool = False
    full_range: bool = False
    palette: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a stored sample."""
        return np.dtype(np.uint8) if self.depth + self.shift <= 8 else np.dtype(f"{self.order}u2")

    def chroma_shape(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the chroma planes."""
        return -(-height // self.down), -(-width // self.across)


@lru_cache(maxsize=64)
def pixel_format(name: str) -> PixelFormat:
    """The format of that name.

    Args:
        name: FFmpeg's name of a pixel format, such as `yuv420p10le`.

    Raises:
        InputError: It is not one of those that are read exactly.
    """
    for parse in (_planar, _semi_planar, _packed_yuv, _grey, _planar_rgb, _packed_rgb):
        found = parse(name)
        if found is not None:
            return found
    other = "gbrp" if "rgb" in name or "bgr" in name else "yuv444p12le"
    raise InputError(
        f"pixel format {name} is not read exactly: convert the video first, for example with "
        f"ffmpeg -i IN -c:v ffv1 -pix_fmt {other} OUT.mkv"
    )


def samples(frame: Any, pixels: PixelFormat, component: int) -> Samples:
    """One component's samples as rows and columns, a view of the frame's memory as it is stored there."""
    place = pixels.components[component]
    height, width = frame.height, frame.width
    if pixels.kind == "yuv" and component > 0:
        height, width = pixels.chroma_shape(height, width)
    plane = frame.planes[place.plane]
    size = pixels.dtype.itemsize
    view: Samples = np.ndarray(
        (height, width),
        pixels.dtype,
        buffer=plane,
        offset=place.first * size,
        strides=(plane.line_size, place.step * size),
    )
    return view


def _order(tail: str | None) -> Literal["<", ">"]:
    return ">" if tail == "be" else "<"


def _planar(name: str) -> PixelFormat | None:
    found = _PLANAR.fullmatch(name)
    if not found or found[2] not in _SUBSAMPLING:
        return None
    across, down = _SUBSAMPLING[found[2]]
    return PixelFormat(
        name,
        "yuv",
        int(found[3] or 8),
        tuple(Component(plane) for plane in range(3)),
        across,
        down,
        order=_order(found[4]),
        alpha=found[1] == "a",
        full_range=found[1] == "j",
    )


def _semi_planar(name: str) -> PixelFormat | None:
    """Luma in one plane, U and V by turns in another; p010 and its like hold the bits at the top of 16."""
    found = _SEMI_PLANAR.fullmatch(name)
    if not found:
        return None
    nv = found[1] or found[2]
    depth = 8 if found[1] else 10 if found[2] else int("1" + found[5])
    across, down = _SUBSAMPLING[_NV[nv] if nv else "4" + {"0": "20", "2": "22", "4": "44"}[found[4]]]
    places = (1, 0) if nv in ("21", "42") else (0, 1)
    components = (Component(0), *(Component(1, place, 2) for place in places))
    shift = 0 if nv else 16 - depth
    return PixelFormat(
        name, "yuv", depth, components, across, down, shift=shift, order=_order(found[3] or found[6])
    )


def _packed_yuv(name: str) -> PixelFormat | None:
    stem = name.removesuffix("le").removesuffix("be")
    order = _order(name[-2:])
    if stem in _PACKED_422 or stem in ("y210", "y212"):
        luma, *chroma = _PACKED_422.get(stem, (0, 1, 3))
        components = (Component(0, luma, 2), *(Component(0, place, 4) for place in chroma))
        depth = int(stem[2:]) if stem[:2] == "y2" else 8
        return PixelFormat(
            name, "yuv", depth, components, 2, 1, shift=16 - depth if depth > 8 else 0, order=order
        )
    if stem in _PACKED_444:
        components = tuple(Component(0, place, 4) for place in _PACKED_444[stem])
        return PixelFormat(name, "yuv", 8, components, alpha="a" in stem)
    if stem == "xv36":
        return PixelFormat(
            name, "yuv", 12, tuple(Component(0, place, 4) for place in (1, 0, 2)), shift=4, order=order
        )
    return None


def _grey(name: str) -> PixelFormat | None:
    found = _GREY.fullmatch(name)
    if not found:
        return None
    alpha = found[1] == "ya"
    return PixelFormat(
        name,
        "grey",
        int(found[2] or 8),
        (Component(0, 0, 2 if alpha else 1),),
        order=_order(found[3]),
        alpha=alpha,
    )


def _planar_rgb(name: str) -> PixelFormat | None:
    found = _PLANAR_RGB.fullmatch(name)
    if not found:
        return None
    components = tuple(Component(plane) for plane in (2, 0, 1))
    return PixelFormat(
        name, "rgb", int(found[2] or 8), components, order=_order(found[3]), alpha=found[1] == "a"
    )


def _packed_rgb(name: str) -> PixelFormat | None:
    if name == "pal8":  # the palette is BGRA in the processor's order of bytes
        order: Literal["<", ">"] = "<" if sys.byteorder == "little" else ">"
        return PixelFormat(name, "rgb", 8, (Component(0),), order=order, palette=True)
    found = _PACKED_RGB.fullmatch(name)
    if not found or not set("rgb") <= set(found[1]) or len(set(found[1])) != len(found[1]):
        return None
    letters = found[1]
    depth = 16 if found[2] in ("48", "64") else 8
    components = tuple(Component(0, letters.index(letter), len(letters)) for letter in "rgb")
    return PixelFormat(name, "rgb", depth, components, order=_order(found[3]), alpha="a" in letters)
