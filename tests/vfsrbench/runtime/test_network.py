"""How metrics' networks run: one copy, the run's arithmetic, nothing left changed."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch
from torch import nn

from vfsrbench.runtime.network import Runner, runner, shared

CPU = torch.device("cpu")


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())


def test_metrics_with_the_same_weights_share_one_network() -> None:
    first = runner(("n", Path("a")), network, CPU, "strict")
    assert runner(("n", Path("a")), network, CPU, "strict") is first
    assert runner(("n", Path("b")), network, CPU, "strict") is not first
    assert runner(("n", Path("a")), network, CPU, "fast") is not first


def test_a_network_goes_when_nobody_holds_it() -> None:
    made = []

    def build() -> Runner:
        made.append(1)
        return Runner(network(), CPU, "strict")

    held = shared(("gone",), build)
    assert shared(("gone",), build) is held
    del held
    gc.collect()
    shared(("gone",), build)
    assert len(made) == 2


def test_a_network_runs_in_evaluation_mode_without_gradients() -> None:
    run = Runner(network(), CPU, "strict")
    x = torch.rand(5, 3, 8, 8)
    out = run(x, batch=2)
    assert out.dtype == torch.float32 and not out.requires_grad
    assert torch.equal(out, run(x, batch=2))
    assert out == pytest.approx(run(x, batch=5), abs=1e-6)


def test_settings_are_put_back() -> None:
    run = Runner(network(), CPU, "fast")
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32
    with pytest.raises(RuntimeError, match="on purpose"), run.arithmetic():
        assert cudnn.allow_tf32 and matmul.allow_tf32
        raise RuntimeError("on purpose")
    assert (cudnn.allow_tf32, matmul.allow_tf32) == before


def test_the_fast_profile_rounds_more_coarsely_and_gives_float32() -> None:
    x = torch.rand(2, 3, 8, 8)
    strict, fast = (Runner(network(), CPU, profile)(x, 2) for profile in ("strict", "fast"))
    assert fast.dtype == torch.float32
    assert 0 < (strict - fast).abs().max() < 0.05
