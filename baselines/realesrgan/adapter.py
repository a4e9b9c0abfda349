"""Real-ESRGAN x4plus as a method: every frame for itself, as its official tool restores pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from baselines.adapters.ready import placed
from baselines.adapters.vsr import VsrPredictor
from baselines.realesrgan.half_precision import is_half_precision, read_half_precision
from baselines.realesrgan.network import RRDBNet
from vfsrbench.predictor import Predictor
from vfsrbench.runtime.checkpoint import load_checkpoint


class RealESRGANPredictor(VsrPredictor):
    """RRDBNet with 23 blocks, x4. Frames larger than a quarter of the result are resized to that first."""

    def network(self) -> RRDBNet:
        return RRDBNet()

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: the official `.pth` file, or the half-precision `.bin` of its ncnn port."""
        Predictor.load(self, weights, device)
        path, net = weights["net"], self.network()
        if is_half_precision(path):
            net.load_state_dict(read_half_precision(path, net))
        else:
            load_checkpoint(net, path)
        self.net = placed(net, device, self.profile)
        if device.type == "cpu":  # a fifth less time there: convolutions need not reorder what they are given
            self.net = self.net.to(memory_format=torch.channels_last)

    def run(self, frames: Tensor) -> Tensor:
        """(T, 3, h, w) -> (T, 3, 4h, 4w), clamped; a frame at a time, so that none depends on its batch."""
        return torch.cat([self.net(frame) for frame in frames.split(1)]).clamp(0, 1)
