"""Fixed enlargement by four whose phase is that of the subsampling that made the small frames."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALE = 4
KEYS_A = -0.5


def keys_cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution kernel, a = -0.5."""
    d = distance.abs()
    near = (KEYS_A + 2) * d**3 - (KEYS_A + 3) * d**2 + 1
    far = KEYS_A * d**3 - 5 * KEYS_A * d**2 + 8 * KEYS_A * d - 4 * KEYS_A
    return torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))


class PhasedBicubic(nn.Module):
    """(n, c, h, w) -> (n, c, 4h, 4w), small pixel j lying on large pixel 4j + `phase` (1.5: the centre).

    The border repeats. Nothing is learnt and nothing is kept in checkpoints.
    """

    kernel: Tensor

    def __init__(self, phase: float = 0.0) -> None:
        super().__init__()
        taps = torch.arange(-2, 4, dtype=torch.float64)
        position = (torch.arange(SCALE, dtype=torch.float64) - phase) / SCALE
        weights = keys_cubic(position[:, None] - taps[None])  # (4, 6): output phase, small pixel
        kernel = torch.einsum("ai,bj->abij", weights, weights).reshape(SCALE * SCALE, 1, 6, 6)
        self.register_buffer("kernel", kernel.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        padded = F.pad(x.reshape(n * c, 1, h, w), (2, 3, 2, 3), mode="replicate")
        phases = F.conv2d(padded, self.kernel.to(x.dtype))
        return F.pixel_shuffle(phases, SCALE).view(n, c, SCALE * h, SCALE * w)
