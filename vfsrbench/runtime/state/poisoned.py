"""Errors after which no CUDA call of this process succeeds any more (CUDA calls them sticky)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vfsrbench.errors import JobFailure, PoisonedDevice, describe
from vfsrbench.runtime.memory import is_out_of_memory

if TYPE_CHECKING:
    import torch

_STICKY = (
    "an illegal memory access",
    "launch failure",
    "device-side assert triggered",
    "misaligned address",
    "an illegal instruction was encountered",
    "invalid program counter",
    "operation not supported on global/shared address space",
    "invalid address space",
    "hardware stack error",
    "the launch timed out",
    "invalid device context",
    "context is destroyed",
    "tensor memory not completely freed",
    "unknown error",
)
_OF_OTHERS = (
    "uncorrectable ecc error encountered",
    "uncorrectable nvlink error",
    "gpu is lost",
    "mps client",
    "mps server",
    "external entity outside of cuda",
)
"""The card's own faults, and what another process brought about that shares the card's context (MPS)."""
_HARMLESS = (
    "invalid argument",
    "invalid configuration argument",
    "invalid device ordinal",
    "invalid device function",
    "no kernel image is available",
    "too many resources requested for launch",
    "operation not supported",
    "named symbol not found",
    "invalid resource handle",
    "no cuda-capable device",
    "driver version is insufficient",
)
"""Refused before anything ran: the next call works."""
_GPU_WORDS = ("cuda", "hip error", "hip failure")


def is_poisoned(error: BaseException) -> bool:
    """Whether the error says that this process cannot use its GPU any more.

    torch 2.8 and later say so by the class `AcceleratorError`, older ones and onnxruntime by their text.
    Where neither does (a method hid it behind an error of its own), the GPU is asked.
    """
    if is_out_of_memory(error):
        return False
    text = str(error).casefold()
    if _is_accelerators(error) or any(word in text for word in _GPU_WORDS):
        if any(phrase in text for phrase in (*_STICKY, *_OF_OTHERS)):
            return True
        if _is_accelerators(error) and not any(phrase in text for phrase in _HARMLESS):
            return True
    return not _answers()


def failure_of(error: BaseException, what: str = "", metric: str = "") -> JobFailure:
    """The failure of the job whose code raised this: a `PoisonedDevice` where the GPU is lost.

    Args:
        error: Anything but running out of memory.
        what: What was at work; it stands before the reason.
        metric: The id of the metric that was at work.
    """
    reason = f"{what}: {describe(error)}" if what else describe(error)
    if not is_poisoned(error):
        return JobFailure(reason)
    own = not any(phrase in str(error).casefold() for phrase in _OF_OTHERS)
    return PoisonedDevice(reason, metric=metric if own else "", own=own)


@contextmanager
def poison_named() -> Iterator[None]:
    """Turn such an error of the block into a `PoisonedDevice`; any other passes."""
    try:
        yield
    except PoisonedDevice:
        raise
    except Exception as error:
        if not is_poisoned(error):
            raise
        raise failure_of(error) from error


def settle(device: torch.device) -> None:
    """Wait for what a GPU was given to do, so that its errors are raised here, not in a neighbour's call."""
    if device.type != "cuda":
        return
    import torch

    if torch.cuda.is_initialized():  # else it was given nothing
        torch.cuda.synchronize(device)


def _is_accelerators(error: BaseException) -> bool:
    import torch

    kind = getattr(torch, "AcceleratorError", None)
    return kind is not None and isinstance(error, kind)


def _answers() -> bool:
    """Whether the GPU in use, if there is one, does what it is told."""
    import torch

    if not torch.cuda.is_initialized():
        return True
    try:
        torch.cuda.synchronize()
    except RuntimeError as error:
        return is_out_of_memory(error)
    return True
