"""Digests of facts and arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Facts = Mapping[str, Any]


def digest_of(kind: str, facts: Facts) -> str:
    """SHA-256 over the facts as canonical JSON; `kind` keeps keys of different things apart."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(f"vfsrbench-{kind}-1:{text}".encode()).hexdigest()


def array_digest(array: NDArray[Any]) -> str:
    """SHA-256 over an array's type, shape and bytes."""
    head = f"{array.dtype.str}:{array.shape}:".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()
