"""Memory: what a step took at its peak, what counts as running out of it, and freeing it."""

from __future__ import annotations

import errno
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

# what allocators other than torch's caching one say
_MESSAGES = (
    "out of memory",
    "can't allocate memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "Insufficient memory",
    "Failed to allocate",
)
_LIBRARIES = ("cv2", "onnxruntime")
"""Raise errors of their own, which are no RuntimeError."""


@dataclass
class Peak:
    """Bytes at the peak: of the GPU's allocator, or the process's resident memory on a CPU."""

    bytes: int = 0


@contextmanager
def watch_peak(device: torch.device) -> Iterator[Peak]:
    """Measure the block's peak; the result stands in the object once the block has ended."""
    peak = Peak()
    cuda = device.type == "cuda"
    if cuda:
        import torch

        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):  # Linux forgets the old peak when asked to; elsewhere it is the process's
            Path("/proc/self/clear_refs").write_text("5")
    try:
        yield peak
    finally:
        peak.bytes = torch.cuda.max_memory_allocated(device) if cuda else _resident_peak()


def _resident_peak() -> int:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out: torch's own, a library's, or Python's."""
    import torch

    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    foreign = type(error).__module__.partition(".")[0] in _LIBRARIES
    return (foreign or isinstance(error, RuntimeError)) and any(text in str(error) for text in _MESSAGES)


def attempt(call: Callable[[], T]) -> T | None:
    """`call()`; None when memory ran out, with the error and all that its frames held freed.

    Any other error passes through. The call itself must not return None.
    """
    try:
        return call()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    free_memory()
    return None


def attempt_again(call: Callable[[], T], release: Callable[[], bool]) -> T | None:
    """`attempt`, again as long as `release` finds something to free, and once more when it does not: what no
    object held any more was freed by then."""
    last = False
    while (found := attempt(call)) is None and not last:
        last = not release()
    return found


def free_memory() -> None:
    """Free what no object holds any more."""
    import torch

    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
