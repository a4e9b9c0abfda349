"""How networks compute: exactly as published figures were made (strict), or as fast as the device can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal, cast, get_args

from vfsrbench.errors import InputError
from vfsrbench.runtime.state.precision_switches import kept_precision, set_tf32

if TYPE_CHECKING:
    import torch

Profile = Literal["strict", "fast"]


def check_profile(profile: str) -> Profile:
    """The profile of that name; InputError if there is none."""
    if profile not in get_args(Profile):
        raise InputError(f"profile: must be {' or '.join(get_args(Profile))}, got {profile!r}")
    return cast(Profile, profile)


@contextmanager
def arithmetic(profile: Profile, device: torch.device) -> Iterator[None]:
    """torch's settings for the block; they are put back afterwards.

    strict: float32 without TF32, cuDNN's deterministic algorithms. fast: TF32, and bfloat16 where autocast
    allows it.
    """
    import torch

    fast = profile == "fast"
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    with kept_precision(), ExitStack() as stack:
        set_tf32(fast)
        cudnn.deterministic, cudnn.benchmark = not fast, False
        try:
            if fast:
                stack.enter_context(torch.autocast(device.type, torch.bfloat16))
            yield
        finally:
            cudnn.deterministic, cudnn.benchmark = before
