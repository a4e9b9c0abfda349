"""BFVR-STC as a method: windows of an even number of frames, faded into each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from baselines.adapters.aligned import fit_result, resize_faces, to_levels
from baselines.adapters.ready import placed
from baselines.bfvr_stc.network import BFVRSTC, deflicker
from degradations.errors import InputError
from vfsrbench.card import MethodCard, Value
from vfsrbench.predictor import Predictor
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint
from vfsrbench.runtime.device import queued
from vfsrbench.windows import Span, method_windows


class BFVRSTCPredictor(Predictor):
    """Restores a whole clip at once, window after window.

    Options: task (which checkpoint), window, overlap, stretch.
    """

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        """Neighbouring windows share half of their frames at most."""
        super().__init__(card, options)
        self.window, self.overlap = int(options["window"]), int(options["overlap"])
        if self.overlap > self.window // 2:
            raise InputError(
                f"bfvr_stc: overlap={self.overlap} is more than half of window={self.window}; "
                f"choose {self.window // 2} or less"
            )

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: the official file; the parts of it that nothing calls are not kept."""
        super().load(weights, device)
        content = read_checkpoint(weights["net"])  # first: a bad file is refused before a network is made
        net = BFVRSTC() if self.options["task"] == "bfr" else deflicker()
        load_checkpoint(net, content, where=str(weights["net"]))
        net.drop_unused()
        self.net = placed(net, device, self.profile)

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """A clip (T, 3, h, w) in [0, 1] -> (T, 3, H, W), whole grey levels."""
        faces = resize_faces(frames, self.net.side)
        spans = method_windows(len(faces), self.window, self.overlap, "shift")
        restored = torch.zeros_like(faces)
        for span, share in zip(spans, shares(spans, self.overlap), strict=True):
            part = self.restore_window(faces[span.start : span.stop])
            restored[span.start : span.stop] += (
                queued(share.to(part.dtype), part.device)[:, None, None, None] * part
            )
        if self.options["stretch"]:
            restored = stretched(restored)
        return fit_result(to_levels(restored) / 255, self.clip.out_height, self.clip.out_width)

    def restore_window(self, faces: Tensor) -> Tensor:
        """(n, 3, side, side) in [0, 1] -> the same shape. The last frame of an odd number is doubled, and its
        second copy cut off."""
        n = len(faces)
        even = torch.cat((faces, faces[-1:])) if n % 2 else faces
        return self.net(even[None]).frames[0].transpose(0, 1)[:n].float()


def shares(spans: Sequence[Span], overlap: int) -> list[Tensor]:
    """By how much each window counts in each of its frames; over all windows a frame's shares sum up to 1.

    Neighbours fade into each other linearly over `overlap` frames around the frame at which the one's part
    ends and the other's begins (`Span`).
    """

    def rise(span: Span, later: Span) -> Tensor:
        """How far `later` has taken over, in the frames of `span`."""
        frames = torch.arange(span.start, span.stop, dtype=torch.float64)
        if overlap == 0:
            return (frames >= later.keep_from).double()
        return ((frames + 0.5 - (later.keep_from - overlap / 2)) / overlap).clamp(0, 1)

    found = []
    for index, span in enumerate(spans):
        share = torch.ones(len(span), dtype=torch.float64)
        for before in spans[1 : index + 1]:
            share *= rise(span, before)
        for after in spans[index + 1 : index + 2]:
            share *= 1 - rise(span, after)
        found.append(share)
    return found


def stretched(clip: Tensor) -> Tensor:
    """All values stretched so that the clip's smallest is 0 and its largest 1; a flat clip stays as it is."""
    low, high = clip.aminmax()
    return torch.where(high > low, (clip - low) / (high - low), clip)
