"""GroupNorm for features whose channels lie last in memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelsLastGroupNorm(nn.GroupNorm):
    """GroupNorm that is as exact on channels-last float32 features as on others, for inference on a CPU.

    torch's own sums such features up in single precision one after the other, which moves CodeFormer's faces
    by 3e-3 of their spread; here every channel is summed over the positions, and the channels of a group in
    double precision.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> the same shape and order."""
        if x.ndim != 4 or x.dtype != torch.float32 or not x.is_contiguous(memory_format=torch.channels_last):
            return super().forward(x)
        b, c, height, width = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(b, -1, c)  # a view
        centred = pixels - self._group_means(pixels).float()[:, None]
        deviation = (self._group_means(centred.square()) + self.eps).sqrt()
        centred *= (self.weight / deviation).float()[:, None]
        centred += self.bias
        return centred.unflatten(1, (height, width)).permute(0, 3, 1, 2)

    def _group_means(self, pixels: Tensor) -> Tensor:
        """(b, pixels, c) -> the mean of each channel's group, (b, c), float64."""
        means = (pixels.sum(1).double() / pixels.shape[1]).unflatten(1, (self.num_groups, -1)).mean(2)
        return means.repeat_interleave(self.num_channels // self.num_groups, 1)


def replace_norms(net: nn.Module, kind: type[nn.GroupNorm]) -> None:
    """Make every plain GroupNorm of the network one of that kind, with the same parameters."""
    for parent in net.modules():
        for name, norm in parent.named_children():
            if type(norm) is nn.GroupNorm:
                other = kind(norm.num_groups, norm.num_channels, norm.eps)
                other.weight, other.bias = norm.weight, norm.bias
                setattr(parent, name, other.train(norm.training))
