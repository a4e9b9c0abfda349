"""From values to pixels: the formula, whatever the order of memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vfsrbench.io.rounding import to_uint8

LAYOUTS = {
    "channels first": lambda x: x,
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "columns first": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    "three of four channels": lambda x: torch.cat([x, x[:, :1]], 1).permute(0, 2, 3, 1).contiguous()[..., :3],
    "every second column": lambda x: x.repeat_interleave(2, 3)[..., ::2],
    "one frame again and again": lambda x: x[:1].expand(len(x), -1, -1, -1),
    "double precision": lambda x: x.double(),
    "half precision": lambda x: x.half(),
    "with a gradient": lambda x: x.clone().requires_grad_(),
}


def by_definition(values: Tensor) -> NDArray[np.uint8]:
    clamped = np.clip(values.detach().float().numpy(), 0, 1)
    return np.rint(clamped * np.float32(255)).astype(np.uint8).transpose(0, 2, 3, 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (6, 1), (3, 3), (33, 20)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pixels_are_the_same_in_any_order_of_memory(layout: str, size: tuple[int, int]) -> None:
    values = torch.rand(4, 3, *size, generator=torch.Generator().manual_seed(1)) * 1.4 - 0.2
    given = LAYOUTS[layout](values)
    given = given.permute(0, 3, 1, 2) if layout == "three of four channels" else given
    pixels = to_uint8(given)
    assert pixels.shape == (4, *size, 3) and pixels.dtype == np.uint8 and pixels.flags.c_contiguous
    assert (pixels == by_definition(given)).all()


def test_halves_go_to_the_even_level_and_infinite_values_to_the_ends() -> None:
    values = torch.tensor([0.5 / 255, 1.5 / 255, 2.5 / 255, torch.inf, -torch.inf, 300.0])
    assert to_uint8(values.reshape(1, 1, 1, 6).expand(1, 3, 1, 6))[0, 0, :, 0].tolist() == [
        0,
        2,
        2,
        255,
        0,
        255,
    ]
