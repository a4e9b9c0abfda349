"""How networks compute: exactly as published figures were made (strict), or as fast as the device can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Profile = Literal["strict", "fast"]


@contextmanager
def arithmetic(profile: Profile, device: torch.device) -> Iterator[None]:
    """torch's settings for the block; they are put back afterwards.

    strict: float32 without TF32, cuDNN's deterministic algorithms. fast: TF32, and bfloat16 where autocast
    allows it.
    """
    import torch

    fast = profile == "fast"
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32
    cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32 = fast, not fast, False, fast
    try:
        with ExitStack() as stack:
            if fast:
                stack.enter_context(torch.autocast(device.type, torch.bfloat16))
            yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32 = before
