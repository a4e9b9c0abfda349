"""What a metric computes on the ground truth, kept on disk by the clip's content for later runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.hashing.code import module_digest
from vfsrbench.metric import Window
from vfsrbench.runtime.versions import library_versions


def cached(window: Window, what: str, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """`compute()`, a row for each frame that a ground-truth window scores, from the clip's cache if it is
    there.

    what: names the computation and all that it depends on beside the frames: its `fingerprint`, landmarks.
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


def fingerprint(module: str, *parts: object) -> str:
    """A short name for what a value depends on beside the frames.

    Args:
        module: The module that computes it (`__name__`). Its code and what it imports of ours are in the
            name, and the versions of the libraries.
        parts: Settings, the SHA-256 of weights (`Metric.weight_digest`), the kind of device.
    """
    facts = (module_digest(module), sorted(library_versions().items()), *parts)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def array_name(array: NDArray[Any]) -> str:
    """A short name for an array's type, shape and content."""
    head = f"{array.dtype.str}:{array.shape}:".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
