"""`vfsrbench` processes that tests start, stop and kill: real ones, forked from a server that has imported
what takes seconds."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_HEAVY = ["torch", "torchvision", "cv2", "av", "pandas", "pyarrow.parquet", "scipy.signal", "skimage.metrics"]
_OURS = ["vfsrbench.fleet.working", "vfsrbench.fleet.engine", "vfsrbench.cli.app"]
_CONTEXT.set_forkserver_preload([*_HEAVY, *_OURS])


class Program:
    """A command line in a process of its own. `said`: what it wrote so far."""

    def __init__(self, arguments: Sequence[object], log: Path) -> None:
        self._log = log
        self.process: BaseProcess = _CONTEXT.Process(
            target=_serve, args=([str(a) for a in arguments], str(log), _carried())
        )
        self.process.start()

    @property
    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.join(20)

    def code(self, seconds: float = 90) -> int | None:
        """Its exit code, when it has ended."""
        self.process.join(seconds)
        assert not self.process.is_alive(), f"it has not ended: {self.said}"
        return self.process.exitcode


@contextmanager
def programs(folder: Path) -> Iterator[Callable[..., Program]]:
    """Starts command lines; whatever still runs when the block ends is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    started: list[Program] = []

    def start(*arguments: object) -> Program:
        started.append(Program(arguments, folder / f"{len(started)}.log"))
        return started[-1]

    try:
        yield start
    finally:
        for program in started:
            if program.process.is_alive():
                program.kill()


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def _carried() -> dict[str, str]:
    """Variables of this process that may be younger than the server's."""
    return {name: os.environ[name] for name in ("PATH", "SLURM_CONF") if name in os.environ}


def _serve(arguments: list[str], log: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    file = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from vfsrbench.cli.main import main

    sys.argv = ["vfsrbench", *arguments]
    main(arguments)
