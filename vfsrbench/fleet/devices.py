"""The one device of a worker, chosen before torch is imported."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from vfsrbench.engines.gpus import CUDA, HIP, visibility, visible_gpus
from vfsrbench.engines.local import worker_environments
from vfsrbench.errors import InputError, counted

_HELD: list[BaseFileLock] = []
"""The lock on this process's GPU, until it ends."""


def use_device(device: str | None) -> str:
    """Choose this process's device and threads, by its environment. Nothing that reads it is loaded yet.

    Args:
        device: `cpu`, `cuda` (the first GPU) or `cuda:N`. None: a GPU of this machine that no other worker
            has chosen so; the CPU where there is none.

    Returns:
        The device's name.

    Raises:
        InputError: There is no such device, or every GPU has its worker.
    """
    gpus = [] if device == "cpu" else visible_gpus()
    number = _free(gpus) if device is None else _asked(device, len(gpus))
    os.environ.update(worker_environments(1, [])[0])
    if number is None:
        os.environ.update(_hidden())
        return "cpu"
    os.environ.update(visibility(gpus[number]))
    return f"cuda:{number}"


def usable_memory() -> int:
    """Megabytes that this process may use: what Slurm gave its task, else what the machine has."""
    import psutil

    node, cpu = (os.environ.get(f"SLURM_MEM_PER_{part}", "") for part in ("NODE", "CPU"))
    cpus = os.environ.get("SLURM_CPUS_ON_NODE", "1")
    if cpu.isdigit() and cpus.isdigit():
        return int(cpu) * int(cpus)
    if node.isdigit() and int(node):
        return int(node)
    return int(psutil.virtual_memory().total >> 20)


def _asked(device: str, there: int) -> int | None:
    """The GPU's number; None for the CPU."""
    if device == "cpu":
        return None
    match = re.fullmatch(r"cuda(?::(\d{1,4}))?", device)
    if match is None:
        raise InputError(f"--device {device!r}: use cpu, cuda, or cuda:N")
    number = int(match[1] or 0)
    if number >= there:
        seen = counted(there, "GPU") if there else "no GPU"
        raise InputError(
            f"--device {device}: there {'are' if there > 1 else 'is'} {seen} here; choose another device, "
            f"or check {CUDA} and nvidia-smi"
        )
    return number


def _free(gpus: list[str]) -> int | None:
    """A GPU that no other worker of this machine has; the system frees it when its worker ends."""
    for number, gpu in enumerate(gpus):
        name = re.sub(r"\W", "_", gpu)
        lock = FileLock(Path(tempfile.gettempdir()) / f"vfsrbench-worker-gpu-{name}.lock", mode=0o666)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        except OSError:
            return number
        _HELD.append(lock)
        return number
    if gpus:
        raise InputError(
            f"each of the {counted(len(gpus), 'GPU')} here has a worker; --device cuda:0 shares one, "
            "--device cpu takes none"
        )
    return None


def _hidden() -> Mapping[str, str]:
    return {CUDA: "", HIP: ""} if HIP in os.environ else {CUDA: ""}
