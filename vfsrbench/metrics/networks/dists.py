"""DISTS (Ding et al., TPAMI 2022) in two halves, so that a picture's features are computed once and compared
with many others. Names and shapes are those of the authors' code.

The backbone is torchvision's VGG-16 with its pools replaced; `load_files` takes its file and the one of the
published heads (`alpha`, `beta`).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vfsrbench.errors import InputError

CHANNELS = (3, 64, 128, 256, 512, 512)
"""Of the picture itself and the five stages: what a group of the heads covers."""
_CONVOLUTIONS = (2, 2, 3, 3, 3)
_SMALL = 1e-6


class L2Pooling(nn.Module):
    """The root of squares averaged by a 3x3 Hann window, every second pixel; ceil(side / 2)."""

    filter: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        window = torch.tensor([0.5, 1.0, 0.5])
        kernel = torch.outer(window, window)
        self.register_buffer("filter", (kernel / kernel.sum()).expand(channels, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        averaged = F.conv2d(x.square(), self.filter, stride=2, padding=1, groups=x.shape[1])
        return (averaged + 1e-12).sqrt()


class Heads(nn.Module):
    """The weights of the two similarities of each channel, as their file holds them: (1, 1475, 1, 1)."""

    untrained_positive = True

    def __init__(self) -> None:
        super().__init__()
        shape = (1, sum(CHANNELS), 1, 1)
        self.alpha = nn.Parameter(torch.full(shape, 0.1))
        self.beta = nn.Parameter(torch.full(shape, 0.1))


class DISTS(Heads):
    """Structure and texture similarity. Pictures are RGB (N, 3, H, W) in [0, 1] on any device, of any size.

    `compare(features(x), features(y))` is the distance of each pair, (N,): 0 is equal.
    """

    untrained_positive = False
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        index, inputs = 0, 3
        for stage, (channels, count) in enumerate(zip(CHANNELS[1:], _CONVOLUTIONS, strict=True), start=1):
            part = nn.Sequential()
            if stage > 1:  # in the place of a max pool, whose number it keeps
                part.add_module(str(index), L2Pooling(inputs))
                index += 1
            for _ in range(count):
                part.add_module(str(index), nn.Conv2d(inputs, channels, 3, padding=1))
                part.add_module(str(index + 1), nn.ReLU())
                index, inputs = index + 2, channels
            self.add_module(f"stage{stage}", part)
        self.eval().requires_grad_(False)

    def load_files(self, backbone: Mapping[str, Tensor], heads: Mapping[str, Tensor]) -> None:
        """Fill the network.

        Args:
            backbone: torchvision's vgg16, whose classifier is left out.
            heads: `alpha` and `beta`.

        Raises:
            InputError: A tensor is missing, of another shape, or another network's.
        """
        own = self.state_dict()
        state = {n: v for n, v in own.items() if n.endswith(("mean", "std", "filter"))}
        numbers = {name.split(".", 1)[1]: name for name in own if name.startswith("stage")}
        layers = {n.removeprefix("features."): v for n, v in backbone.items() if n.startswith("features.")}
        state |= {numbers.get(name, f"features.{name}"): value for name, value in layers.items()}
        foreign = [n for n in backbone if not n.startswith(("features.", "classifier."))]
        foreign += [n for n in heads if n not in ("alpha", "beta")]
        if foreign:
            raise InputError(f"not the files of DISTS: {foreign[0]!r} does not belong")
        try:
            self.load_state_dict({**state, **heads})
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"not the files of DISTS (VGG-16 and its heads): {reason[:300]}") from error

    def features(self, images: Tensor) -> list[Tensor]:
        """The pictures as they are, and the five stages' maps (N, C, h, w)."""
        maps = [images]
        x = (images - self.mean) / self.std
        for stage in range(1, len(CHANNELS)):
            x = self.get_submodule(f"stage{stage}")(x)
            maps.append(x)
        return [m.float() for m in maps]

    def compare(self, x: list[Tensor], y: list[Tensor]) -> Tensor:
        """The distance (N,) of two sets of features; in float32 whatever autocast says."""
        with torch.autocast(x[0].device.type, enabled=False):
            pairs = [_similarities(a, b) for a, b in zip(x, y, strict=True)]
            luminance, structure = (torch.cat(parts, 1) for parts in zip(*pairs, strict=True))
            alpha, beta = (head.float().flatten() for head in (self.alpha, self.beta))
            weighted = (luminance * alpha).sum(1) + (structure * beta).sum(1)
            return 1 - weighted / (alpha.sum() + beta.sum())

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.compare(self.features(x), self.features(y))


def _similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Of each channel (N, C): of the means, and of the deviations from them. The authors take
    E[xy] - E[x]E[y], which is the same but for rounding."""
    mean_x, mean_y = x.mean((2, 3), keepdim=True), y.mean((2, 3), keepdim=True)
    around_x, around_y = x - mean_x, y - mean_y
    variances = around_x.square().mean((2, 3)) + around_y.square().mean((2, 3))
    covariance = (around_x * around_y).mean((2, 3))
    squares = (mean_x.square() + mean_y.square())[:, :, 0, 0]
    luminance = (2 * (mean_x * mean_y)[:, :, 0, 0] + _SMALL) / (squares + _SMALL)
    return luminance, (2 * covariance + _SMALL) / (variances + _SMALL)
