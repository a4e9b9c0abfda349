"""What a method or a metric does on a fake GPU, and what of it is not allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.gpu.fake_cuda import CUDA, Watch, building, counted, listed, watched
from tests.gpu.stub_weights import stub_weights
from vfsrbench.method_spec import Method
from vfsrbench.metric import Metric, SplitMetric, TruthInfo, Window
from vfsrbench.plugins import metrics
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.runtime import network
from vfsrbench.runtime.memory import networks_of
from vfsrbench.runtime.precision import Profile, arithmetic

REMEDIES = {
    "three axes": "give scaled_dot_product_attention four axes (a head as an axis: q[:, None]); with three "
    "no fused kernel takes it, and all scores are stored",
    "half precision": "give grid_sample and deform_conv2d float32: positions in bfloat16 are off by pixels",
    "host tensor": "make the tensor on the device of the input (device=x.device), or register a buffer",
    "cast": "hold the weights in bfloat16 once (vfsrbench.runtime.precision.round_weights, or "
    "baselines.adapters.ready), and name layers that run outside of autocast in `exact_layers`",
    "hidden copy": "keep the channels of networks with GroupNorm or InstanceNorm first on a GPU",
    "wait": "keep numbers on the device (torch.where rather than `if`, no .item(), .cpu(), nonzero or mask "
    "as an index in a loop), or collect them and fetch them once",
    "upload": "index by slices or by tensors of the device rather than lists, keep constants as "
    "non-persistent buffers or OnDevice, bring random numbers there by vfsrbench.runtime.device.queued",
}


class Allowed(NamedTuple):
    """How often the host may wait in one window, copy numbers to the device while it waits, and make a tensor
    inside a forward pass; and how often a frozen weight may be rounded."""

    waits: int = 0
    uploads: int = 0
    made: int = 0
    casts: int = 0


class Sizes(NamedTuple):
    """A window as the method gets it, and the side of its result."""

    frames: int
    side: int
    out: int


def problems(watch: Watch, allowed: Allowed) -> list[str]:
    """What is not allowed, with the lines and the remedies."""
    counts, limits = (
        counted(watch.events),
        dict(zip(("wait", "upload", "host tensor", "cast"), allowed, strict=True)),
    )
    found = []
    for kind, remedy in REMEDIES.items():
        limit = limits.get(kind, 0)
        if counts.get(kind, 0) > limit:
            lines = listed(watch.events, (kind,))
            found.append(f"{counts[kind]} x {kind} ({limit} allowed):\n{lines}\n  {remedy}")
    return found


def examine_method(
    method: Method,
    profile: Profile,
    sizes: Sizes,
    allowed: Allowed,
    folder: Path,
    change: Callable[[Predictor], None] = lambda predictor: None,
) -> list[str]:
    """One window through the method's adapter. `change` is made to the loaded method before."""
    with pytest.MonkeyPatch.context() as patch:
        weights = stub_weights(patch, folder, method.card.weights_for(dict(method.options)), method)
        assert weights is not None
        info = ClipInfo("clip", sizes.frames, 25.0, sizes.side, sizes.side, sizes.out, sizes.out)
        with building(patch):
            predictor = method.build()
            predictor.profile = profile
            predictor.load(weights, CUDA)
            predictor.start_clip(info)
            change(predictor)
        with watched(patch, *networks_of(predictor)) as watch, arithmetic(profile, CUDA):
            frames = torch.empty(sizes.frames, 3, sizes.side, sizes.side, device=CUDA)
            try:
                out = predictor.restore(frames, torch.Generator().manual_seed(0))
            except RuntimeError as error:  # tensors of several devices meet
                return [f"fails on a GPU: {str(error).strip().splitlines()[0]}"]
            assert out.shape == (sizes.frames, 3, sizes.out, sizes.out)
            if out.device != CUDA:
                return [f"the result lies on {out.device}"]
        return problems(watch, allowed)


def examine_metric(name: str, profile: Profile, allowed: Allowed, folder: Path) -> list[str] | None:
    """A window through prepare and score, or features; None where no network is PyTorch's."""
    entry = metrics()[name]
    with pytest.MonkeyPatch.context() as patch:
        weights = stub_weights(patch, folder, entry.card.weights)
        if weights is None:
            return None
        with building(patch):
            metric: Metric = entry.build(entry.card)
            metric.profile = profile
            metric.load(weights, CUDA)
        face = np.array([(50, 60), (78, 60), (64, 76), (54, 92), (74, 92)], np.float64)
        # one frame more than waits are allowed, so that one a frame is too many; I3D takes 16 together
        count = 16 if "i3d" in weights else max(allowed.waits, allowed.uploads) + 1
        truth = TruthInfo("clip", "", count, landmarks=np.repeat(face[None], count, axis=0))
        side = 256 if name.startswith(("ewarp_evalcrafter", "liqe")) else 128  # which refuse smaller ones
        frames = np.zeros((count, side, side, 3), np.uint8)
        gt, restored = (Window(frames, 0, 0, truth) for _ in range(2))
        shared = [one.network for one in list(network._alive.values()) if isinstance(one, network.Runner)]
        with watched(patch, *shared) as watch:
            for window in (gt, restored):
                window.tensor(CUDA)  # the harness's own upload, once for all metrics
            watch.events.clear()
            try:
                state = metric.prepare(gt)
                if isinstance(metric, SplitMetric):
                    metric.features(restored)
                values = metric.score(restored, gt, state)
                if values.dtype.names:  # networks run when the clip's pictures are together
                    metric.finish(values)
            except RuntimeError as error:
                return [f"fails on a GPU: {str(error).strip().splitlines()[0]}"]
        return problems(watch, allowed)
