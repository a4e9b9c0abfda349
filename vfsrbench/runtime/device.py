"""Choosing the device that networks run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfsrbench.errors import InputError

if TYPE_CHECKING:
    import torch


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device of that name.

    Args:
        device: `cpu`, `cuda`, `cuda:1`, ... or a `torch.device`. None: the first GPU if there is one, else
            the CPU.

    Returns:
        The device.

    Raises:
        InputError: There is no such device here.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    import torch

    if device is None:
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        chosen = torch.device("meta")
    if chosen.type not in ("cpu", "cuda"):
        raise InputError(f"device {str(device)!r}: use cpu, cuda, or cuda:N")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(
            f"device {str(device)!r}: PyTorch sees {count} GPU{'s' * (count != 1)} here; use cpu, or "
            "check the driver with nvidia-smi"
        )
    return chosen
