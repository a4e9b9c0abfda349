"""PyAV's frames to RGB arrays and back, exactly: never through swscale, whose bits depend on the processor.

Matrix and range are those that the frame is tagged with. As FFmpeg takes it, an untagged frame is BT.601, in
limited range if it is YUV (`yuvj...` is full), in full range if it is grey.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degradations.errors import InputError
from degradations.imaging.scratch import Scratch
from degradations.imaging.yuv.chroma import Siting
from degradations.imaging.yuv.coding import Coding, Matrix, Rgb
from degradations.imaging.yuv.pixel_formats import PixelFormat, pixel_format, samples
from degradations.imaging.yuv.rgb import grey_to_rgb, rgb_to_yuv, yuv_to_rgb

_MATRICES: dict[int, Matrix] = {
    1: "bt709",
    2: "bt601",  # unspecified
    3: "bt601",  # reserved
    4: "fcc",
    5: "bt601",
    6: "bt601",
    7: "smpte240m",
    9: "bt2020",
}
"""By the number that H.273 gives them."""
_REFUSED = {
    0: "RGB",
    8: "YCgCo",
    10: "BT.2020 constant luminance",
    11: "SMPTE 2085",
    12: "chromaticity-derived non-constant luminance",
    13: "chromaticity-derived constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}
_TAGS: dict[Matrix, int] = {"bt601": 6, "bt709": 1, "bt2020": 9, "fcc": 4, "smpte240m": 7}
_LIMITED, _FULL = 1, 2


def frame_to_rgb(
    frame: Any,
    siting: Siting = "left",
    coded_as: tuple[Matrix, bool] | None = None,
    out: Rgb | None = None,
    scratch: Scratch | None = None,
) -> Rgb:
    """A decoded frame's pixels.

    Args:
        frame: An `av.VideoFrame`.
        siting: Where chroma is sampled, where it is not in every pixel.
        coded_as: Matrix of a YUV frame, and whether its range is full; None is what the frame is tagged with.
        out: Where to put the pixels (C order); None makes an array.
        scratch: Memory to work in, where many frames are converted.

    Returns:
        (H, W, 3). Transparency is ignored; `notice` says so.

    Raises:
        InputError: The frame has a pixel format or a colour matrix that is not converted exactly.
    """
    pixels = pixel_format(frame.format.name)
    if any(plane.line_size < 0 for plane in frame.planes):
        frame = _top_down(frame)
    if pixels.kind != "yuv":
        rgb = _without_yuv(frame, pixels)
        if out is None:
            return rgb
        out[:] = rgb
        return out
    planes = [_numbers(frame, pixels, number) for number in range(3)]
    matrix, full_range = coded_as or (matrix_of(frame), pixels.full_range or frame.color_range == _FULL)
    coding = Coding(matrix, full_range, pixels.depth, (pixels.across, pixels.down), siting)
    return yuv_to_rgb((planes[0], planes[1], planes[2]), coding, out, scratch)


def rgb_to_frame(
    rgb: Rgb,
    pix_fmt: str = "yuv420p",
    matrix: Matrix = "bt709",
    full_range: bool = False,
    siting: Siting = "left",
    tagged: bool = True,
) -> Any:
    """RGB as a frame in a planar YUV format of 8 bits.

    Args:
        rgb: Pixels (H, W, 3).
        pix_fmt: FFmpeg's name of the format.
        matrix: Which mixture of red, green and blue is luma.
        full_range: Whether samples take all values (`yuvj...` always do).
        siting: Where chroma is sampled.
        tagged: Whether the frame says its matrix and range.

    Returns:
        An `av.VideoFrame`.

    Raises:
        InputError: Another pixel format.
    """
    import av

    pixels = pixel_format(pix_fmt)
    if pixels.kind != "yuv" or pixels.dtype != np.uint8 or len({c.plane for c in pixels.components}) < 3:
        raise InputError(f"pixel format {pix_fmt} is not written: choose yuv420p, yuv422p or yuv444p")
    full_range = full_range or pixels.full_range
    coding = Coding(matrix, full_range, 8, (pixels.across, pixels.down), siting)
    height, width = rgb.shape[:2]
    frame: Any = av.VideoFrame(width, height, pix_fmt)
    for number, plane in enumerate(rgb_to_yuv(rgb, coding)):
        samples(frame, pixels, number)[:] = plane
    if tagged:
        frame.colorspace = _TAGS[matrix]
        frame.color_range = _FULL if full_range else _LIMITED
    return frame


def matrix_of(frame: Any) -> Matrix:
    """The colour matrix that a YUV frame is tagged with; BT.601 if it is not tagged.

    Raises:
        InputError: It is not one of those that are converted exactly.
    """
    number = int(frame.colorspace)
    if number not in _MATRICES:
        name = _REFUSED.get(number, f"number {number}")
        raise InputError(
            f"colour matrix {name} is not converted exactly: convert the video to BT.709 first, for example "
            "with ffmpeg -i IN -vf zscale=m=709 -c:v ffv1 OUT.mkv"
        )
    return _MATRICES[number]


def notice(pix_fmt: str) -> str | None:
    """What the conversion of this pixel format leaves out, in a line; None if it leaves out nothing."""
    return f"the transparency of its {pix_fmt} pixels is ignored" if pixel_format(pix_fmt).alpha else None


def _numbers(frame: Any, pixels: PixelFormat, component: int) -> NDArray[Any]:
    """A component as numbers of `depth` bits in the machine's order of bytes."""
    plane: NDArray[Any] = samples(frame, pixels, component)
    if not plane.dtype.isnative:
        plane = plane.astype(np.uint16)
    return plane >> pixels.shift if pixels.shift else plane


def _without_yuv(frame: Any, pixels: PixelFormat) -> Rgb:
    if pixels.kind == "grey":
        return grey_to_rgb(_numbers(frame, pixels, 0), frame.color_range != _LIMITED, pixels.depth)
    return _palette_rgb(frame, pixels) if pixels.palette else _plain_rgb(frame, pixels)


def _plain_rgb(frame: Any, pixels: PixelFormat) -> Rgb:
    planes = [_numbers(frame, pixels, number) for number in range(3)]
    if pixels.depth > 8:
        white = (1 << pixels.depth) - 1
        table = ((2 * 255 * np.arange(white + 1, dtype=np.int64) + white) // (2 * white)).astype(np.uint8)
        planes = [table[plane] for plane in planes]
    return np.stack(planes, axis=2)


def _palette_rgb(frame: Any, pixels: PixelFormat) -> Rgb:
    colours = np.frombuffer(frame.planes[1], np.uint8)[: 4 * 256].reshape(256, 4)
    rgb = colours[:, 2::-1] if pixels.order == "<" else colours[:, 1:]
    return np.ascontiguousarray(rgb)[samples(frame, pixels, 0)]


def _top_down(frame: Any) -> Any:
    """A copy whose rows lie in memory from the top down."""
    import av

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=Fraction(1, 25)
    )
    copy, sink = graph.add("copy"), graph.add("buffersink")
    source.link_to(copy)
    copy.link_to(sink)
    graph.configure()
    graph.push(frame)
    return graph.pull()
