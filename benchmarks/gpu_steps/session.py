"""What a step is given: the device, how large and how long, and where files lie."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

import torch

from vfsrbench.runtime.precision import Profile

Facts = dict[str, Any]
Part = Callable[[], Facts]
Found = Iterator[tuple[str, Facts | Part]]
"""Parts of a step by name: what was found, or what finds it. One that is called may fail by itself, and is
left out by a run that goes on where another stopped."""
PROFILES: tuple[Profile, ...] = get_args(Profile)


@dataclass(frozen=True)
class Session:
    """One run. `reduced`: small pictures and few parts, to see on a CPU that all of it works. `ends`: on
    `time.monotonic`'s clock."""

    device: torch.device
    ends: float
    reduced: bool = False
    methods: tuple[str, ...] = ()

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def size(self) -> int:
        """Side of restored frames."""
        return 64 if self.reduced else 512

    @property
    def left(self) -> float:
        """Seconds."""
        return self.ends - time.monotonic()

    def wait(self) -> None:
        """Until the device has done all it was given."""
        if self.cuda:
            torch.cuda.synchronize(self.device)

    def seconds(self, work: Callable[[], Any], repeats: int = 3) -> float:
        """The fastest of some runs, after one that warms up."""
        work()
        best = float("inf")
        for _ in range(1 if self.reduced else repeats):
            self.wait()
            start = time.perf_counter()
            work()
            self.wait()
            best = min(best, time.perf_counter() - start)
        return best


@dataclass(frozen=True)
class Step:
    """A subject: its name in the results, what it is, and what finds its facts."""

    name: str
    about: str
    run: Callable[[Session], Found]
