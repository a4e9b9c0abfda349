"""Lanczos enlargement over eight taps, as OpenCV's INTER_LANCZOS4."""

from __future__ import annotations

from baselines.adapters.interpolation import Interpolation


class Lanczos(Interpolation):
    """Lanczos enlargement over eight taps, as OpenCV's INTER_LANCZOS4."""

    method = "lanczos"
