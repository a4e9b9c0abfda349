"""Published checkpoints into networks: unwrapped, renamed, strictly checked, never executed.

Accepts PyTorch files (zip or legacy) that hold tensors only, and safetensors. What is wrong with a file
is said in one line: missing, truncated, a web page, code inside, or the tensors of another network.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from torch import Tensor, nn

from vfsrbench.errors import InputError

WRAPPERS = ("params_ema", "params", "state_dict", "model", "g_ema")
PREFIXES = ("module.", "generator.", "vqvae.", "model.")
SHOWN = 3


def load_checkpoint(
    net: nn.Module,
    source: str | Path | Mapping[str, Any],
    *,
    rename: Mapping[str, str] | None = None,
    leave: Collection[str] = (),
    where: str = "the checkpoint",
) -> None:
    """Fill `net` with the tensors of a file, or of what was read from one.

    A wrapper ("params_ema", "state_dict", ...) is opened, and a prefix that all names share ("module.",
    "generator.", ...) is taken off. rename: leading parts of names -> what the network calls them.
    leave: leading parts of names that are neither read nor expected (a discriminator; a part that is
    filled from elsewhere). where: what messages call a source that is no file. InputError when names or
    shapes do not fit exactly.
    """
    given = fitting_tensors(net, source, rename=rename, leave=leave, where=where)
    net.load_state_dict(given, strict=not tuple(leave))


def fitting_tensors(
    net: nn.Module,
    source: str | Path | Mapping[str, Any],
    *,
    rename: Mapping[str, str] | None = None,
    leave: Collection[str] = (),
    where: str = "the checkpoint",
) -> dict[str, Tensor]:
    """What `load_checkpoint` would fill `net` with, by the network's names; `net` may be on the device
    "meta". InputError when names or shapes do not fit exactly."""
    where = where if isinstance(source, Mapping) else str(source)
    tensors = source if isinstance(source, Mapping) else read_checkpoint(source)
    left = tuple(leave)
    wanted = {k: v for k, v in net.state_dict().items() if not k.startswith(left)}
    given = _strip(unwrap(tensors, where), wanted)
    given = _strip({k: v for k, v in given.items() if not k.startswith(left)}, wanted)
    given = {_renamed(k, rename or {}): v for k, v in given.items()}
    _check(wanted, given, where, type(net).__name__)
    return given


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A file's content, tensors on the CPU. Nothing in the file is executed."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint file; `vfsrbench weights` says where to get it")
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise InputError(f"{path}: the file is empty; download it again")
    if head.lstrip()[:1] == b"<" or head.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{path}: is a web page or a pointer, not a checkpoint; download the file it stands for"
        )
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: holds a {type(content).__name__}, not tensors by name")
    return dict(content)


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise _damaged(path, error) from None


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"[Uu]nsupported (?:global|class):? (?:GLOBAL )?([\w.]+)", str(error))
        if found:
            raise InputError(
                f"{path}: holds {found[1]}, not only tensors, and loading it would run its code; refused: "
                f"get the published file"
            ) from None
        raise _damaged(path, error) from None
    except (RuntimeError, OSError, EOFError, BadZipFile, ValueError, LookupError, AttributeError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    reason = str(error).rpartition("WeightsUnpickler error:")[2].strip().split("\n")[0]
    reason = reason.split(". ")[0][:100] or type(error).__name__
    return InputError(
        f"{path}: not a readable checkpoint ({path.stat().st_size} bytes, truncated or damaged; {reason}); "
        f"download it again"
    )


def unwrap(content: Mapping[str, Any], where: str = "the checkpoint") -> dict[str, Tensor]:
    """The tensors by name, taken out of the first known wrapper around them."""
    for key in WRAPPERS:
        inner = content.get(key)
        if isinstance(inner, Mapping) and any(isinstance(v, Tensor) for v in inner.values()):
            content = inner
            break
    tensors = {k: v for k, v in content.items() if isinstance(v, Tensor)}
    if not tensors:
        keys = ", ".join(list(map(str, content))[:SHOWN]) or "nothing"
        raise InputError(f"{where}: no tensors by name in it (found {keys}); is it a checkpoint?")
    return tensors


def _strip(given: dict[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefixes that all names share, unless the network's own names share them too."""
    for prefix in PREFIXES:
        shared = given and all(name.startswith(prefix) for name in given)
        if shared and not all(name.startswith(prefix) for name in wanted):
            given = {name.removeprefix(prefix): value for name, value in given.items()}
    return given


def _renamed(name: str, rename: Mapping[str, str]) -> str:
    for old, new in rename.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _check(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], where: str, network: str) -> None:
    missing = [name for name in wanted if name not in given]
    unexpected = [name for name in given if name not in wanted]
    differ = [
        f"{name} {list(given[name].shape)} for {list(value.shape)}"
        for name, value in wanted.items()
        if name in given and given[name].shape != value.shape
    ]
    parts = [
        f"{len(names)} {kind} ({', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''})"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", differ))
        if names
    ]
    if parts:
        raise InputError(
            f"{where}: does not fit {network}: of {len(wanted)} tensors, {', '.join(parts)}; "
            f"it is the file of another network or version"
        )
