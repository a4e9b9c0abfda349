"""Faults put into methods, each of which the examination on a fake GPU must find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.basicvsr import network as basicvsr
from baselines.gfpgan import adapter as gfpgan
from baselines.layers import residual
from baselines.layers.flow.gmflow import network as gmflow
from baselines.layers.flow.gmflow import transformer
from baselines.layers.flow.warp import flow_warp
from tests.gpu.cases import allowed_of, sizes_of
from tests.gpu.examine import Allowed, examine_method, examine_metric
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import Predictor
from vfsrbench.runtime import network
from vfsrbench.runtime.precision import Profile

Patch = pytest.MonkeyPatch


def faults(spec: str, folder: Path, profile: Profile = "strict", change: Any = lambda predictor: None) -> str:
    method = choose_method(spec)
    return "\n".join(examine_method(method, profile, sizes_of(spec), allowed_of(spec), folder, change))


def changed_warp(change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Callable[[Patch], None]:
    """BasicVSR warps what `change` makes of features and flow."""

    def put(patch: Patch) -> None:
        patch.setattr(basicvsr, "flow_warp", lambda x, flow: flow_warp(*change(x, flow)))

    return put


def arange_on_the_cpu(x: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    return x, flow + torch.arange(x.shape[-1]) * 0


def zeros_copied_from_the_cpu(x: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    return x, flow + torch.zeros(1).to(x.device)


def list_as_an_index(x: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, list(range(x.shape[1]))], flow


def item_in_a_loop(patch: Patch) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return x * float(x.abs().max().item() > 0) + self.conv2(self.conv1(x).relu_())

    patch.setattr(residual.ResidualBlockNoBN, "forward", forward)


def noise_copied_and_waited_for(patch: Patch) -> None:
    patch.setattr(gfpgan, "queued", lambda numbers, device: numbers.to(device))


def mask_on_the_cpu(patch: Patch) -> None:
    made = transformer.shift_mask
    patch.setattr(transformer, "shift_mask", lambda h, w, device: made(h, w, torch.device("cpu")))


def attention_without_heads(patch: Patch) -> None:
    def lookup(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        wide = F.pad(value, (0, query.shape[-1] - value.shape[-1]))
        return F.scaled_dot_product_attention(query, key, wide)[..., : value.shape[-1]]

    patch.setattr(gmflow, "soft_lookup", lookup)


FAULTS: dict[str, tuple[Callable[[Patch], None], str, str]] = {
    "arange": (changed_warp(arange_on_the_cpu), "basicvsr", "fails on a GPU"),
    "zeros": (changed_warp(zeros_copied_from_the_cpu), "basicvsr", "x host tensor"),
    "list": (changed_warp(list_as_an_index), "basicvsr", "x upload (0 allowed)"),
    "item": (item_in_a_loop, "basicvsr", "x wait (0 allowed)"),
    "noise": (noise_copied_and_waited_for, "gfpgan[noise=seeded]", "3 x upload (0 allowed)"),
    "mask": (mask_on_the_cpu, "keep", "fails on a GPU: attention over several devices"),
    "attention": (attention_without_heads, "keep", "x three axes"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_in_code_are_found(name: str, tmp_path: Path, monkeypatch: Patch) -> None:
    put, spec, expected = FAULTS[name]
    put(monkeypatch)
    found = faults(spec, tmp_path)
    assert expected in found, found


def test_a_lost_buffer_is_found(tmp_path: Path) -> None:
    def lose(predictor: Predictor) -> None:
        spynet: Any = predictor.net.spynet  # type: ignore[attr-defined]
        del spynet._buffers["mean"]
        spynet.mean = torch.zeros(1, 3, 1, 1)

    assert "fails on a GPU" in faults("basicvsr", tmp_path, change=lose)


def test_positions_in_half_precision_are_found(tmp_path: Path, monkeypatch: Patch) -> None:
    changed_warp(lambda x, flow: (x.bfloat16(), flow.bfloat16()))(monkeypatch)
    assert "x half precision" in faults("basicvsr", tmp_path, "fast")


def test_weights_that_are_cast_with_every_call_are_found(tmp_path: Path) -> None:
    def widen(predictor: Predictor) -> None:
        predictor.net.float()  # type: ignore[attr-defined]

    assert "x cast" in faults("secnet", tmp_path, "fast", widen)


def test_weights_of_a_metric_that_are_cast_with_every_call_are_found(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    assert not examine_metric("ids_resnet18_gray", "fast", Allowed(waits=2), tmp_path)
    monkeypatch.setattr(network, "round_weights", lambda net: None)
    found = examine_metric("ids_resnet18_gray", "fast", Allowed(waits=2), tmp_path)
    assert found is not None and "x cast (0 allowed)" in "\n".join(found)


def test_channels_of_a_metric_s_norms_that_lie_last_are_found(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(network, "_channels_first", lambda net: False)
    found = examine_metric("tof_raft", "fast", Allowed(waits=2), tmp_path)
    assert found is not None and "x hidden copy (0 allowed)" in "\n".join(found)
