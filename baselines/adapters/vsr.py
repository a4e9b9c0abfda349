"""What the general video super-resolution methods share: sizes that networks take, windows, checkpoints."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.adapters.compiled import compile_parts
from baselines.adapters.ready import ready
from vfsrbench.predictor import Predictor
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint

LEAVE = ("step_counter", "discriminator", "perceptual_loss", "gan_loss")
"""What OpenMMLab's training files hold beside the generator."""


def fit_input(frames: Tensor, height: int, width: int) -> Tensor:
    """(t, 3, h, w) resized to the size that the network is to see: bicubic, antialiased when shrinking.

    Frames that already have it pass unchanged. An x4 network that is given frames of the full size is
    thus fed a quarter of it, a same-size network an enlarged picture.
    """
    if frames.shape[-2:] == (height, width):
        return frames
    shrinks = height < frames.shape[-2]
    resized = F.interpolate(frames, (height, width), mode="bicubic", align_corners=False, antialias=shrinks)
    return resized.clamp(0, 1)


def pad_by_reflection(frames: Tensor, multiple: int, least: int) -> Tensor:
    """Rows and columns mirrored at the bottom and right until both sides are multiples and large enough."""
    for axis in (-2, -1):
        size = frames.shape[axis]
        wanted = max(-(-size // multiple) * multiple, -(-least // multiple) * multiple)
        if wanted != size:
            period = max(2 * size - 2, 1)
            index = torch.arange(wanted, device=frames.device) % period
            index = torch.minimum(index, period - index) if size > 1 else torch.zeros_like(index)
            frames = frames.index_select(axis, index)
    return frames


class VsrPredictor(Predictor):
    """A network over whole windows: (1, t, 3, h, w) -> (1, t, 3, H, W), x4 or same size.

    Subclasses build the network and say what sizes it takes.
    """

    scale = 4
    multiple = 1
    least = 1
    compiled: tuple[str, ...] = ()
    """Parts of the network that the option `compiled` compiles: what is called frame by frame."""

    @abstractmethod
    def network(self) -> nn.Module:
        """The network that the options ask for, without weights."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: the official file (OpenMMLab's or BasicSR's names)."""
        super().load(weights, device)
        content = read_checkpoint(weights["net"])  # first: a bad file is refused before a network is made
        net = self.network()
        load_checkpoint(net, openmmlab_names(content, net), where=str(weights["net"]))
        self.net = ready(net, device, self.profile)
        compile_parts(self, self.net, self.compiled)

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """(T, 3, h, w) in [0, 1] -> (T, 3, H, W): resized and padded for the network, cropped after it."""
        height, width = self.clip.out_height, self.clip.out_width
        inner = (-(-height // self.scale), -(-width // self.scale))
        seen = pad_by_reflection(fit_input(frames, *inner), self.multiple, self.least)
        return self.run(seen)[..., :height, :width]

    def run(self, frames: Tensor) -> Tensor:
        """The network over one padded window (T, 3, h, w) -> (T, 3, scale h, scale w)."""
        return self.net(frames[None])[0]


def openmmlab_names(content: Mapping[str, object], net: nn.Module) -> dict[str, object]:
    """A checkpoint's tensors under the names that the networks here use.

    OpenMMLab wraps them ("state_dict", "generator." or, for RealBasicVSR, "generator_ema.", training
    leftovers beside them); BasicSR's own names for the same layers are translated. SPyNet's mean and std
    are constants that some files leave out.
    """
    tensors = next((content[k] for k in ("state_dict", "params_ema", "params") if k in content), content)
    assert isinstance(tensors, Mapping)
    found = dict(tensors)
    for prefix in ("generator_ema.", "generator."):
        if any(name.startswith(prefix) for name in found):
            found = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
            break
    found = {_openmmlab_name(k): v for k, v in found.items() if not k.startswith(LEAVE)}
    for name, value in net.state_dict().items():
        if name.endswith(("spynet.mean", "spynet.std")):
            found.setdefault(name, value)
    return found


BASICSR = (
    ("backward_trunk.", "backward_resblocks."),
    ("forward_trunk.", "forward_resblocks."),
    ("upconv1.", "upsample1.upsample_conv."),
    ("upconv2.", "upsample2.upsample_conv."),
    ("pcd_align.", "pcd_alignment."),
    ("conv_l2_1.", "feat_l2_conv1.conv."),
    ("conv_l2_2.", "feat_l2_conv2.conv."),
    ("conv_l3_1.", "feat_l3_conv1.conv."),
    ("conv_l3_2.", "feat_l3_conv2.conv."),
)
EDVR_PLAIN = ("temporal_attn", "spatial_attn5", "spatial_attn_add2", "dcn_pack", "cas_dcnpack")


def _openmmlab_name(name: str) -> str:
    """BasicSR's name for a tensor -> OpenMMLab's; OpenMMLab's stay as they are."""
    for theirs, ours in BASICSR:
        if name.startswith(theirs):
            name = ours + name.removeprefix(theirs)
    parts = name.split(".")
    if "spynet" in parts and parts[-1] in ("weight", "bias") and parts[-2].isdigit():
        parts[-2:] = [str(int(parts[-2]) // 2), "conv", parts[-1]]
    wrapped = parts[0] in ("pcd_alignment", "fusion") and len(parts) > 2
    if wrapped and parts[-2] not in ("conv", "conv_offset") and not parts[1].startswith(EDVR_PLAIN):
        parts.insert(-1, "conv")
    return ".".join(parts)
