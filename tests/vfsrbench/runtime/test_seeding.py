"""The global generators around a method: seeded for the block, and put back."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from vfsrbench.runtime.seeding import seeded


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.random()), float(torch.rand(()))


def test_what_is_drawn_follows_the_seed_and_leaves_no_trace() -> None:
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    want = drawn()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with seeded(7, torch.device("cpu")):
        inside = drawn()
    assert drawn() == want
    with seeded(7, torch.device("cpu")):
        assert drawn() == inside
    with seeded(8, torch.device("cpu")):
        assert all(a != b for a, b in zip(drawn(), inside, strict=True))


def test_on_a_cpu_other_devices_generators_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would put them back: only the device's own state is kept."""
    asked: list[str] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: asked.append("cuda"))
    with seeded(7, torch.device("cpu")):
        pass
    assert not asked
