"""Running a metric's network: in the profile's arithmetic, one copy in memory, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from vfsrbench.runtime.checkpoint import load_checkpoint
from vfsrbench.runtime.precision import Profile, arithmetic, round_weights

Apply = Callable[[nn.Module, Tensor], Any]

T = TypeVar("T")
_alive: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


class Runner:
    """A network in evaluation mode on its device. Get one from `runner`, so that metrics share it."""

    def __init__(self, network: nn.Module, device: torch.device, profile: Profile) -> None:
        self.device, self.profile = device, profile
        self.network = network.eval().requires_grad_(False).to(device)
        if profile == "fast":
            round_weights(self.network)
        # processors are faster with it in float32 too, GPUs only with their tensor cores
        tensor_cores = profile == "fast" and not _channels_first(self.network)
        self.channels_last = device.type == "cpu" or tensor_cores
        if self.channels_last:
            for layer in self.network.modules():
                if isinstance(layer, nn.Conv2d):
                    layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, x: Tensor, batch: int, apply: Apply | None = None) -> Tensor:
        """The network's output for x (N, ...), `batch` rows at a time, as float32.

        apply: what is called with the network and a part of x; default: the network itself.
        """
        call = apply or (lambda network, part: network(part))
        with self.arithmetic():
            return torch.cat([call(self.network, self.laid_out(part)).float() for part in x.split(batch)])

    def laid_out(self, x: Tensor) -> Tensor:
        """x in the memory format of the network; the numbers are the same."""
        if not self.channels_last or x.ndim != 4:
            return x
        return x.contiguous(memory_format=torch.channels_last)

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """The profile's arithmetic, without gradients; torch's settings are put back afterwards."""
        with torch.inference_mode(), arithmetic(self.profile, self.device):
            yield


def _channels_first(network: nn.Module) -> bool:
    """Whether it has norms that a GPU computes in that order alone: others are copied to it and back."""
    kinds = nn.GroupNorm | nn.InstanceNorm2d
    return any(isinstance(layer, kinds) for layer in network.modules())


def runner(
    key: tuple[Any, ...], build: Callable[[], nn.Module], device: torch.device, profile: Profile
) -> Runner:
    """The runner for this network, weights, device and profile: built once as long as a metric holds it.

    key: what the network is made from (its name and its weights' files).
    """
    return shared((*key, str(device), profile), lambda: Runner(build(), device, profile))


def shared(key: tuple[Any, ...], build: Callable[[], T]) -> T:
    """What `build` makes, one for all metrics that ask with this key; it goes when the last of them goes."""
    found: T | None = _alive.get(key)
    if found is None:
        found = build()
        _alive[key] = found
    return found


def rows_that_fit(device: torch.device, bytes_a_row: int, on_cpu: int, most: int = 64) -> int:
    """How many rows of a batch a network takes at a time: on a GPU what fits in an eighth of its memory.

    All of its memory counts, not what is free: the last digits of a convolution may depend on the batch.
    """
    if device.type != "cuda":
        return on_cpu
    return most_rows(torch.cuda.get_device_properties(device).total_memory, bytes_a_row, on_cpu, most)


def most_rows(total: int, bytes_a_row: int, least: int, most: int = 64) -> int:
    """How many rows of a batch fit in an eighth of a GPU's memory of `total` bytes."""
    return max(least, min(most, int(total) // 8 // bytes_a_row))


def free_bytes(device: torch.device) -> int:
    """Memory of a device, or of the machine, that nothing uses."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    import psutil

    return int(psutil.virtual_memory().available)


def loaded(make: Callable[[], nn.Module], path: Path) -> nn.Module:
    """The network that `make` builds, filled with the file at `path`, strictly."""
    network = make()
    load_checkpoint(network, path)
    return network
