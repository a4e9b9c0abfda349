"""The motion estimator: small frames in, flow from the current frame to its neighbours out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_FLOW = 24.0
SLOPE = 0.2
SHRINK = 8


def convs(*widths: int) -> nn.Sequential:
    """3x3 convolutions with leaky ReLU from width to width."""
    layers: list[nn.Module] = []
    for i in range(len(widths) - 1):
        layers += [nn.Conv2d(widths[i], widths[i + 1], 3, padding=1), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)


class MotionNet(nn.Module):
    """Two (n, 3, h, w) frames in [0, 1] -> flow (n, 2, h, w) in pixels, |flow| < 24.

    An hourglass with skips over three halvings, widths w, 2w, 4w, 8w. The paper's text as it stands here
    does not describe its estimator; this one is FRVSR's with skips, sized for the published count.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        w = width
        self.down1, self.down2, self.down3 = (
            convs(6, w, w),
            convs(w, 2 * w, 2 * w),
            convs(2 * w, 4 * w, 4 * w),
        )
        self.middle = convs(4 * w, 8 * w, 8 * w, 8 * w)
        self.up3 = convs(12 * w, 4 * w, 4 * w)
        self.up2 = convs(6 * w, 2 * w, 2 * w, 2 * w)
        self.up1 = convs(3 * w, w, w)
        self.flow = nn.Conv2d(w, 2, 3, padding=1)

    def forward(self, current: Tensor, other: Tensor) -> Tensor:
        height, width = current.shape[-2:]
        pair = torch.cat([current, other], dim=1)
        padded = F.pad(pair, (0, -width % SHRINK, 0, -height % SHRINK), mode="replicate")
        a = self.down1(padded)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.down3(F.max_pool2d(b, 2))
        x = self.middle(F.max_pool2d(c, 2))
        for skip, up in ((c, self.up3), (b, self.up2), (a, self.up1)):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = up(torch.cat([x, skip], dim=1))
        return MAX_FLOW * torch.tanh(self.flow(x))[..., :height, :width]
