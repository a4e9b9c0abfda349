"""Residual blocks with self-learned attention, and the ConvLSTM cell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degradations.errors import did_you_mean

ATTENTIONS = ("none", "spatial", "channel+spatial", "nonlocal")
NONLOCAL_EVERY = 4


class SpatialSE(nn.Module):
    """A map in (0, 1) for each pixel, from two convolutions with a ReLU between (section II-C4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels // 2, 3, padding=1)
        self.conv2 = nn.Conv2d(channels // 2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.conv2(F.relu(self.conv1(x))))


class ChannelSE(nn.Module):
    """A factor in (0, 1) for each channel, from its mean (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, max(channels // 16, 1))
        self.fc2 = nn.Linear(max(channels // 16, 1), channels)

    def forward(self, x: Tensor) -> Tensor:
        factor = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean(dim=(2, 3))))))
        return x * factor[:, :, None, None]


class NonLocal(nn.Module):
    """x + what all other pixels say, weighed by likeness (Wang et al., CVPR 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 2, 1)
        self.key = nn.Conv2d(channels, channels // 2, 1)
        self.value = nn.Conv2d(channels, channels // 2, 1)
        self.project = nn.Conv2d(channels // 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        # one head, as an axis: fused kernels take four axes only
        q, k, v = (f(x).flatten(2).transpose(1, 2)[:, None] for f in (self.query, self.key, self.value))
        out = F.scaled_dot_product_attention(q, k, v, scale=1.0)[:, 0].transpose(1, 2)
        return x + self.project(out.reshape(x.shape[0], -1, *x.shape[2:]))


class AttentiveBlock(nn.Module):
    """conv - ReLU - conv, weighed by attention, plus the input; `index` counts blocks from 1."""

    def __init__(self, channels: int, attention: str, index: int) -> None:
        super().__init__()
        if attention not in ATTENTIONS:
            raise did_you_mean("attention", attention, ATTENTIONS)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.channel = ChannelSE(channels) if attention == "channel+spatial" else nn.Identity()
        self.spatial = SpatialSE(channels) if "spatial" in attention else nn.Identity()
        nonlocal_here = attention == "nonlocal" and index % NONLOCAL_EVERY == 0
        self.after = NonLocal(channels) if nonlocal_here else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residue = self.conv2(F.relu(self.conv1(x)))
        return self.after(x + self.spatial(self.channel(residue)))


class ConvLSTM(nn.Module):
    """The cell of equation 5: 3x3 convolutions of input and hidden state, gates i, f, g, o in this order."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.gates = nn.Conv2d(channels_in + channels, 4 * channels, 3, padding=1)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """Input (n, c_in, h, w) and (hidden, cell) or None for zeros -> the new (hidden, cell)."""
        if state is None:
            zeros = x.new_zeros(x.shape[0], self.channels, *x.shape[2:])
            state = (zeros, zeros)
        hidden, cell = state
        i, f, g, o = self.gates(torch.cat([x, hidden], dim=1)).chunk(4, dim=1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(cell), cell
