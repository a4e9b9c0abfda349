"""What a metric computes on the ground truth, kept on disk by the clip's content for later runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.metrics.base import Window

_PIECES, _PIECE = 16, 1 << 14


def cached(window: Window, what: str, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """`compute()`, a row for each frame that a ground-truth window scores, from the clip's cache if it is
    there.

    what: names the computation and all that it depends on beside the frames: version, weights (their
    `fingerprint`), landmarks, arithmetic.
    """
    cache = window.truth.cache
    if cache is None:
        return compute()
    key = f"{what}-{window.scored.start}-{window.scored.stop}"
    found = cache.get(key)
    if found is not None and len(found.get("values", ())) == len(window.scored):
        return found["values"]
    values = np.asarray(compute())
    cache.put(key, {"values": values})
    return values


def fingerprint(*parts: object) -> str:
    """A short name for what a value depends on: arrays and texts by their content, files by samples of it."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            total.update(_sampled(part))
        elif isinstance(part, np.ndarray):
            total.update(f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        else:
            total.update(repr(part).encode())
        total.update(b"\0")
    return total.hexdigest()[:16]


def _sampled(path: Path) -> bytes:
    """Pieces from all over a file: half a gigabyte is not read, yet no two checkpoints look the same."""
    size = path.stat().st_size
    total = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for index in range(_PIECES):
            file.seek(max(0, size - _PIECE) * index // (_PIECES - 1))
            total.update(file.read(_PIECE))
    return total.digest()
