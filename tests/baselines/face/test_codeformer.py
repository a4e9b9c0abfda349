"""CodeFormer against the official network's golden figures, and what its options mean."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from baselines.adapters.ready import ready
from baselines.codeformer.network import CodeFormer
from baselines.layers.generative.codebook import adaptive_instance_norm
from degradations.errors import InputError
from tests.baselines.taps import code_taps
from tests.baselines.taps import taps as tap_tools

PACK = tap_tools.pack("codeformer")
CASES = {case["name"]: case for case in PACK["cases"]}
SLOW = tuple(f"codeformer-{name}" for name in CASES)
"""Seconds each; the plain suite has one of them, with the network as a CPU runs it."""


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    return tap_tools.filled(CodeFormer, PACK)


@pytest.fixture(scope="module")
def small() -> CodeFormer:
    return small_network(CodeFormer)


def small_network(build: Callable[..., Any], **options: Any) -> Any:
    """The network for 64x64 frames (2x2 tokens), with seeded weights and a position code."""
    torch.manual_seed(0)
    net = build(side=64, **options).eval().requires_grad_(False)
    net.position_emb.normal_()
    return net


def test_names_shapes_and_types_are_the_checkpoints() -> None:
    with torch.device("meta"):
        assert tap_tools.layout(CodeFormer()) == tap_tools.pack_layout(PACK)


@pytest.mark.parametrize(("pack", "name"), tap_tools.cases({"codeformer": PACK}, SLOW))
def test_every_tap_is_the_official_networks(net: torch.nn.Module, pack: str, name: str) -> None:
    assert beyond(net, name) == {}


def test_made_ready_for_a_cpu_it_is_the_official_network_too(net: torch.nn.Module) -> None:
    assert beyond(ready(copy.deepcopy(net), torch.device("cpu")), "w0.5_adain") == {}


def beyond(net: torch.nn.Module, name: str) -> dict[str, float]:
    """The taps of the case that differ by 1e-3 or more."""
    with torch.inference_mode():
        taps = code_taps.codeformer(net, CASES[name])
    wanted = {tap: value for tap, value in taps.items() if tap in CASES[name]["outputs"]}
    differences = tap_tools.differences(wanted, CASES[name]["outputs"])
    return {tap: d for tap, d in differences.items() if not d < 1e-3}


def test_w_0_is_the_limit_of_small_w_and_w_1_is_not(small: CodeFormer) -> None:
    x = torch.rand(1, 3, 64, 64) * 2 - 1
    none, little, much = (small(x, w=w)[0] for w in (0.0, 1e-6, 1.0))
    torch.testing.assert_close(little, none, atol=1e-4, rtol=0)
    assert (much - none).abs().max() > 1e-2


def test_a_frame_does_not_depend_on_its_batch(small: CodeFormer) -> None:
    x = torch.rand(3, 3, 64, 64) * 2 - 1
    together = small(x, w=0.5, adain=True)[0]
    alone = torch.cat([small(frame[None], w=0.5, adain=True)[0] for frame in x])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_gradients_flow_to_the_input(small: CodeFormer) -> None:
    x = (torch.rand(1, 3, 64, 64) * 2 - 1).requires_grad_()
    small(x, w=1.0)[0].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_adain_gives_mean_and_spread_of_the_style() -> None:
    content, style = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8) * 3 + 1
    out = adaptive_instance_norm(content, style)
    torch.testing.assert_close(out.mean((2, 3)), style.mean((2, 3)))
    torch.testing.assert_close(out.var((2, 3)), style.var((2, 3)), rtol=1e-3, atol=0)


@pytest.mark.parametrize("shape", [(1, 3, 64, 96), (1, 1, 64, 64), (3, 64, 64)])
def test_frames_of_another_shape_are_refused_by_name(small: CodeFormer, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"CodeFormer takes RGB faces of 64x64, got \[.*resize"):
        small(torch.zeros(shape))
