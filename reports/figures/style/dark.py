"""A figure with photographs for dark pages: what is drawn is turned round in lightness, photographs stay.

Figures without photographs need no second file: the page's style turns them round (`filter` in style.css), by
the same arithmetic.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""
_PAPER = 2  # lines at most
INVERT = 0.915
"""Part of the way to the other end of the scale: white becomes the page's ground, black its ink."""
# the CSS filter `hue-rotate(180deg)`: hues are as before the inversion
_ROTATE = np.array(
    [[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]]
)  # Filter Effects Module Level 1, feColorMatrix hueRotate


def dark_png(figure: Figure, png: bytes) -> bytes:
    """The PNG of a figure, for dark pages.

    Args:
        figure: As it was just written: its layout is that of the file.
        png: What was written, cropped tightly by matplotlib.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        light = np.asarray(image.convert("RGB"))
    dark = turned(light)
    for box in _photographs(figure, light.shape[1], light.shape[0]):
        left, top, right, bottom = _trimmed(light, box)
        dark[top:bottom, left:right] = light[top:bottom, left:right]
    made = io.BytesIO()
    Image.fromarray(dark).save(made, "PNG")
    return made.getvalue()


def turned(light: Pixels) -> Pixels:
    """Light and dark turned round, hues kept: uint8 RGB (H, W, 3)."""
    found = np.empty_like(light)
    for row, out in zip(light, found, strict=True):  # a row at a time: a figure has millions of pixels
        inverted = INVERT + row.astype(np.float32) / 255 * (1 - 2 * INVERT)
        out[...] = np.clip(np.rint(inverted @ _ROTATE.T.astype(np.float32) * 255), 0, 255)
    return found


def _trimmed(light: Pixels, box: Box) -> Box:
    """The part without paper at its edges: where matplotlib lets a picture begin differs by a pixel."""
    left, top, right, bottom = box
    white = (light[top:bottom, left:right] == 255).all(axis=-1)
    rows, columns = white.all(axis=1), white.all(axis=0)
    for _ in range(_PAPER):
        if bottom - top < 2 * _PAPER or right - left < 2 * _PAPER:
            break
        top, bottom = top + int(rows[top - box[1]]), bottom - int(rows[bottom - 1 - box[1]])
        left, right = left + int(columns[left - box[0]]), right - int(columns[right - 1 - box[0]])
    return left, top, right, bottom


def _photographs(figure: Figure, width: int, height: int) -> Iterator[Box]:
    """Where pictures lie in the file, rounded inwards."""
    import matplotlib

    before, dpi = figure.dpi, float(matplotlib.rcParams["savefig.dpi"])
    figure.set_dpi(dpi)
    try:
        figure.draw_without_rendering()
        tight = figure.get_tightbbox().padded(float(matplotlib.rcParams["savefig.pad_inches"]))
        for ax in _with_pictures(figure):
            box = ax.get_window_extent()
            left, right = box.x0 - tight.x0 * dpi, box.x1 - tight.x0 * dpi
            top, bottom = tight.y1 * dpi - box.y1, tight.y1 * dpi - box.y0
            yield (
                max(0, int(np.ceil(left))),
                max(0, int(np.ceil(top))),
                min(width, int(np.floor(right))),
                min(height, int(np.floor(bottom))),
            )
    finally:
        figure.set_dpi(before)


def _with_pictures(figure: Figure) -> list[Axes]:
    from matplotlib.axes import Axes

    return [ax for ax in figure.findobj(Axes) if isinstance(ax, Axes) and ax.get_images()]
