"""Whether a checkpoint holds the tensors of the network it is meant for. Apart from `weights`, as it needs
torch."""

from __future__ import annotations

from pathlib import Path

import torch

from vfsrbench.runtime.checkpoint import fitting_tensors
from vfsrbench.weights.manifest import WeightFile
from vfsrbench.weights.random_init import build_network


def count_fitting(entry: WeightFile, path: Path) -> int:
    """How many tensors the file holds, which are exactly those of the entry's network, by name and shape.

    A network whose published files hold more than its tensors says which are its own (`tensors_of`).
    InputError says which are missing, unexpected or of another shape. The network takes no memory.
    """
    with torch.device("meta"):
        network = build_network(entry)
    tensors_of = getattr(network, "tensors_of", None)
    given = path if tensors_of is None else tensors_of(path)
    return len(fitting_tensors(network, given, where=str(path)))
