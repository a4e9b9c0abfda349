"""Versions of what computes: they stand in every record, and in the names of cached computations."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from vfsrbench.version import __version__

_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "opencv-python-headless", "av", "pillow")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of vfsrbench, Python, and the packages whose change could move a number."""
    return {"vfsrbench": __version__, "python": platform.python_version(), **library_versions()}


@lru_cache(maxsize=1)
def library_versions() -> dict[str, str]:
    """Versions of the packages whose change could move a number, as far as they are installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def device_name(device: torch.device) -> str:
    """The device's name for people: the GPU's name with CUDA's version, or the processor's kind."""
    if device.type == "cuda":
        import torch

        return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    return f"CPU {platform.machine()}"
