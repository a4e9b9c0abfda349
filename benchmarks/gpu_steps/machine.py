"""The card, the driver, the versions; and what the first use of the card costs."""

from __future__ import annotations

import os
import platform
import time

import torch

from benchmarks.gpu_steps.session import Found, Session
from vfsrbench.runtime.memory import watch_peak
from vfsrbench.runtime.versions import device_name, versions


def run(session: Session) -> Found:
    facts = {"device": device_name(session.device), "cores": os.cpu_count(), "system": platform.platform()}
    if session.cuda:
        card = torch.cuda.get_device_properties(session.device)
        facts |= {
            "memory_gib": round(card.total_memory / 2**30, 1),
            "processors": card.multi_processor_count,
            "capability": f"{card.major}.{card.minor}",
            "cudnn": torch.backends.cudnn.version(),
            "cards": torch.cuda.device_count(),
        }
    yield "machine", facts | {"versions": versions()}
    yield "cold start", cold_start(session)


def cold_start(session: Session) -> dict[str, float]:
    """Seconds of the first steps of a process, and of the same convolution later."""
    times: dict[str, float] = {}

    def timed(name: str, work: object) -> None:
        start = time.perf_counter()
        assert callable(work)
        work()
        session.wait()
        times[name] = round(time.perf_counter() - start, 6)

    with watch_peak(session.device):
        timed("first tensor", lambda: torch.zeros(1, device=session.device))
        side = session.size
        picture = torch.rand(1, 64, side, side, device=session.device)
        kernel = torch.rand(64, 64, 3, 3, device=session.device)
        for name in ("first convolution", "second convolution"):
            timed(name, lambda: torch.conv2d(picture, kernel, padding=1))
        square = torch.rand(side, side, device=session.device)
        for name in ("first product", "second product"):
            timed(name, lambda: square @ square)
    return times
