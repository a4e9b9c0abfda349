"""The device that networks run on, and bringing numbers there without making the host wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfsrbench.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


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


def queued(numbers: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU brought to a device without a wait.

    A copy from ordinary memory to a GPU blocks the host until all work before it is done; one from pinned
    memory joins the queue.

    Args:
        numbers: On the CPU.
        device: Where to.

    Returns:
        The same numbers there; `numbers` itself on a CPU.

    Example:
        >>> import torch
        >>> queued(torch.ones(2), torch.device("cpu"))
        tensor([1., 1.])
    """
    if device.type != "cuda":
        return numbers.to(device)
    return numbers.pin_memory().to(device, non_blocking=True)


class OnDevice:
    """A constant that is made on the CPU and brought to a device once, not with every call.

    Example:
        >>> import torch
        >>> OnDevice(torch.ones(2)).like(torch.zeros(1, dtype=torch.float64)).dtype
        torch.float64
    """

    def __init__(self, value: Tensor) -> None:
        """Keep the constant.

        Args:
            value: On the CPU. It must not be changed afterwards.
        """
        self.value = value
        self._held: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def on(self, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
        """The constant on a device.

        Args:
            device: Where.
            dtype: Its type there; its own by default.
        """
        key = (device, dtype or self.value.dtype)
        if key not in self._held:
            self._held[key] = queued(self.value.to(key[1]), device)
        return self._held[key]

    def like(self, x: Tensor) -> Tensor:
        """The constant on the device and in the type of a tensor.

        Args:
            x: The tensor.
        """
        return self.on(x.device, x.dtype)
