"""The degraded clip itself, at the size of the result."""

from __future__ import annotations

from baselines.adapters.interpolation import Interpolation


class Input(Interpolation):
    """Enlarges as clips without ground truth are enlarged to be compared with."""

    method = "cubic"
