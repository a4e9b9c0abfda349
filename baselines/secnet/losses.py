"""SECNet's training loss: the output, the initial estimate, and the motion fields (equations 2 to 4, 10)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.secnet.network import SECNet, Step

ALPHA = 0.01
"""Weight of the motion fields' total variation (section III-A)."""
GAMMA = 0.1
"""Weight of the motion loss in the sum (section III-A)."""


@dataclass(frozen=True)
class Loss:
    """Means over the clip's frames: `output` L_e, `initial` L_l, `motion` L_f."""

    output: Tensor
    initial: Tensor
    motion: Tensor

    def total(self, gamma: float = GAMMA) -> Tensor:
        """Equation 10."""
        return self.output + self.initial + gamma * self.motion


def motion_loss(frames: Tensor, step: Step, centre: int, alpha: float = ALPHA) -> Tensor:
    """How far the warped neighbours are from the frame, plus alpha times the flows' total variation.

    The paper's equation 3 is not in the text here; squared error and anisotropic total variation follow
    VESPCN, which it builds on for this part.
    """
    error = (step.warped - frames[:, centre : centre + 1]).square().mean()
    across = step.flows.diff(dim=-1).abs().mean()
    down = step.flows.diff(dim=-2).abs().mean()
    return error + alpha * (across + down)


def clip_loss(net: SECNet, lq: Tensor, gt: Tensor, alpha: float = ALPHA) -> Loss:
    """Losses over a clip: (n, t, 3, h, w) and (n, t, 3, 4h, 4w) in [0, 1].

    A network without local fusion has a fixed initial estimate (L_l = 0), one without refinement none but
    its initial estimate (L_e = 0): then that part is left out.
    """
    zero = lq.new_zeros(())
    output, initial, motion = [], [], []
    for centre, step in enumerate(net.steps(lq)):
        truth = gt[:, centre]
        output.append((step.output - truth).square().mean() if net.refine is not None else zero)
        initial.append((step.initial - truth).square().mean() if net.local is not None else zero)
        motion.append(motion_loss(lq, step, centre, alpha))
    return Loss(*(torch.stack(part).mean() for part in (output, initial, motion)))
