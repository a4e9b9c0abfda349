"""Networks made ready to restore."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from vfsrbench.arithmetic import Profile

Network = TypeVar("Network", bound=nn.Module)


def ready(net: Network, device: torch.device, profile: Profile = "strict") -> Network:
    """`net` on `device`, in evaluation mode, without gradients.

    In the profile `fast` its convolution weights lie channels last. Not in `strict`: on a CPU that is a
    fifth faster, but CodeFormer's result then is 2e-3 of its spread away from the official one, not 5e-5.
    """
    net = net.eval().requires_grad_(False).to(device)
    return arrange(net, torch.channels_last) if profile == "fast" else net


def arrange(net: Network, order: torch.memory_format) -> Network:
    """The network with its filters in that order; net.to() would refuse modulated ones, with five axes."""
    for parameter in net.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=order)
    return net
