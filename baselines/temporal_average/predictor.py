"""Motion-compensated averaging over time, then bicubic enlargement."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.flow.warp import flow_warp
from baselines.layers.resample import resample
from vfsrbench.io.rounding import to_uint8
from vfsrbench.predictor import Predictor
from vfsrbench.runtime.dis_flow import dis_flow


class TemporalAverage(Predictor):
    """Noise falls as frames are averaged; what the flow gets wrong is smeared."""

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        pixels = to_uint8(frames)
        averaged = torch.cat([self._average(frames, pixels, t) for t in range(len(frames))])
        return resample(averaged, self.clip.out_height, self.clip.out_width, "cubic")

    def _average(self, frames: Tensor, pixels: NDArray[np.uint8], t: int) -> Tensor:
        """Frame t and its neighbours, carried onto it, averaged where they lie inside: (1, 3, h, w)."""
        radius = int(self.options["radius"])
        total, share = frames[t : t + 1].clone(), torch.ones_like(frames[:1, :1])
        for other in range(max(0, t - radius), min(len(frames), t + radius + 1)):
            if other != t:
                flow = torch.from_numpy(dis_flow(pixels[t], pixels[other]))[None].to(frames.device)
                total += flow_warp(frames[other : other + 1], flow)
                share += flow_warp(torch.ones_like(share), flow)
        return total / share
