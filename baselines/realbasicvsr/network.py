"""RealBasicVSR: frames are cleaned before BasicVSR sees them."""

from __future__ import annotations

from torch import Tensor, nn

from baselines.basicvsr.network import BasicVSR
from baselines.layers.residual import ResidualBlocksWithInputConv, in_chunks

MAX_PASSES = 3


class RealBasicVSR(nn.Module):
    """(n, t, 3, h, w) RGB in [0, 1] -> (n, t, 3, 4h, 4w), unclamped.

    The cleaning runs up to three times and stops as soon as its mean absolute residue over the whole clip
    is below `dynamic_refine_thres` / 255. Source: RealBasicVSR, CVPR 2022, section 3.2. The host has to wait
    for that number, so it is not asked for after the last pass.
    """

    def __init__(
        self,
        mid_channels: int = 64,
        num_propagation_blocks: int = 20,
        num_cleaning_blocks: int = 20,
        dynamic_refine_thres: float = 255.0,
    ) -> None:
        super().__init__()
        self.threshold = dynamic_refine_thres / 255.0
        self.image_cleaning = nn.Sequential(
            ResidualBlocksWithInputConv(3, mid_channels, num_cleaning_blocks),
            nn.Conv2d(mid_channels, 3, 3, padding=1),
        )
        self.basicvsr = BasicVSR(mid_channels, num_propagation_blocks)

    def clean(self, x: Tensor) -> Tensor:
        """The frames after cleaning, same shape."""
        n, t, c, h, w = x.shape
        frames = x.reshape(-1, c, h, w)
        for number in range(1, MAX_PASSES + 1):
            residue = in_chunks(self.image_cleaning, frames)
            frames = frames + residue
            if number < MAX_PASSES and residue.abs().mean() < self.threshold:
                break
        return frames.view(n, t, c, h, w)

    def forward(self, x: Tensor) -> Tensor:
        return self.basicvsr(self.clean(x))
