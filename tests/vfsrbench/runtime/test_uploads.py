"""Numbers brought to a device: pinned and queued for a GPU, constants once."""

from __future__ import annotations

import pytest
import torch

from tests.gpu.fake_cuda import CUDA, counted, watched
from vfsrbench.runtime.device import OnDevice, queued


def test_a_gpu_gets_numbers_through_pinned_memory_and_constants_once(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = torch.arange(4.0)
    constant = OnDevice(numbers)
    with watched(monkeypatch) as watch:
        assert queued(numbers, CUDA).device == CUDA
        assert counted(watch.events) == {"queued": 1}
        first = constant.on(CUDA, torch.float64)
        assert first.dtype == torch.float64
        assert constant.like(torch.empty(1, dtype=torch.float64, device=CUDA)) is first
        assert counted(watch.events) == {"queued": 2}
        numbers.to(CUDA)
        assert counted(watch.events) == {"queued": 2, "upload": 1}


def test_a_cpu_gets_the_tensor_itself() -> None:
    numbers = torch.arange(4.0)
    assert queued(numbers, torch.device("cpu")) is numbers
    assert OnDevice(numbers).like(torch.zeros(1)) is numbers
