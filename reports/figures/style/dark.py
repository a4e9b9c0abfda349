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
    for left, top, right, bottom in _photographs(figure, light.shape[1], light.shape[0]):
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


def _photographs(figure: Figure, width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Where pictures lie in the file: left, top, right, bottom in pixels, rounded inwards."""
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
