"""Memory: what a step took at its peak, what counts as running out of it, and freeing it."""

from __future__ import annotations

import ctypes
import errno
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch
    from torch.nn import Module

T = TypeVar("T")

# what allocators other than torch's caching one say, in small letters
_MESSAGES = (
    "out of memory",
    "out_of_memory",
    "can't allocate memory",
    "cannot allocate memory",
    "erroroutofmemory",
    "errormemoryallocation",
    "not enough memory: you tried to allocate",
    "insufficient memory",
    "failed to allocate",
    "bad allocation",
    "std::bad_alloc",
    "is smaller than requested bytes",
    "cudnn_status_alloc_failed",
    "cudnn_status_internal_error_device_allocation_failed",
    "cudnn_status_internal_error_host_allocation_failed",
    "cublas_status_alloc_failed",
    "cufft_alloc_failed",
    "cusolver_status_alloc_failed",
    "cusparse_status_alloc_failed",
    "cusparse_status_insufficient_resources",
    "miopenstatusallocfailed",
    "hipblas_status_alloc_failed",
    # cuDNN found no algorithm whose workspace fits
    "unable to find an engine",
    "no valid execution plans built",
)
_NO_HANDLE = (
    "cublas_status_not_initialized",
    "cudnn_status_not_initialized",
    "cusolver_status_not_initialized",
    "cusolver_status_internal_error",
)
_LIBRARIES = ("cv2", "onnxruntime")
"""Raise errors of their own, which are no RuntimeError."""
_DEEPEST = 3
_MOST = 1000
"""Networks are looked for in objects in objects, so many deep, and in lists of at most so many entries."""


@dataclass
class Peak:
    """Bytes that the block took at its peak beyond what was held at its start: of the GPU's allocator, or
    resident memory on a CPU; of this process."""

    bytes: int = 0


@contextmanager
def watch_peak(device: torch.device, known: int = 0) -> Iterator[Peak]:
    """Measure the block's peak; the result stands in the object once the block has ended.

    On a CPU, memory that was freed is given back first, as what the block takes of it would not show, and
    that costs time: not where the peak of the same work is `known`, which is the least that is found then.
    """
    peak = Peak()
    cuda = device.type == "cuda"
    if cuda:
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
    else:
        if not known:
            give_back()
        with suppress(OSError):  # Linux forgets the old peak when asked to; elsewhere it is the process's
            Path("/proc/self/clear_refs").write_text("5")
        held = _resident()
    try:
        yield peak
    finally:
        most = held
        with suppress(RuntimeError):  # a GPU that was lost in the block answers no more
            most = torch.cuda.max_memory_allocated(device) if cuda else _resident_peak()
        peak.bytes = max(0, most - held, 0 if cuda else known)


def give_back() -> None:
    """Return to the system what the C library keeps of freed memory, where it can (glibc)."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


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
    if not (foreign or isinstance(error, RuntimeError)):
        return False
    text = str(error).casefold()
    # a library's handle that cannot be made: its workspace does not fit
    creating = "create(" in text and any(code in text for code in _NO_HANDLE)
    return creating or any(part in text for part in _MESSAGES)


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


def networks_of(holder: object) -> list[Module]:
    """The networks that an object, such as a method, holds: as attributes, in lists and dictionaries, and in
    objects that it holds. Each comes once, in the order in which it is found."""
    from torch.nn import Module

    found: dict[int, Module] = {}
    seen: set[int] = set()
    inside: list[tuple[object, int]] = [(holder, 0)]
    while inside:
        value, depth = inside.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Module):
            found[id(value)] = value
        elif depth <= _DEEPEST:
            inside += [(part, depth + 1) for part in reversed(_parts(value))]
    return list(found.values())


def _parts(value: object) -> list[object]:
    """What an object holds, numbers and texts aside; nothing where that is very much."""
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        parts = list(value.values() if isinstance(value, dict) else value) if len(value) <= _MOST else []
    elif isinstance(value, (type, ModuleType, FunctionType)):
        parts = []
    else:
        parts = list(getattr(value, "__dict__", {}).values())
    return [part for part in parts if not isinstance(part, (str, bytes, int, float, type(None)))]


def count_parameters(holder: object) -> int | None:
    """Parameters of all networks that it holds, None if it holds none."""
    return sum(p.numel() for p in _tensors(holder, buffers=False)) or None


def held_bytes(holder: object, device: torch.device | None = None) -> int:
    """Bytes of the parameters and buffers of its networks; of those on a kind of device alone, if
    one is given."""
    return sum(
        tensor.numel() * tensor.element_size()
        for tensor in _tensors(holder)
        if device is None or tensor.device.type == device.type
    )


def _tensors(holder: object, buffers: bool = True) -> list[torch.Tensor]:
    """Parameters, and buffers, of its networks. Those that two networks share come once."""
    every: dict[int, torch.Tensor] = {}
    for network in networks_of(holder):
        every |= {id(p): p for p in network.parameters()}
        every |= {id(b): b for b in network.buffers()} if buffers else {}
    return list(every.values())
