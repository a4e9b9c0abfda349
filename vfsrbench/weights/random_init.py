"""Random weights in an official layout: to try out and time what official files are not at hand for.

The file's name says what it is (`NAME.untrained.safetensors`), every score made with it carries the flag
`untrained`, and no board accepts such a row.
"""

from __future__ import annotations

import importlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.weights.manifest import WeightFile
from vfsrbench.weights.resolve import UNTRAINED

if TYPE_CHECKING:
    from torch import Tensor, nn


CONSTANTS = ("kernel", "mean", "std", "relative_position_index", "attn_mask")
"""Last names of buffers that are the same in every file of a network."""


def write_untrained(entry: WeightFile, root: Path, only: str = "") -> Path:
    """Write the file for this checkpoint, the same bytes each time; InputError when no network is known.

    only: keep the tensors whose names start so (an LPIPS backbone needs no classifier).
    """
    from safetensors.torch import save_file

    network = build_network(entry)
    state = {k: v.contiguous() for k, v in untrained_state(network).items() if k.startswith(only)}
    path = root / f"{entry.name}{UNTRAINED}.safetensors"
    with atomic_file(path) as temporary:
        save_file(state, temporary)
    return path


def build_network(entry: WeightFile) -> nn.Module:
    """The network that the entry's file fits, without its weights."""
    if entry.network is None:
        raise InputError(f"{entry.name}: no network of that layout is known here; get the published file")
    module, _, name = entry.network.partition(":")
    network: nn.Module = getattr(importlib.import_module(module), name)()
    return network


def untrained_state(network: nn.Module) -> dict[str, Tensor]:
    """Values for every tensor of the network, from its name alone.

    Matrices and filters keep the variance through a ReLU, scales and running variances are near 1, biases
    and running means 0, slopes of a PReLU 1/4, integers 0. A layer that multiplies its weight by a number
    of its own (its attribute `gain`: equalized learning rates) is given what keeps the variance after that;
    otherwise a deep network's features fade into denormal numbers, on which CPUs crawl. A network whose
    features would grow without bound says by what its filters are multiplied (`untrained_gain`), one of
    shares that they are positive (`untrained_positive`). Fixed filters and normalizations that a file
    merely carries along (`CONSTANTS`) stay as they are.
    """
    import torch
    from torch.nn import PReLU

    gain = getattr(network, "untrained_gain", 1.0)
    positive = getattr(network, "untrained_positive", False)
    kept = {n for n, _ in network.named_buffers() if n.rpartition(".")[2] in CONSTANTS}
    gains = {
        f"{name}.weight": part.gain
        for name, part in network.named_modules()
        if isinstance(getattr(part, "gain", None), float)
    }
    slopes = {f"{name}.weight" for name, part in network.named_modules() if isinstance(part, PReLU)}
    state = {}
    for name, like in network.state_dict().items():
        if name in kept:
            state[name] = like.detach().clone()
            continue
        if not like.is_floating_point():
            state[name] = torch.zeros_like(like)
            continue
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        if like.ndim >= 2:
            fan_in, spread = int(np.prod(like.shape[1:])), 2.0
            if name in gains:  # modulated filters have a leading axis of one; activations have their own gain
                fan_in = int(np.prod(like.shape[2:] if like.ndim == 5 else like.shape[1:]))
                spread = 1 / float(gains[name]) ** 2
            values = rng.standard_normal(tuple(like.shape), np.float32)
            values *= np.sqrt(spread / fan_in, dtype=np.float32) * np.float32(gain)
            values = np.abs(values) if positive else values
            if like.ndim == 4 and ".fc" in name:  # a gate's filters: at full size rounding flips gates
                values *= np.float32(0.1)
        elif name in slopes:
            values = np.full(tuple(like.shape), 0.25, np.float32)
        elif name.endswith(("running_mean", "bias")):
            values = np.zeros(tuple(like.shape), np.float32)
        else:
            values = rng.uniform(0.9, 1.1, tuple(like.shape)).astype(np.float32)
        state[name] = torch.from_numpy(np.asarray(values, np.float32)).to(like.dtype)
    return state
