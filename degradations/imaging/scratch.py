"""Memory that is used again: fresh memory costs more than the sums that are done in it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Scratch:
    """Arrays by name. Each call with a name may hand out the memory of earlier calls with that name.

    Not to be shared between threads.
    """

    def __init__(self) -> None:
        self._memory: dict[str, NDArray[Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], kind: Any) -> NDArray[Any]:
        """An array (C order) of that shape and type, with anything in it."""
        size = math.prod(shape)
        known = self._memory.get(name)
        if known is None or known.size < size or known.dtype != kind:
            known = self._memory[name] = np.zeros(size, kind)
        return known[:size].reshape(shape)
