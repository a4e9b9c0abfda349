"""GMFlow and PWC-Net against their golden figures, and warping with their flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from baselines.layers.flow.gmflow import GMFlow
from baselines.layers.flow.pwcnet import PWCNet, cost_volume
from baselines.layers.flow.warp import flow_warp
from degradations.errors import InputError
from tests.baselines.taps import code_taps, raft_taps
from tests.baselines.taps import taps as tap_tools
from tests.parity import parity

NETWORKS: dict[str, tuple[Callable[[], Any], Callable, float]] = {
    "gmflow": (GMFlow, code_taps.gmflow, 2e-3),
    "pwcnet": (PWCNet, code_taps.pwcnet, 1e-4),
}
CASES = [(name, c["name"]) for name in NETWORKS for c in tap_tools.pack(name)["cases"]]


@pytest.fixture(scope="module", params=NETWORKS)
def small(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return NETWORKS[request.param][0]().eval().requires_grad_(False)


@pytest.mark.parametrize("name", NETWORKS)
def test_names_shapes_and_types_are_the_checkpoints(name: str) -> None:
    assert tap_tools.layout(NETWORKS[name][0]()) == tap_tools.pack_layout(tap_tools.pack(name))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_model_inside_has_the_bare_names(name: str) -> None:
    bare = {k.removeprefix("model.") for k in tap_tools.pack_layout(tap_tools.pack(name))}
    assert set(NETWORKS[name][0]().model.state_dict()) == bare


@pytest.mark.parametrize(("name", "case_name"), CASES)
def test_every_tap_is_the_official_networks(name: str, case_name: str) -> None:
    build, collect, limit = NETWORKS[name]
    pack = tap_tools.pack(name)
    case = next(c for c in pack["cases"] if c["name"] == case_name)
    with torch.inference_mode():
        differences = tap_tools.differences(collect(tap_tools.filled(build, pack), case), case["outputs"])
    assert {tap: d for tap, d in differences.items() if not d < limit} == {}


def test_a_clips_flows_are_those_of_its_pairs(small: Any) -> None:
    frames = torch.rand(2, 3, 3, 64, 64) * 2 - 1
    wrapper = {"api": "wrapper"} if isinstance(small, GMFlow) else {}
    flows = small.backwards(frames)
    assert flows.shape == (2, 2, 2, 64, 64)
    for i in range(2):
        pair = small(frames[:, i + 1], frames[:, i], **wrapper)
        torch.testing.assert_close(flows[:, i], pair, atol=1e-3, rtol=1e-3)


def test_gmflow_names_the_sizes_it_takes() -> None:
    with torch.device("meta"):
        net = GMFlow()
    with pytest.raises(InputError, match="multiples of 16, got 64x72"):
        net(torch.zeros(1, 3, 64, 72), torch.zeros(1, 3, 64, 72))


def test_pwcnet_sees_its_colours_in_reverse() -> None:
    case = tap_tools.pack("pwcnet")["cases"][0]
    net = tap_tools.filled(PWCNet, tap_tools.pack("pwcnet"))
    given = {name: image.flip(1) for name, image in parity.inputs(case).items()}
    with torch.inference_mode():
        assert parity.compare(net(**given), case["outputs"]["out"]) > 1e-2


def test_cost_volume_by_its_definition() -> None:
    a, b = torch.randn(1, 5, 6, 7), torch.randn(1, 5, 6, 7)
    costs = cost_volume(a, b)
    for dx, dy, x, y in ((0, 0, 3, 3), (-4, 2, 5, 1), (1, -3, 2, 4)):
        expected = F.leaky_relu((a[0, :, y, x] * b[0, :, y + dy, x + dx]).mean(), 0.1)
        torch.testing.assert_close(costs[0, (dy + 4) * 9 + dx + 4, y, x], expected)
    outside = costs[0, 0, 0, 0]  # dx = dy = -4 at the corner
    assert outside == 0


def test_warp_takes_the_pixel_that_the_flow_points_at() -> None:
    x = torch.randn(1, 2, 8, 9)
    flow = torch.zeros(1, 2, 8, 9)
    flow[:, 0], flow[:, 1] = 2, -1
    warped = flow_warp(x, flow)
    torch.testing.assert_close(warped[:, :, 1:, :-2], x[:, :, :-1, 2:])
    assert warped[:, :, 0].abs().max() < 1e-5  # above the picture
    flow[:, 0], flow[:, 1] = 0.5, 0
    torch.testing.assert_close(flow_warp(x, flow)[..., :-1], (x[..., :-1] + x[..., 1:]) / 2)


def test_warp_keeps_its_precision_for_half_precision_pictures() -> None:
    x = torch.arange(512.0).expand(1, 1, 4, 512).to(torch.bfloat16)
    flow = torch.zeros(1, 2, 4, 512)
    flow[:, 0] = 1
    warped = flow_warp(x, flow)
    assert warped.dtype == torch.bfloat16
    torch.testing.assert_close(warped[..., :-1], x[..., 1:], atol=0, rtol=0.005)


@pytest.mark.parametrize("case", tap_tools.pack("raft")["cases"], ids=lambda case: case["name"])
def test_torchvisions_raft_is_the_official_one(case: dict[str, Any]) -> None:
    net = tap_tools.filled(raft_taps.Raft, tap_tools.pack("raft"))
    with torch.inference_mode():
        differences = tap_tools.differences(raft_taps.raft(net, case), case["outputs"])
    assert {tap: d for tap, d in differences.items() if not d <= 1e-4} == {}
