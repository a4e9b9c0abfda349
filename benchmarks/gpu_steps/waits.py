"""Where the host waits for the device: counted by line of our code."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.gpu_steps.session import Session

ROOT = Path(__file__).resolve().parents[2]
WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")
"""Operations whose result decides, on the host, what comes next."""


def waits_by_line(session: Session, work: Callable[[], Any]) -> dict[str, int]:
    """How often each line waited. On a card PyTorch's own sync debug mode says so, which sees copies to the
    host, too; on a CPU the operations are counted that would wait."""
    found: Counter[str] = Counter()
    if not session.cuda:
        with _Waiting(found):
            work()
        return dict(found.most_common())
    shown = warnings.showwarning

    def note(message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
        if "synchroniz" in str(message):
            found[_line()] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
            warnings.showwarning = shown
    return dict(found.most_common())


class _Waiting(TorchDispatchMode):
    def __init__(self, found: Counter[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._overloadpacket.__name__ in WAITING:
            self.found[_line()] += 1
        return func(*args, **(kwargs or {}))


def _line() -> str:
    """The innermost line of ours that is running."""
    frame = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path != Path(__file__) and ".venv" not in path.parts:
            return f"{path.relative_to(ROOT)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "elsewhere"
