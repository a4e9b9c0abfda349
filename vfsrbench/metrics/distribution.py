"""Distances between all restored and all ground-truth pictures of a split: FID, KID, FVD.

A window gives feature vectors; `functional.frechet` computes the distance between two sets of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vfsrbench.metric import Features, SplitMetric, Window
from vfsrbench.metrics.estimators.reference_cache import cached, fingerprint
from vfsrbench.metrics.functional.frechet import frechet_of_features, kid, kid_interval
from vfsrbench.metrics.networks.i3d import I3D, LOGITS, i3d_input
from vfsrbench.metrics.networks.inception import FEATURES, FidInception, resize_pytorch_fid
from vfsrbench.metrics.pixels import check_frames
from vfsrbench.runtime.network import loaded, runner

BATCH = 16
PIECE = 16
"""Frames of a piece that FVD looks at."""

Sets = list[NDArray[np.float32]]


class _InceptionMetric(SplitMetric):
    """2048 numbers a frame, shared by all columns that need them. Role `inception`: the network's file."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["inception"]
        build = partial(loaded, FidInception, path)
        self.runner = runner(("fid_inception", path), build, device, self.profile)
        digest = self.weight_digest(weights, "inception")
        self.key = fingerprint(__name__, self.profile, device.type, digest)

    def prepare(self, gt: Window) -> None:
        """The ground truth's features, which `features` then finds."""
        check_frames(gt)
        self._once(gt, lambda: cached(gt, f"features-{self.key}", partial(self._features, gt)))

    def features(self, window: Window) -> Features:
        check_frames(window)
        return self._once(window, partial(self._features, window))

    def _once(self, window: Window, compute: Callable[[], Features]) -> Features:
        return window.memo(("inception", self.key), compute)

    def _features(self, window: Window) -> Features:
        images = window.tensor(self.device)[window.lead :]
        # a part at a time: 299x299 pictures of a whole window need not be held together
        parts = [self.runner(resize_pytorch_fid(part), BATCH) for part in images.split(BATCH)]
        return torch.cat(parts).cpu().numpy().reshape(-1, FEATURES)


class Fid(_InceptionMetric):
    """Frechet distance of Inception features against the ground truth's frames."""

    def combine(self, restored: Sets, gt: Sets) -> dict[str, float]:
        ours, theirs = np.concatenate(restored), np.concatenate(gt)
        if len(ours) < 2:
            return {"value": float("nan"), "n": len(ours)}
        return {"value": frechet_of_features(ours, theirs), "n": len(ours)}


class Kid(_InceptionMetric):
    """Kernel distance x 1e3 over all samples at once, with a bootstrap interval over clips."""

    def combine(self, restored: Sets, gt: Sets) -> dict[str, float]:
        ours, theirs = np.concatenate(restored), np.concatenate(gt)
        if len(ours) < 2:
            return {"value": float("nan"), "n": len(ours)}
        found = {"value": 1e3 * kid(ours, theirs), "n": float(len(ours))}
        if len(restored) > 1:
            low, high = kid_interval(restored, gt)
            found |= {"low": 1e3 * low, "high": 1e3 * high}
        return found


class Fvd(SplitMetric):
    """Frechet distance of I3D logits of 16-frame pieces, cut one after the other from each clip's start.

    A rest of fewer than 16 frames is dropped. Role `i3d`: the network's file.
    """

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["i3d"]
        self.runner = runner(("i3d", path), partial(loaded, I3D, path), device, self.profile)

    def features(self, window: Window) -> Features:
        """A row for each piece whose last frame this window scores."""
        check_frames(window)
        images = window.tensor(self.device)
        rows = []
        for last in window.scored:
            if (last + 1) % PIECE == 0:
                first = last + 1 - PIECE
                if first < window.start:
                    raise ValueError(f"frames {first} to {last} are looked at together")
                piece = images[first - window.start : last + 1 - window.start]
                rows.append(self.runner(i3d_input(piece[None]), 1))
        return torch.cat(rows).cpu().numpy() if rows else np.empty((0, LOGITS), np.float32)

    def combine(self, restored: Sets, gt: Sets) -> dict[str, float]:
        ours, theirs = np.concatenate(restored), np.concatenate(gt)
        if len(ours) < 2:
            return {"value": float("nan"), "n": float(len(ours))}
        return {"value": frechet_of_features(ours, theirs), "n": float(len(ours))}
