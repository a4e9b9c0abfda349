"""What the image restorers for aligned faces share: the steps of their official tools, and loading."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines.adapters.aligned import fit_result, resize_faces, to_levels
from baselines.adapters.compiled import compile_parts
from baselines.adapters.ready import arrange, placed, ready
from vfsrbench.predictor import ImagePredictor
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint


class FacePredictor(ImagePredictor):
    """A network over single faces: RGB in [-1, 1], of the side that the network says.

    Frames are resized as OpenCV resizes uint8 pictures, and results are clamped and rounded to grey
    levels, as the official tools do it with `--aligned`. Grey pictures are treated as any other.
    """

    leave: tuple[str, ...] = ()
    """Leading parts of names that an official file may hold beside the network's tensors."""

    channels_last = False
    """Whether a GPU runs `fast` in that memory order: a GroupNorm would copy its input to the other one
    and back. CPUs always have it: they convolve faster in it, and `ready` gives them exact norms."""

    compiled: tuple[str, ...] = ()
    """Parts of the network that the option `compiled` compiles."""

    net: Any
    order = torch.contiguous_format

    @abstractmethod
    def network(self) -> nn.Module:
        """The network that the options ask for, without weights."""

    @abstractmethod
    def run(self, faces: Tensor) -> Tensor:
        """Faces (B, 3, side, side) in [-1, 1] through the network, not clamped."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: the official file."""
        super().load(weights, device)
        content = read_checkpoint(weights["net"])  # first: a bad file is refused before a network is made
        net = self.network()
        load_checkpoint(net, content, leave=self.leave, where=str(weights["net"]))
        if torch.device(device).type == "cpu":
            self.order, self.net = torch.channels_last, ready(net, device, self.profile)
        else:
            last = self.profile == "fast" and self.channels_last
            self.order = torch.channels_last if last else torch.contiguous_format
            self.net = arrange(placed(net, device, self.profile), self.order)
        compile_parts(self, self.net, self.compiled)

    def restore_batch(self, frames: Tensor, **given: Any) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, H, W), whole grey levels. `given` goes on to `run`."""
        faces = (resize_faces(frames, self.net.side) * 2 - 1).contiguous(memory_format=self.order)
        restored = self.levels((self.run(faces, **given).float() + 1) / 2) / 255
        return fit_result(restored, self.clip.out_height, self.clip.out_width)

    def levels(self, images: Tensor) -> Tensor:
        """Images in [0, 1], or beyond, to whole grey levels 0..255."""
        return to_levels(images)
