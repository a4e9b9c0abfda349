"""Colour changes are torchvision's, within half a step of the grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from degradations.imaging import colour
from degradations.numerics.grid import STEPS, WHITE
from tests.degradations.clips import moving_clip


def with_torchvision(name: str, frame: NDArray[np.uint8], factor: float) -> NDArray[np.float64]:
    import torch
    from torchvision.transforms import functional

    image = torch.from_numpy(frame.transpose(2, 0, 1)).double() / 255
    changed: torch.Tensor = getattr(functional, f"adjust_{name}")(image, factor)
    return changed.numpy().transpose(1, 2, 0) * WHITE


@pytest.mark.parametrize(
    ("change", "factors"),
    [
        (colour.brightness, (0.0, 0.5, 1.0, 1.5)),
        (colour.contrast, (0.0, 0.5, 1.0, 1.5)),
        (colour.saturation, (0.0, 0.7, 1.0, 1.5)),
        (colour.hue, (-0.5, -0.1, 0.0, 0.05, 0.1, 0.5)),
    ],
)
def test_as_torchvision_does(change: Callable[..., Any], factors: tuple[float, ...]) -> None:
    frame = moving_clip(1, 48, 48)[0]
    frame[:4] = 90  # greys have no hue
    frame[4:8] = (0, 0, 255)
    for factor in factors:
        want = with_torchvision(change.__name__, frame, factor)
        # contrast's mean grey is a mean of whole steps here
        assert np.abs(change(frame, factor) - want).max() < 1.01


def test_shift_and_greyscale() -> None:
    frame = np.full((2, 2, 3), (10, 100, 250), np.uint8)
    assert colour.shift(frame, (-20.0, 0.5, 20.0))[0, 0].tolist() == [0, 100 * STEPS + STEPS // 2, WHITE]
    grey = (0.299 * 10 + 0.587 * 100 + 0.114 * 250) * STEPS
    assert np.abs(colour.greyscale(frame) - grey).max() <= 0.5
