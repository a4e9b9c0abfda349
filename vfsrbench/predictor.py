"""The interface of methods: frames in, restored frames out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfsrbench.card import MethodCard, Value
from vfsrbench.runtime.precision import Profile

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from vfsrbench.io.clip import Clip


@dataclass(frozen=True)
class ClipInfo:
    """What a method may know of the clip it is about to restore.

    `frames` is the clip's length; `height` and `width` are the input's, `out_height` and `out_width` the
    size that is expected back, in pixels; `recipe` names the degradation (empty for foreign splits), `drawn`
    is what it drew for this clip, for methods that invert a known degradation.

    Example:
        >>> import vfsrbench as vb
        >>> info = vb.ClipInfo("calm", frames=24, fps=25, height=64, width=64, out_height=256, out_width=256)
        >>> info.out_height // info.height
        4
    """

    name: str
    frames: int
    fps: float
    height: int
    width: int
    out_height: int
    out_width: int
    recipe: str = ""
    drawn: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, source: Clip, target: Clip, recipe: str, drawn: Mapping[str, Any]) -> ClipInfo:
        """What is fed (`source`), and the size that is expected back (`target`'s)."""
        return cls(
            name=target.name,
            frames=len(target),
            fps=target.fps,
            height=source.height,
            width=source.width,
            out_height=target.height,
            out_width=target.width,
            recipe=recipe,
            drawn=drawn,
        )


class Predictor(ABC):
    """A method. The harness makes it once a worker, loads it once, and feeds it clip after clip.

    The harness cuts windows with overlap, retries with half the window when the GPU runs out of memory,
    rounds to uint8 and times; a predictor only restores. Frames are float32 in [0, 1], RGB.

    `profile`, set before `load`, says how to compute: `strict` is float32; with `fast` the harness allows
    TF32 and bfloat16 (autocast) around `restore`, and a predictor may do more (channels_last, say).

    Example:
        >>> import numpy as np, vfsrbench as vb
        >>> class Halve(vb.Predictor):
        ...     def restore(self, frames, generator):
        ...         return frames / 2
        >>> card = vb.MethodCard(name="halve", title="Halve", kind="video", factory="mine:Halve",
        ...                      description="Half as bright", scale=1)
        >>> vb.restore(np.full((3, 16, 16, 3), 120, np.uint8), Halve(card, {}), device="cpu")[0].mean().item()
        60.0
    """

    profile: Profile = "strict"

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        """`options` has a checked value for every option on the card."""
        self.card = card
        self.options = dict(options)

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """Get ready on `device`. `weights` maps each role on the card to a verified local file."""
        self.device = device

    def start_clip(self, info: ClipInfo) -> None:
        """Called before a clip's first window, and again when a clip is started anew."""
        self.clip = info

    @abstractmethod
    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """(T, 3, h, w) in [0, 1] -> (T, 3, H, W) in [0, 1], on the same device.

        `generator` (on the CPU) is the only source of randomness; it is seeded by the run's seed, the
        clip and the window's first frame. Values outside [0, 1] are clamped by the harness, and make a
        warning where many lie far outside; NaN fails the job.
        """


class ImagePredictor(Predictor):
    """A method whose frames do not see each other: it restores `card.batch` frames at a time.

    Example:
        >>> import numpy as np, torch, vfsrbench as vb
        >>> class Nearest(vb.ImagePredictor):
        ...     def restore_batch(self, frames):
        ...         size = (self.clip.out_height, self.clip.out_width)
        ...         return torch.nn.functional.interpolate(frames, size=size)
        >>> card = vb.MethodCard(name="mine", title="Mine", kind="image", factory="mine:Nearest",
        ...                      description="Nearest neighbour")
        >>> vb.restore(np.zeros((3, 16, 16, 3), np.uint8), Nearest(card, {}), scale=2, device="cpu")
        Clip('lq', 32x32, in memory)
    """

    @abstractmethod
    def restore_batch(self, frames: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, H, W). A frame's result must not depend on its batch mates."""

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        return torch.cat([self.restore_batch(part) for part in frames.split(self.card.batch)])
