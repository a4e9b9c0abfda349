"""GroupNorm on channels-last features: as exact as torch's on contiguous ones, and in place of it."""

from __future__ import annotations

import torch
from torch import nn

from baselines.adapters.ready import ready
from baselines.layers.norms import ChannelsLastGroupNorm, replace_norms

CPU = torch.device("cpu")


def norm(kind: type[nn.GroupNorm]) -> nn.GroupNorm:
    torch.manual_seed(0)
    made = kind(8, 32, eps=1e-6)
    nn.init.normal_(made.weight)
    nn.init.normal_(made.bias)
    return made.requires_grad_(False)


def test_no_less_exact_than_in_the_usual_order() -> None:
    x = torch.randn(2, 32, 96, 128) + 3  # a mean that cancels badly when squares are summed up
    last = x.contiguous(memory_format=torch.channels_last)
    exact = norm(nn.GroupNorm).double()(x.double())
    usual = (norm(nn.GroupNorm)(x).double() - exact).abs().max()
    found = norm(ChannelsLastGroupNorm)(last)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found.double() - exact).abs().max() <= 2 * usual
    assert torch.equal(norm(ChannelsLastGroupNorm)(x), norm(nn.GroupNorm)(x))  # untouched


def test_features_and_batch_mates_stay_as_they_are() -> None:
    x = torch.randn(3, 32, 8, 8).contiguous(memory_format=torch.channels_last)
    before = x.clone()
    found = norm(ChannelsLastGroupNorm)(x)
    assert torch.equal(x, before)
    assert torch.equal(found[1:2], norm(ChannelsLastGroupNorm)(x[1:2]))


def test_a_network_keeps_its_parameters() -> None:
    net = nn.Sequential(nn.Conv2d(3, 32, 3), nn.Sequential(norm(nn.GroupNorm)))
    names, weight = list(net.state_dict()), net[1][0].weight  # type: ignore[index]
    replace_norms(net, ChannelsLastGroupNorm)
    assert type(net[1][0]) is ChannelsLastGroupNorm  # type: ignore[index]
    assert list(net.state_dict()) == names and net[1][0].weight is weight  # type: ignore[index]


def test_only_strict_arithmetic_on_a_cpu_has_them() -> None:
    kinds = {}
    for profile in ("strict", "fast"):
        net = ready(nn.Sequential(nn.Conv2d(3, 32, 3), norm(nn.GroupNorm)), CPU, profile)  # type: ignore[arg-type]
        assert net[0].weight.is_contiguous(memory_format=torch.channels_last)  # type: ignore[operator]
        kinds[profile] = type(net[1])
    assert kinds == {"strict": ChannelsLastGroupNorm, "fast": nn.GroupNorm}
