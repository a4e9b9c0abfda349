"""Networks made ready to restore."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from baselines.layers.norms import ChannelsLastGroupNorm, replace_norms
from vfsrbench.runtime.precision import Profile, round_weights

Network = TypeVar("Network", bound=nn.Module)


def placed(net: Network, device: torch.device, profile: Profile = "strict") -> Network:
    """`net` on `device`, in evaluation mode, without gradients; its weights in bfloat16 in the profile
    `fast` (see `round_weights`)."""
    net = net.eval().requires_grad_(False).to(device)
    if profile == "fast":
        round_weights(net)
    return net


def ready(net: Network, device: torch.device, profile: Profile = "strict") -> Network:
    """A network with GroupNorms `placed`, and on a CPU its filters channels last.

    CPUs convolve nearly twice as fast in that order; in `strict` its GroupNorms then are ones that lose
    nothing in it. A GPU's GroupNorm would copy its input to the other order and back.
    """
    net = placed(net, device, profile)
    if torch.device(device).type != "cpu":
        return net
    if profile == "strict":
        replace_norms(net, ChannelsLastGroupNorm)
    return arrange(net, torch.channels_last)


def arrange(net: Network, order: torch.memory_format) -> Network:
    """The network with its filters in that order; net.to() would refuse modulated ones, with five axes."""
    for parameter in net.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=order)
    return net
