"""Bicubic enlargement as MATLAB's imresize does it (Keys' kernel, a = -0.5)."""

from __future__ import annotations

from baselines.adapters.interpolation import Interpolation


class BicubicMatlab(Interpolation):
    """Bicubic enlargement as MATLAB's imresize does it (Keys' kernel, a = -0.5)."""

    method = "matlab"
