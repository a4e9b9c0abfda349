"""Colour changes of torchvision's jitter, in IEEE basic operations on grey levels: equal on every machine.

Sources: torchvision.transforms.functional (adjust_brightness, _contrast, _saturation, _hue).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from degradations.numerics.grid import STEPS, WHITE, Picture, fine, settle

Floats = NDArray[np.float64]
_GREY = (0.2989, 0.587, 0.114)


def brightness(picture: Picture, factor: float) -> NDArray[np.int16]:
    """Towards black (factor 0) or brighter."""
    return _blend(_steps(picture), 0.0, factor)


def contrast(picture: Picture, factor: float) -> NDArray[np.int16]:
    """Towards the frame's mean grey (factor 0) or away from it."""
    steps = _steps(picture)
    # whole numbers add up the same in any order
    grey = np.rint(_grey(steps)).astype(np.int64)
    return _blend(steps, int(grey.sum()) / grey.size, factor)


def saturation(picture: Picture, factor: float) -> NDArray[np.int16]:
    """Towards grey (factor 0) or away from it."""
    steps = _steps(picture)
    return _blend(steps, _grey(steps)[:, :, None], factor)


def greyscale(picture: Picture) -> NDArray[np.int16]:
    """All channels 0.299 R + 0.587 G + 0.114 B."""
    red, green, blue = _channels(_steps(picture))
    return settle(np.repeat((0.299 * red + 0.587 * green + 0.114 * blue)[:, :, None], 3, axis=2))


def shift(picture: Picture, levels: tuple[float, float, float]) -> NDArray[np.int16]:
    """Grey levels added to red, green and blue, cut to 0..255."""
    moved = _steps(picture) + np.array(levels) * STEPS
    return settle(np.clip(moved, 0, WHITE))


def hue(picture: Picture, turn: float) -> NDArray[np.int16]:
    """The hue turned by a fraction of the colour circle, -0.5..0.5."""
    red, green, blue = _channels(np.clip(_steps(picture), 0, WHITE))
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    safe = np.where(chroma == 0, 1.0, chroma)
    sector = np.where(
        value == red,
        (green - blue) / safe,
        np.where(value == green, 2.0 + (blue - red) / safe, 4.0 + (red - green) / safe),
    )
    sector = sector + 6.0 * turn
    turned = [value - chroma * _ramp(sector, offset) for offset in (5.0, 3.0, 1.0)]
    return settle(np.stack(turned, axis=2))


def _ramp(sector: Floats, offset: float) -> Floats:
    """How much of the chroma a channel lacks: 0 on its third of the circle, 1 opposite, linear between."""
    place = sector + offset
    place = place - 6.0 * np.floor(place / 6.0)
    return np.clip(np.minimum(place, 4.0 - place), 0.0, 1.0)


def _steps(picture: Picture) -> Floats:
    return fine(picture).astype(np.float64)


def _channels(steps: Floats) -> tuple[Floats, Floats, Floats]:
    return steps[:, :, 0], steps[:, :, 1], steps[:, :, 2]


def _grey(steps: Floats) -> Floats:
    red, green, blue = _channels(steps)
    return _GREY[0] * red + _GREY[1] * green + _GREY[2] * blue


def _blend(steps: Floats, other: Floats | float, share: float) -> NDArray[np.int16]:
    mixed = share * steps + (1.0 - share) * other
    return settle(np.clip(mixed, 0, WHITE))
