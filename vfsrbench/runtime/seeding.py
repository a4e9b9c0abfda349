"""The global random generators around a method's code: seeded for the block, restored afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed Python's, numpy's and torch's global generators (CPU, and the GPU if `device` is one).

    A method that overlooks its own generator is still reproducible then, and leaves no trace in the next.

    Args:
        seed: any non-negative number; numpy takes its lower 32 bits.
        device: where the method computes.
    """
    import torch

    python, legacy = random.getstate(), np.random.get_state()
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        random.seed(seed)
        np.random.seed(seed & 0xFFFFFFFF)
        if device.type == "cpu":
            torch.default_generator.manual_seed(seed)  # alone: nothing puts other devices' back
        else:
            torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)
