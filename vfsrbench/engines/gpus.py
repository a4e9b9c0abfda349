"""The GPUs that this process may use, by the names that its workers are given. Does not import torch here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import takewhile
from pathlib import Path

CUDA, HIP = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"
AMD = Path("/dev/kfd")
_PATIENCE = 120
"""Seconds until a child that imports torch, on a slow disk, counts as stuck."""
_DEVICES = ("/dev/nvidia[0-9]*", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/dev/nvhost-gpu", "/dev/nvgpu")
"""Where drivers of NVIDIA and AMD, WSL and Jetson boards show themselves on Linux."""
_COUNT = "import torch; print('GPUs', torch.cuda.device_count() if torch.cuda.is_available() else 0)"


def visible_gpus() -> list[str]:
    """A name for each GPU that this process may use, as `visibility` gives it to a worker.

    `CUDA_VISIBLE_DEVICES` counts (beside AMD's driver `HIP_VISIBLE_DEVICES`) up to the first device that
    there is not, as the driver reads it; where one stands twice the driver shows none, and here it counts
    once. Else nvidia-smi is asked, and where there is none (containers with compute alone, AMD) torch, in a
    child process.
    """
    given = os.environ.get(_variable(), os.environ.get(CUDA))
    if given is None:
        listed = _listed()
        return _counted() if listed is None else listed
    named = named_devices(given)
    if len(named) > 1 and _kind(named[0]) == "number":
        named = existing(named, _listed())
    return named


def visibility(gpu: str) -> Mapping[str, str]:
    """What a worker's environment has so that it sees this GPU alone."""
    return {_variable(): gpu}


def existing(numbers: Sequence[str], listed: Sequence[str] | None) -> list[str]:
    """The numbers up to the first that nvidia-smi does not list; all, where it does not answer."""
    if listed is None:
        return list(numbers)
    known = {str(index) for index in range(len(listed))}
    return list(takewhile(known.__contains__, numbers))


def _variable() -> str:
    return HIP if HIP in os.environ and AMD.exists() else CUDA


def named_devices(text: str) -> list[str]:
    """The devices of such a variable: numbers, or names that begin with GPU- or MIG-, in order.

    The first entry that is neither (-1, `NoDevFiles`, an empty one) ends the list, and so does one of another
    kind than the first. A device that stands there twice counts once.
    """
    found: list[str] = []
    for name in (part.strip() for part in text.split(",")):
        kind = _kind(name)
        if not kind or (found and kind != _kind(found[0])):
            break
        found += [name] if name not in found else []
    return found


def _kind(name: str) -> str:
    kind = re.match(r"\d+$|GPU-|MIG-", name)
    return "" if kind is None else kind[0] if kind[0] in ("GPU-", "MIG-") else "number"


def _listed() -> list[str] | None:
    """What nvidia-smi lists; None where there is none that answers."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return listed_devices(listed.stdout.splitlines())


def listed_devices(lines: Sequence[str]) -> list[str]:
    """The devices in the lines of `nvidia-smi -L`: GPUs by number; a divided one's parts by name."""
    found: list[str] = []
    number = -1
    for line in lines:
        part = re.search(r"UUID: (MIG-[^)\s]+)", line)
        if line.startswith("GPU "):
            number += 1
            found.append(str(number))
        elif part is not None:
            if found and found[-1] == str(number):  # torch sees the parts in place of the whole
                found.pop()
            found.append(part[1])
    return found


def _counted() -> list[str]:
    """As many as torch counts. Nobody is asked where no driver shows itself."""
    if sys.platform == "linux" and not any(_there(pattern) for pattern in _DEVICES):
        return []
    return [str(index) for index in range(_torch_count(sys.executable, _PATIENCE))]


def _there(pattern: str) -> bool:
    path = Path(pattern)
    return next(path.parent.glob(path.name), None) is not None


@cache
def _torch_count(python: str, patience: int) -> int:
    """`torch.cuda.device_count()` in a short child process, so that none of ours holds a context."""
    try:
        asked = subprocess.run(
            [python, "-c", _COUNT], capture_output=True, text=True, timeout=patience, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    counted = re.search(r"^GPUs (\d+)$", asked.stdout, re.MULTILINE)
    return int(counted[1]) if counted else 0
