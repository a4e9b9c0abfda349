"""The one message for pictures that a network cannot take."""

from __future__ import annotations

from torch import Tensor, nn

from degradations.errors import InputError


def expect_faces(network: nn.Module, x: Tensor, side: int) -> None:
    """InputError unless x is (b, 3, side, side)."""
    if x.ndim != 4 or x.shape[1:] != (3, side, side):
        name = type(network).__name__
        raise InputError(f"{name} takes RGB faces of {side}x{side}, got {list(x.shape)}: resize them")


def expect_multiples(network: nn.Module, x: Tensor, multiple: int) -> None:
    """InputError unless x is (b, 3, h, w) with both sides multiples of `multiple`, and not empty."""
    if x.ndim != 4 or x.shape[1] != 3 or not x.numel() or any(side % multiple for side in x.shape[2:]):
        name = type(network).__name__
        raise InputError(
            f"{name} takes RGB pictures whose sides are multiples of {multiple}, got {list(x.shape)}: "
            f"resize or pad them"
        )
