"""One process a GPU, or several on the CPU. A task whose worker crashes gets a second try."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vfsrbench.engines.base import (
    Event,
    EventListener,
    LostTaskHandler,
    Outcome,
    Outcomes,
    WorkerFactory,
    WorkerUnfit,
)
from vfsrbench.engines.cores import cores
from vfsrbench.engines.gpus import visibility, visible_gpus
from vfsrbench.engines.main_module import UNGUARDED, main_module, needs_main, stop_if_imported, unguarded

if TYPE_CHECKING:  # engines are listed without what they need to run
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

TRIES = 2
UNFIT = 78
"""The exit code of a worker that says itself that it can do no more."""
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Libraries that sum in another order with another number of threads."""
_BYTES_A_WORKER = 2 << 30
_MAPPED = 32 << 20
"""Arrays of more bytes come from the system, and go back to it. The most that glibc before 2.35 takes: it
would pass over more in silence, and map all above 128 KiB anew each time, as the other setting ends its own
adapting."""
_KEPT = 256 << 20
"""Bytes at the end of its memory that a worker keeps at most when they were freed."""
_MALLOC = {
    "glibc.malloc.mmap_threshold": "MALLOC_MMAP_THRESHOLD_",
    "glibc.malloc.trim_threshold": "MALLOC_TRIM_THRESHOLD_",
}
"""glibc's names of these two, and the older ones."""


@dataclass
class LocalEngine:
    """Spawned processes on this machine: one a GPU, or several on the CPU.

    `workers`: their number (default: one a GPU; without GPU as many as cores and memory allow). Each sees
    one GPU only, chosen before it imports torch, and its share of the cores.
    """

    workers: int | None = None
    name: str = "local"

    def worker_count(self) -> int:
        """How many tasks are done at a time, if there are as many."""
        return self.workers or len(visible_gpus()) or cpu_workers()

    def run(
        self,
        factory: WorkerFactory,
        tasks: Sequence[Any],
        on_event: EventListener,
        on_lost: LostTaskHandler,
        /,
    ) -> Outcomes:
        if not tasks:
            return
        stop_if_imported()
        gpus = visible_gpus()
        count = min(self.worker_count(), len(tasks))
        pool = _Pool(factory, worker_environments(count, gpus), needs_main(factory, *tasks))
        try:
            yield from pool.work_off(deque(_Assignment(t) for t in tasks), on_event, on_lost)
        finally:
            pool.stop()


def cpu_workers() -> int:
    """As many workers as there are cores, if each has two gigabytes of free memory."""
    import psutil

    return max(1, min(cores(), psutil.virtual_memory().available // _BYTES_A_WORKER))


def worker_environments(count: int, gpus: Sequence[str]) -> list[dict[str, str]]:
    """What each worker's environment adds to ours: its GPU, its share of the threads, memory that is kept."""
    shared = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores() // count)))}
    shared |= dict.fromkeys(_ONE_THREAD, "1") | kept_memory()
    if not gpus:
        return [dict(shared) for _ in range(count)]
    return [{**shared, **visibility(gpus[i % len(gpus)])} for i in range(count)]


def kept_memory() -> dict[str, str]:
    """Settings of glibc by which memory that was freed is used again: else much of it goes back to the
    system, which clears every page before it gives it out anew. And of torch, by which its large tensors lie
    in huge pages, where Linux has them. What the user has set stays."""
    torch = {"THP_MEM_ALLOC_ENABLE": os.environ.get("THP_MEM_ALLOC_ENABLE", "1")}
    given = os.environ.get("GLIBC_TUNABLES", "")
    if any(name in given for name in _MALLOC) or any(name in os.environ for name in _MALLOC.values()):
        return torch
    ours = f"glibc.malloc.mmap_threshold={_MAPPED}:glibc.malloc.trim_threshold={_KEPT}"
    return {**torch, "GLIBC_TUNABLES": f"{given}:{ours}".removeprefix(":")}


@dataclass
class _Assignment:
    task: Any
    tries: int = 0


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    environment: Mapping[str, str]
    current: _Assignment | None = None
    last_event: Event | None = None


class _Pool:
    def __init__(self, factory: WorkerFactory, environments: Sequence[Mapping[str, str]], main: bool) -> None:
        import multiprocessing

        self._context = multiprocessing.get_context("spawn")
        self._factory = factory
        self._main = main
        self._workers: list[_Worker] = []
        for environment in environments:
            self._workers.append(self._spawn(environment))

    def _spawn(self, environment: Mapping[str, str]) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._factory))
        with (
            main_module(self._main),
            environment_with(environment),
        ):  # it must stand before the interpreter starts, let alone torch
            process.start()
        theirs.close()
        return _Worker(process, ours, environment)

    def work_off(
        self, queue: deque[_Assignment], on_event: EventListener, on_lost: LostTaskHandler
    ) -> Outcomes:
        from multiprocessing.connection import wait

        while queue or any(w.current for w in self._workers):
            for index, worker in enumerate(self._workers):
                if queue and worker.current is None:
                    self._workers[index] = self._assign(worker, queue.popleft())
            busy = {w.pipe: w for w in self._workers if w.current is not None}
            ready = wait([*busy, *(w.process.sentinel for w in busy.values())])
            for worker in list(busy.values()):
                if worker.pipe in ready or worker.process.sentinel in ready:
                    yield from self._receive(worker, queue, on_event, on_lost)

    def _assign(self, worker: _Worker, assignment: _Assignment) -> _Worker:
        """The worker that has the task: this one, or a new one if it exited while it was idle."""
        assignment.tries += 1
        try:
            worker.pipe.send(assignment.task)
        except OSError:
            worker = self._renew(worker)
            worker.pipe.send(assignment.task)
        worker.current, worker.last_event = assignment, None
        return worker

    def _renew(self, worker: _Worker) -> _Worker:
        worker.pipe.close()
        worker.process.join()
        return self._spawn(worker.environment)

    def _receive(
        self, worker: _Worker, queue: deque[_Assignment], on_event: EventListener, on_lost: LostTaskHandler
    ) -> Outcomes:
        """Read the worker's messages; after its exit, requeue or replace its task and start another."""
        assignment = worker.current
        assert assignment is not None
        task = assignment.task
        try:
            while worker.pipe.poll():
                message = worker.pipe.recv()
                if isinstance(message, Event):
                    worker.last_event = message
                    on_event(task, message)
                    continue
                if isinstance(message, WorkerUnfit):
                    yield from self._replace(worker, assignment, message, queue, on_lost)
                else:
                    worker.current = None
                    yield message
                return
        except (EOFError, OSError):
            pass
        else:
            if worker.process.is_alive():
                return
        worker.process.join()
        if worker.process.exitcode == UNGUARDED and worker.last_event is None:
            raise unguarded()
        self._workers[self._workers.index(worker)] = self._renew(worker)
        if assignment.tries < TRIES:
            queue.appendleft(assignment)
            return
        instead = on_lost(task, worker.last_event, _how_it_died(worker.process))
        if instead is not None:
            queue.appendleft(_Assignment(instead))

    def _replace(
        self,
        worker: _Worker,
        assignment: _Assignment,
        unfit: WorkerUnfit,
        queue: deque[_Assignment],
        on_lost: LostTaskHandler,
    ) -> Outcomes:
        """Another worker for one that has ended because it could do no more; it gets the rest of the task."""
        self._workers[self._workers.index(worker)] = self._renew(worker)
        yield Outcome(assignment.task, unfit.result)
        rest = unfit.rest
        if rest is None:
            return
        tries = 0 if unfit.own else assignment.tries
        if tries >= TRIES:
            tries, rest = 0, on_lost(rest, worker.last_event, unfit.reason)
        if rest is not None:
            queue.appendleft(_Assignment(rest, tries))

    def stop(self) -> None:
        for worker in self._workers:
            if worker.current is None:
                with contextlib.suppress(OSError):
                    worker.pipe.send(None)
            else:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()


def _how_it_died(process: BaseProcess) -> str:
    code = process.exitcode or 0
    if code >= 0:
        return f"its process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", perhaps because the machine ran out of memory" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"


@contextlib.contextmanager
def environment_with(changes: Mapping[str, str]) -> Iterator[None]:
    """While the block lasts this process's environment, which its children inherit, has these variables."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _serve(pipe: Connection, factory: WorkerFactory) -> None:
    """A worker's loop: receives tasks, sends events and outcomes; ends on None or when the parent exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent
    threading.Thread(target=_die_with_parent, daemon=True).start()
    work = None
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        if task is None:
            return
        try:
            work = work or factory()
            outcome = Outcome(task, work(task, pipe.send))
        except WorkerUnfit as unfit:
            pipe.send(unfit)
            os._exit(UNFIT)  # what is held on a lost GPU cannot be freed: destructors hang or abort
        except Exception:
            outcome = Outcome(task, crash=traceback.format_exc())
        pipe.send(outcome)


def _die_with_parent() -> None:
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
