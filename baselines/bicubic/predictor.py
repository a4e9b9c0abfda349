"""Bicubic enlargement as OpenCV and PyTorch do it (Keys' kernel, a = -0.75)."""

from __future__ import annotations

from baselines.adapters.interpolation import Interpolation


class Bicubic(Interpolation):
    """Bicubic enlargement as OpenCV and PyTorch do it (Keys' kernel, a = -0.75)."""

    method = "cubic"
