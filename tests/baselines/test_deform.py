"""Deformable convolution on a CPU against torchvision's operator."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import deform_conv2d

from baselines.layers import deform


def given(n: int, c: int, groups: int, height: int, width: int, reach: float = 4.0) -> list[Tensor]:
    """x, offset, mask, weight and bias; offsets lead outside of the picture, too."""
    torch.manual_seed(0)
    return [
        torch.randn(n, c, height, width),
        torch.randn(n, 18 * groups, height, width) * reach,
        torch.rand(n, 9 * groups, height, width),
        torch.randn(6, c, 3, 3) / (9 * c) ** 0.5,
        torch.randn(6),
    ]


def exactly(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    x, offset, mask, weight, bias = (t.double() for t in (x, offset, mask, weight, bias))
    return deform_conv2d(x, offset, weight, bias, padding=1, mask=mask)


@pytest.mark.parametrize(
    ("n", "c", "groups", "height", "width"),
    [(1, 4, 1, 9, 12), (2, 16, 8, 24, 17), (1, 8, 4, 1, 7), (1, 8, 2, 6, 1), (1, 16, 16, 40, 40)],
)
def test_it_is_torchvisions(n: int, c: int, groups: int, height: int, width: int) -> None:
    numbers = given(n, c, groups, height, width)
    x, offset, mask, weight, bias = numbers
    wanted = exactly(*numbers)
    theirs = deform_conv2d(x, offset, weight, bias, padding=1, mask=mask)
    found = deform.deform_conv(*numbers)
    assert found.dtype == torch.float32 and found.shape == wanted.shape
    # as near to the exact result as torchvision's own float32 is
    assert (found - wanted).abs().max() <= 3 * (theirs - wanted).abs().max() + 1e-6


def test_no_offset_and_full_masks_are_a_convolution() -> None:
    x, offset, mask, weight, bias = given(1, 8, 2, 10, 11)
    found = deform.deform_conv(x, offset * 0, torch.ones_like(mask), weight, bias)
    torch.testing.assert_close(found, torch.nn.functional.conv2d(x, weight, bias, padding=1))


def test_neither_bands_nor_batch_nor_order_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = given(3, 16, 4, 32, 20)
    whole = deform.deform_conv(*numbers)
    alone = [deform.deform_conv(*(t[i : i + 1] for t in numbers[:3]), *numbers[3:]) for i in range(3)]
    assert torch.equal(whole, torch.cat(alone))
    last = [t.contiguous(memory_format=torch.channels_last) for t in numbers[:4]]
    assert torch.equal(whole, deform.deform_conv(*last, numbers[4]))
    monkeypatch.setattr(deform, "_BAND", 5 * 16 * 9 * 20)
    torch.testing.assert_close(deform.deform_conv(*numbers), whole, rtol=1e-5, atol=1e-6)


def test_gradients_flow_and_bfloat16_is_widened() -> None:
    numbers = [t.double().requires_grad_() for t in given(1, 4, 2, 5, 4, reach=0.7)]
    assert torch.autograd.gradcheck(deform.deform_conv, numbers, atol=1e-4)
    x, *rest = given(1, 4, 2, 5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = deform.deform_conv(x.bfloat16(), *rest)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, deform.deform_conv(x.bfloat16().float(), *rest).bfloat16())
