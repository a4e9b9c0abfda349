"""Whether a checkpoint holds the tensors of the network it is meant for. Apart from `weights`, as it needs
torch."""

from __future__ import annotations

import importlib
from pathlib import Path

import torch

from vfsrbench.checkpoint import fitting_tensors
from vfsrbench.weights_manifest import WeightFile


def count_fitting(entry: WeightFile, path: Path) -> int:
    """How many tensors the file holds, which are exactly those of the entry's network, by name and shape.

    InputError says which are missing, unexpected or of another shape. The network takes no memory.
    """
    assert entry.network is not None
    module, _, name = entry.network.partition(":")
    with torch.device("meta"):
        net = getattr(importlib.import_module(module), name)()
    return len(fitting_tensors(net, path))
