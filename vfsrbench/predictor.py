"""The interface of methods: frames in, restored frames out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
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

    Attributes:
        name: The clip's name.
        frames: The number of frames of the whole clip.
        fps: Frames a second.
        height: Of the frames that the method gets, in pixels.
        width: Of the frames that the method gets, in pixels.
        out_height: Of the frames that it must return, in pixels.
        out_width: Of the frames that it must return, in pixels.
        recipe: The degradation's name; empty where the data set brought degraded clips.
        drawn: What the recipe drew for this clip, for methods that invert a known degradation.

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
        """The facts of a pair of clips.

        Args:
            source: The clip that the method gets.
            target: The clip whose size and length the restored one must have.
            recipe: The degradation's name, or "".
            drawn: What the recipe drew for this clip.
        """
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
    remarks: Sequence[str] = ()
    """What a reader of its results should know, a line each; set in `load` or later. Records have them."""

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        """Keep card and options; read no file and build no network here.

        Args:
            card: The method's card.
            options: A checked value for every option on the card.
        """
        self.card = card
        self.options = dict(options)

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """Build the network and load its weights. Called once a worker, before the first clip.

        Args:
            weights: Role on the card -> verified local file.
            device: Where `restore` will get its frames.

        Raises:
            Exception: A checkpoint does not fit; the message must name the missing tensor.
        """
        self.device = device

    def start_clip(self, info: ClipInfo) -> None:
        """Forget the clip before. Called before a clip's first window, and again when a clip is restarted
        with smaller windows.

        Args:
            info: The clip that comes.
        """
        self.clip = info

    @abstractmethod
    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """Restore one window of a clip.

        Args:
            frames: (T, 3, h, w), float32 RGB in [0, 1], on the device given to `load`.
            generator: On the CPU, the only source of randomness; it is seeded by the run's seed, the clip
                and the window's first frame.

        Returns:
            (T, 3, H, W) in [0, 1] on the same device, H and W as in `ClipInfo`. The harness clamps values
            outside [0, 1], warns where many lie far outside, and fails the job on NaN.
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
        """Restore frames independently of each other.

        Args:
            frames: (B, 3, h, w), float32 RGB in [0, 1]; B is at most the card's `batch`.

        Returns:
            (B, 3, H, W) in [0, 1]. A frame's result must not depend on the others in the batch.
        """

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        import torch

        return torch.cat([self.restore_batch(part) for part in frames.split(self.card.batch)])
