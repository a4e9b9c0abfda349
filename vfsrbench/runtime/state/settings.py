"""torch's settings around foreign code: what a method or metric changes is put back, and can be named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from vfsrbench.runtime.state.precision_switches import PrecisionSwitches


class Setting(NamedTuple):
    """A setting of the whole process, and how it is read and written."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


@contextmanager
def kept_settings(changed: set[str] | None = None) -> Iterator[None]:
    """Put back what the block changes of torch's settings.

    Args:
        changed: Gets the names of the settings that were changed.
    """
    settings = _settings()
    before = [setting.read() for setting in settings]
    try:
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            if setting.read() != value:
                setting.write(value)
                if changed is not None:
                    changed.add(setting.name)


@cache
def _settings() -> tuple[Setting, ...]:
    import torch

    cudnn, cuda = torch.backends.cudnn, torch.backends.cuda
    return (
        Setting("float32 precision (TF32)", PrecisionSwitches.read, PrecisionSwitches.write),
        *(_attribute(cudnn, "cudnn", name) for name in ("enabled", "benchmark", "deterministic")),
        *(
            _attribute(cuda.matmul, "cuda.matmul", f"allow_{kind}_reduced_precision_reduction")
            for kind in ("fp16", "bf16")
        ),
        *(
            Setting(
                f"scaled_dot_product_attention ({kind})",
                getattr(cuda, f"{kind}_sdp_enabled"),
                getattr(cuda, f"enable_{kind}_sdp"),
            )
            for kind in ("flash", "mem_efficient", "math", "cudnn")
            if hasattr(cuda, f"enable_{kind}_sdp")
        ),
        Setting("deterministic algorithms", _deterministic, lambda value: _set_deterministic(*value)),
        Setting("default dtype", torch.get_default_dtype, torch.set_default_dtype),
        Setting("default device", torch.get_default_device, _set_default_device),
        Setting("grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
        Setting("anomaly detection", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        *(_autocast(kind) for kind in ("cpu", "cuda")),
        Setting("number of threads", torch.get_num_threads, torch.set_num_threads),
    )


def _attribute(owner: Any, where: str, name: str) -> Setting:
    return Setting(f"{where}.{name}", lambda: getattr(owner, name), lambda value: setattr(owner, name, value))


def _autocast(kind: str) -> Setting:
    import torch

    return Setting(
        f"autocast ({kind})",
        lambda: torch.is_autocast_enabled(kind),
        lambda value: torch.set_autocast_enabled(kind, value),
    )


def _deterministic() -> tuple[bool, bool]:
    import torch

    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _set_deterministic(mode: bool, warn_only: bool) -> None:
    import torch

    torch.use_deterministic_algorithms(mode, warn_only=warn_only)


def _set_default_device(device: Any) -> None:
    """The CPU is what torch uses when no default is set, and then without a mode that costs time."""
    import torch

    torch.set_default_device(None if device.type == "cpu" else device)
