"""A method's work for some frames, counted without doing it: the tensors have shapes and no values.

The method goes its own way (adapter, windows of its card) with untrained weights. Where values decide what
is run (how often RealBasicVSR cleans, a face that is searched for) the count is not possible without them,
and the method is run on the CPU with real tensors instead."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

from baselines.layers import deform, norms
from benchmarks.arithmetic.counting import Work, counted
from benchmarks.random_weights import write_method_weights
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.weights.resolve import resolve_weights

SIZE, SCALE = 512, 4


@contextmanager
def untrained_root() -> Iterator[Path]:
    """An empty folder of checkpoints for the block."""
    before = os.environ.get("VFSRBENCH_WEIGHTS")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VFSRBENCH_WEIGHTS"] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["VFSRBENCH_WEIGHTS"]
            else:
                os.environ["VFSRBENCH_WEIGHTS"] = before


@contextmanager
def loaded(spec: str) -> Iterator[Predictor]:
    """The method with untrained weights, on the CPU; its files are there for the block."""
    with untrained_root() as root:
        method = choose_method(spec)
        write_method_weights(method, root)
        weights = resolve_weights(method.card.weights_for(dict(method.options)))
        yield PredictorCache(torch.device("cpu")).need(MethodUse(method, weights))


def work_of(predictor: Predictor, frames: int, size: int = SIZE, real: bool = False) -> Work:
    """What the method runs for a clip of so many frames, whose result is `size` pixels wide and high.

    Args:
        predictor: Loaded on the CPU.
        frames: As many as one call takes.
        real: With values, which takes as long as the method takes.
    """
    side = size if predictor.card.input_size else size // SCALE  # enlarging faces is no work of the network
    info = ClipInfo("clip", frames, 25.0, side, side, size, size)
    shape = (frames, 3, side, side)
    generator = torch.Generator().manual_seed(0)
    if real:
        return _run(predictor, info, torch.rand(shape, generator=generator), generator)
    with FakeTensorMode(allow_non_fake_inputs=True):
        return _run(predictor, info, torch.empty(shape), generator)


def _run(predictor: Predictor, info: ClipInfo, frames: Any, generator: torch.Generator) -> Work:
    with torch.no_grad():
        with unset_fake_temporarily():  # some read their files here
            predictor.start_clip(info)
        with counted() as work, as_on_a_card():
            predictor.restore(frames, generator)
    return work


@contextmanager
def as_on_a_card() -> Iterator[None]:
    """Deformable convolution and GroupNorm in one operation each: CPUs have ways of their own, of many."""

    def at_once(x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
        return deform.deform_conv2d(x, offset, weight, bias, padding=1, mask=mask)

    with (
        patch.object(deform, "_by_bands", at_once),
        patch.object(norms.ChannelsLastGroupNorm, "forward", torch.nn.GroupNorm.forward),
    ):
        yield
