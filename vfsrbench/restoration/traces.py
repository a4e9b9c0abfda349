"""What a method leaves behind in the process that called it: torch's settings, the global generators."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from vfsrbench.runtime.seeding import seeded
from vfsrbench.runtime.state.settings import kept_settings

if TYPE_CHECKING:
    import torch


def moved_generators(call: Callable[[], object], device: torch.device) -> list[str]:
    """The global generators that are in another state after the call. They are put back.

    Args:
        call: What may seed them or draw from them.
        device: Where it computes.
    """
    with seeded(1, device):
        before = _states(device)
        call()
        left = _states(device)
    return [name for name in before if before[name] != left[name]]


def changed_generators(
    imported: Iterable[str],
    load: Callable[[], object],
    restore: Callable[[], object],
    device: torch.device,
) -> str:
    """The global generators that a method seeds, or draws from when it restores; empty if none.

    To build layers takes random numbers, so a load may move a generator on. One that it leaves in the same
    state whatever the state was before, it has seeded.

    Args:
        imported: Those that moved when its code was imported, which happens once.
        load: Builds and loads a new object.
        restore: Restores a few frames.
        device: Where the method computes.
    """
    after: list[Mapping[str, object]] = []
    for seed in (1, 2):
        with kept_settings(), seeded(seed, device):
            load()
            after.append(_states(device))
    seeds = [name for name in after[0] if after[0][name] == after[1][name]]
    return told("seeds or draws from", seeds, moved_generators(restore, device), imported)


def _states(device: torch.device) -> dict[str, object]:
    import torch

    kind, keys, *rest = np.random.get_state()
    found: dict[str, object] = {
        "torch's": torch.get_rng_state().numpy().tobytes(),
        "numpy's": (kind, np.asarray(keys).tobytes(), *rest),
        "Python's": random.getstate(),
    }
    if device.type == "cuda":
        found["CUDA's"] = torch.cuda.get_rng_state(device).numpy().tobytes()
    return found


def told(what: str, loaded: Iterable[str], restored: Iterable[str], imported: Iterable[str] = ()) -> str:
    """What a method does, when it is loaded and when it restores, in one line; empty if nothing.

    Args:
        what: What it does to these things.
        loaded: The things, when it is loaded.
        restored: The things, when it restores.
        imported: The things, when its code is imported, where that is known apart from loading.
    """
    found = {
        "when it is imported": sorted(imported),
        "when it is loaded": sorted(loaded),
        "when it restores": sorted(restored),
    }
    parts = [f"{when}: {', '.join(names)}" for when, names in found.items() if names]
    return f"{what}, {'; '.join(parts)}" if parts else ""
