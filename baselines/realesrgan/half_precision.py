"""Real-ESRGAN's weights as ncnn ports of it ship them: one file of half-precision convolutions, no names.

The layout, layer after layer in forward order: four bytes that say "float16"; the weights as float16,
padded with zeros to a multiple of four bytes; the bias as float32. Nothing else is in the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from baselines.realesrgan.network import RRDBNet
from vfsrbench.errors import InputError

FLOAT16 = 0x01306B47
"""What ncnn writes before weights in half precision (modelbin.cpp)."""


def is_half_precision(path: Path) -> bool:
    """Whether the file begins as such a file does, whatever its name is."""
    with path.open("rb") as file:
        return file.read(4) == FLOAT16.to_bytes(4, "little")


def read_half_precision(path: Path, net: RRDBNet) -> dict[str, Tensor]:
    """Read an ncnn `.bin` file of RRDBNet.

    Args:
        path: The file.
        net: The network that the file belongs to: the order and the shapes of its layers.

    Returns:
        The tensors under the network's names, float32.

    Raises:
        InputError: The file holds anything else: another precision, fewer bytes or more, infinite values.
    """
    data = path.read_bytes()
    place = 0
    found: dict[str, Tensor] = {}
    for name, conv in net.convolutions():
        count = conv.weight.numel()
        size = (4 + 2 * count + 3) // 4 * 4
        bias = 4 * conv.out_channels
        if len(data) < place + size + bias:
            raise InputError(f"{path}: ends within layer {name}; it is not Real-ESRGAN x4plus, or truncated")
        if int.from_bytes(data[place : place + 4], "little") != FLOAT16:
            raise InputError(f"{path}: layer {name} does not begin as half-precision weights do")
        weight = np.frombuffer(data, "<f2", count, place + 4).astype(np.float32)
        if any(data[place + 4 + 2 * count : place + size]):
            raise InputError(f"{path}: layer {name} is longer than the network's; it is another one's file")
        found[f"{name}.weight"] = torch.from_numpy(weight.reshape(conv.weight.shape))
        values = np.frombuffer(data, "<f4", conv.out_channels, place + size).astype(np.float32)
        found[f"{name}.bias"] = torch.from_numpy(values)
        for values_of in (weight, values):
            if not np.isfinite(values_of).all():
                raise InputError(f"{path}: layer {name} has values that are not finite")
        place += size + bias
    if place != len(data):
        raise InputError(f"{path}: has {len(data) - place} bytes behind the last layer; it is another one's")
    return found
