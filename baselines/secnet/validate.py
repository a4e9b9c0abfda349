"""Validation: PSNR over held-out clips, as the paper computes it (equation 11)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from baselines.secnet.network import SECNet
from baselines.secnet.samples import to_network
from degradations.recipe import Recipe
from vfsrbench.io.clip import Clip

CAP = 100.0


def validation_psnr(
    net: SECNet, clips: Sequence[Clip], recipe: Recipe, frames: int, crop: int, device: torch.device
) -> float:
    """Mean over clips of the PSNR (dB) of their last `frames` frames, central `crop` pixels, as uint8."""
    values = []
    was_training = net.training
    net.eval()
    for clip in clips:
        gt = _centre(clip.read(max(0, len(clip) - frames), len(clip)), crop)
        lq = torch.from_numpy(recipe.apply(gt, clip=clip.name, seed=0).frames)
        squared = 0.0
        with torch.no_grad():
            for truth, step in zip(gt, net.steps(to_network(lq)[None].to(device)), strict=True):
                out = step.output[0].clamp(0, 1).mul(255).round().permute(1, 2, 0).cpu().numpy()
                squared += float(np.square(out / 255.0 - truth / 255.0).mean())
        error = squared / len(gt)
        values.append(min(CAP, -10 * math.log10(error)) if error else CAP)
    net.train(was_training)
    return float(np.mean(values))


def _centre(frames: np.ndarray, crop: int) -> np.ndarray:
    height, width = frames.shape[1:3]
    side = min(crop, height // 4 * 4, width // 4 * 4)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(frames[:, top : top + side, left : left + side])
