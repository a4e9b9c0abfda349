"""What runs in an actor's process: the loop of `vfsrbench worker`. Ray imports it first: it loads little."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Place:
    """Which process an actor is: host, process, and Ray's node."""

    host: str
    pid: int
    node: str


@dataclass
class Ended:
    """How an actor's work ended.

    Attributes:
        units: How many units it did.
        refused: What it could not work at, and why.
        unfit: Why its process can do nothing more; empty if it can.
        stopped: Whether it was told to stop.
    """

    units: int = 0
    refused: list[str] = field(default_factory=list)
    unfit: str = ""
    stopped: bool = False


class WorkerActor:
    """A worker as an actor. What it restores is computed in this process; it is handed paths alone."""

    def __init__(self) -> None:
        self._at_work: int | None = None

    def place(self) -> Place:
        """Which process this is."""
        import ray

        return Place(socket.gethostname(), os.getpid(), ray.get_runtime_context().get_node_id())

    def work(self, root: str, device: str) -> Ended:
        """Work at the plans of the workspace at `root` until nothing is left to take.

        Args:
            root: An absolute path, the same on all machines.
            device: `cpu`, or `cuda`: the GPU that Ray chose.
        """
        from vfsrbench.errors import InputError

        try:
            self._at_work = threading.get_ident()
            return _work(root, device)
        except InputError as error:
            return Ended(refused=[str(error)])
        except KeyboardInterrupt:  # by `stop`: the unit was given back
            return Ended(stopped=True)
        finally:
            self._at_work = None

    def stop(self) -> None:
        """Interrupt `work`, like Ctrl-C. Ray runs both in threads that no signal reaches."""
        if self._at_work is not None:
            raised = ctypes.py_object(KeyboardInterrupt)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._at_work), raised)


def _work(root: str, device: str) -> Ended:
    from vfsrbench.fleet.devices import use_device

    chosen = use_device(device)  # before anything loads torch
    from vfsrbench.engines.base import WorkerUnfit
    from vfsrbench.fleet.working import work_off

    try:
        done = work_off(root, chosen)
    except WorkerUnfit as unfit:
        return Ended(unfit=unfit.reason)
    return Ended(done.units, done.refused)
