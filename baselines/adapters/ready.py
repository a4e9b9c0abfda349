"""Networks made ready to restore."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from baselines.layers.norms import ChannelsLastGroupNorm, replace_norms
from vfsrbench.runtime.precision import Profile

Network = TypeVar("Network", bound=nn.Module)


def ready(net: Network, device: torch.device, profile: Profile = "strict") -> Network:
    """`net` on `device`, in evaluation mode, without gradients.

    Its filters lie channels last in the profile `fast`, and on a CPU in `strict` too, as CPUs convolve nearly
    twice as fast in that order; its GroupNorms then are ones that lose nothing in it.
    """
    net = net.eval().requires_grad_(False).to(device)
    if profile == "strict":
        if torch.device(device).type != "cpu":
            return net
        replace_norms(net, ChannelsLastGroupNorm)
    return arrange(net, torch.channels_last)


def arrange(net: Network, order: torch.memory_format) -> Network:
    """The network with its filters in that order; net.to() would refuse modulated ones, with five axes."""
    for parameter in net.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=order)
    return net
