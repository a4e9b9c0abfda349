"""PWC-Net (Sun et al., CVPR 2018), the densely connected version, as KEEP's first release used it.

State dict and arithmetic are those of KEEP's wrapper, which puts `model.` before every name; golden
figures: tests/parity/pwcnet.json. The cost volume is plain PyTorch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.flow.warp import flow_warp

RADIUS = 4
COSTS = (2 * RADIUS + 1) ** 2
PYRAMID = (16, 32, 64, 96, 128, 196)
DENSE = (128, 128, 96, 64, 32)
FLOW_UNIT = 20.0  # the network's flow is in units of 20 pixels of the full size
MULTIPLE = 64


def conv(cin: int, cout: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution and LeakyReLU 0.1."""
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, stride, padding=dilation, dilation=dilation), nn.LeakyReLU(0.1)
    )


def deconv(cin: int) -> nn.ConvTranspose2d:
    """Transposed convolution to twice the size and two channels."""
    return nn.ConvTranspose2d(cin, 2, 4, stride=2, padding=1)


def cost_volume(a: Tensor, b: Tensor) -> Tensor:
    """Mean over channels of a(x, y) * b(x + dx, y + dy) for |dx|, |dy| <= 4, zero outside; LeakyReLU.

    Two (n, c, h, w) maps -> (n, 81, h, w), dx running fastest.
    """
    h, w = a.shape[-2:]
    padded = F.pad(b, (RADIUS,) * 4)
    span = range(2 * RADIUS + 1)
    costs = [(a * padded[:, :, dy : dy + h, dx : dx + w]).mean(1) for dy in span for dx in span]
    return F.leaky_relu(torch.stack(costs, dim=1), 0.1)


def warp_inside(x: Tensor, flow: Tensor) -> Tensor:
    """`x` warped by the flow, zero wherever any part of a sample comes from outside."""
    warped = flow_warp(x, flow, align_corners=False)
    inside = flow_warp(torch.ones_like(x[:, :1]), flow, align_corners=False) >= 0.9999
    return warped * inside


class PWCModel(nn.Module):
    """The network proper: feature pyramids, and from coarse to fine a cost volume and a dense decoder."""

    def __init__(self) -> None:
        super().__init__()
        cin = 3
        for level, channels in enumerate(PYRAMID, start=1):
            # the names of the last level's first two convolutions are swapped in the published files
            first, second = ("a", "aa") if level < len(PYRAMID) else ("aa", "a")
            setattr(self, f"conv{level}{first}", conv(cin, channels, stride=2))
            setattr(self, f"conv{level}{second}", conv(channels, channels))
            setattr(self, f"conv{level}b", conv(channels, channels))
            cin = channels
        for level in range(6, 1, -1):
            width = COSTS if level == 6 else COSTS + PYRAMID[level - 1] + 4
            for index, channels in enumerate(DENSE):
                setattr(self, f"conv{level}_{index}", conv(width, channels))
                width += channels
            setattr(self, f"predict_flow{level}", nn.Conv2d(width, 2, 3, padding=1))
            setattr(self, f"deconv{level}", deconv(2))  # the last one is never used, but stored
            if level > 2:
                setattr(self, f"upfeat{level}", deconv(width))
        context = ((width, 128, 1), (128, 128, 2), (128, 128, 4), (128, 96, 8), (96, 64, 16), (64, 32, 1))
        for index, (channels_in, channels_out, dilation) in enumerate(context, start=1):
            setattr(self, f"dc_conv{index}", conv(channels_in, channels_out, dilation=dilation))
        self.dc_conv7 = nn.Conv2d(32, 2, 3, padding=1)

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """Features of levels 1 to 6 (1/2 to 1/64 of the size)."""
        levels = []
        for level in range(1, 7):
            first, second = ("a", "aa") if level < 6 else ("aa", "a")
            for name in (first, second, "b"):
                x = self.get_submodule(f"conv{level}{name}")(x)
            levels.append(x)
        return levels

    def decode(self, level: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """A level's flow, and the dense features it was made from."""
        for index in range(len(DENSE)):
            x = torch.cat((self.get_submodule(f"conv{level}_{index}")(x), x), dim=1)
        return self.get_submodule(f"predict_flow{level}")(x), x

    def forward(self, pyramid1: list[Tensor], pyramid2: list[Tensor]) -> Tensor:
        """Two pyramids -> flow at 1/4 of the size, in units of FLOW_UNIT."""
        flow, dense = self.decode(6, cost_volume(pyramid1[5], pyramid2[5]))
        for level in (5, 4, 3, 2):
            feature1, feature2 = pyramid1[level - 1], pyramid2[level - 1]
            flow = self.get_submodule(f"deconv{level + 1}")(flow)
            hint = self.get_submodule(f"upfeat{level + 1}")(dense)
            warped = warp_inside(feature2, flow * (FLOW_UNIT / 2**level))
            flow, dense = self.decode(
                level, torch.cat((cost_volume(feature1, warped), feature1, flow, hint), 1)
            )
        for index in range(1, 7):
            dense = self.get_submodule(f"dc_conv{index}")(dense)
        return flow + self.dc_conv7(dense)


class PWCNet(nn.Module):
    """Flow between RGB images of any size, in pixels, channel 0 = x.

    KEEP feeds images in [-1, 1]; they are only turned to BGR and resized to multiples of 64.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model = PWCModel()

    def forward(self, im1: Tensor, im2: Tensor) -> Tensor:
        """Flow from im1 to im2: two (b, 3, h, w) -> (b, 2, h, w)."""
        pyramid1, pyramid2 = (self.model.pyramid(_prepared(im)) for im in (im1, im2))
        return self._to_size(self.model(pyramid1, pyramid2), im1)

    def backwards(self, frames: Tensor) -> Tensor:
        """Flow from each frame to the one before: (b, t, 3, h, w), t > 1 -> (b, t - 1, 2, h, w)."""
        b = frames.shape[0]
        levels = [f.unflatten(0, (b, -1)) for f in self.model.pyramid(_prepared(frames.flatten(0, 1)))]
        later = [f[:, 1:].flatten(0, 1) for f in levels]
        earlier = [f[:, :-1].flatten(0, 1) for f in levels]
        return self._to_size(self.model(later, earlier), frames).unflatten(0, (b, -1))

    @staticmethod
    def _to_size(flow: Tensor, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        big = (4 * flow.shape[-2], 4 * flow.shape[-1])
        flow = F.interpolate(FLOW_UNIT * flow, big, mode="bilinear", align_corners=False)
        flow = torch.stack((flow[:, 0] * (width / big[1]), flow[:, 1] * (height / big[0])), dim=1)
        return F.interpolate(flow, (height, width), mode="bilinear", align_corners=False)


def _prepared(x: Tensor) -> Tensor:
    size = [-(-side // MULTIPLE) * MULTIPLE for side in x.shape[-2:]]
    return F.interpolate(x.flip(1), size, mode="bilinear", align_corners=True)
