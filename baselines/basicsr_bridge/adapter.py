"""An architecture of basicsr as a method; what it returns for a few frames says how it is to be fed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from baselines.adapters.vsr import VsrPredictor
from baselines.basicsr_bridge.library import architecture, build, read_options, window_frames
from baselines.edvr.adapter import circle
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import expanded
from vfsrbench.predictor import Predictor
from vfsrbench.runtime.checkpoint import load_checkpoint

Feeding = Literal["clip", "window", "image"]
PROBE_FRAMES = 5


class BasicSRPredictor(VsrPredictor):
    """Recurrent, sliding-window or image network; its enlargement is found by running it once, small."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """The checkpoint is an option, so `weights` is empty."""
        Predictor.load(self, weights, device)
        net = self.network()
        checkpoint = str(self.options["checkpoint"])
        if not checkpoint:
            raise InputError("method basicsr: no weights; give them as basicsr:ARCH[checkpoint=FILE]")
        load_checkpoint(net, expanded(checkpoint))
        self.net = net.eval().requires_grad_(False).to(device)
        self.multiple, self.least = int(self.options["multiple"]), int(self.options["least"])
        self.feeding, self.scale = self._probe()

    def network(self) -> nn.Module:
        """The architecture with its options, without weights. Sets `frames`, the size of its window."""
        cls = architecture(str(self.options["arch"]))
        options = read_options(str(self.options["options"]), str(self.options["options_file"]))
        self.frames = int(self.options["frames"]) or window_frames(cls, options)
        return build(cls, options)

    def _probe(self) -> tuple[Feeding, int]:
        """How the network expects its frames, and how much larger it returns them.

        (1, t, 3, h, w) that come back as t frames: the whole clip; as one frame: a window. A network that
        does not take five axes is given pictures.
        """
        side = -(-self.least // self.multiple) * self.multiple
        frames = torch.zeros(1, self.frames or PROBE_FRAMES, 3, side, side, device=self.device)
        failures = []
        for given in (frames, frames[:, 0]):
            try:
                with torch.no_grad():
                    got = _picture(self.net(given))
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # a network's way of refusing a shape is its own
                failures.append(f"{tuple(given.shape)}: {type(error).__name__}: {error}".split("\n")[0])
                continue
            feeding: Feeding = "image" if given.ndim == 4 else "clip" if got.ndim == 5 else "window"
            wanted = (1, 3) if feeding == "window" else given.shape[:-2]
            if got.shape[:-2] != wanted or got.shape[-1] % side or got.shape[-2] != got.shape[-1]:
                failures.append(f"{tuple(given.shape)}: came back as {tuple(got.shape)}")
                continue
            if feeding == "window":
                self.frames = given.shape[1]
            return feeding, got.shape[-1] // side
        raise InputError(
            f"{self.options['arch']} of basicsr takes neither frames nor pictures ({'; '.join(failures)}); "
            f"try the options frames, multiple and least"
        )

    def run(self, frames: Tensor) -> Tensor:
        """(T, 3, h, w) -> (T, 3, scale h, scale w)."""
        if self.feeding == "clip":
            # a recurrent network needs a neighbour, so a single frame is its own
            fed = frames if len(frames) > 1 else frames.expand(2, -1, -1, -1)
            return _picture(self.net(fed[None]))[0, : len(frames)]
        if self.feeding == "image":
            return torch.cat([_picture(self.net(frame)) for frame in frames.split(1)])
        windows = (circle(i, len(frames), self.frames // 2)[: self.frames] for i in range(len(frames)))
        return torch.cat([_picture(self.net(frames[window][None])) for window in windows])


def _picture(returned: object) -> Tensor:
    """The restored frames; some networks return more beside them."""
    first = returned[0] if isinstance(returned, tuple | list) else returned
    if not isinstance(first, Tensor) or first.ndim not in (4, 5):
        raise InputError(f"the network returns no frames but {type(first).__name__}")
    return first
