"""Does a method refuse a checkpoint with a tensor missing? One that loads it would score nonsense."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfsrbench.errors import describe
from vfsrbench.predictor import Predictor
from vfsrbench.restoration.finding import Finding
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.runtime.state.settings import kept_settings

if TYPE_CHECKING:
    import torch

_LEAST_PARTS = 2
"""`conv.weight` names a tensor even where a wrapper's prefix was taken off or renamed; `weight` does not."""


def strictness(
    use: MethodUse, device: torch.device, try_out: Callable[[Predictor], object]
) -> Iterator[Finding]:
    """A finding for each file that the method loads.

    A fresh object must load the whole files, and then refuse a damaged one with an error that names what is
    missing: a method that fails for any other reason proves nothing. `try_out` restores a clip, for files
    that are loaded only when they are needed; one that this clip does not need is skipped.
    """
    whole = _error(use, use.weights.paths, device, lambda predictor: None)
    for role, path in use.weights.paths.items():
        check = f"loads {path.name} strictly"
        if whole is not None:
            yield Finding(check, "FAILED", f"a second object does not load the whole files: {whole}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / path.name
            dropped = _without_a_tensor(path, target)
            if not dropped:
                yield Finding(check, "skipped", "its kind of file is not taken apart")
                continue
            paths = {**use.weights.paths, role: target}
            found = _error(use, paths, device, try_out)
            if found is None:
                target.write_bytes(b"no checkpoint")
                if _error(use, paths, device, try_out) is None:
                    yield Finding(check, "skipped", "it is not read for the clip that is tried")
                    continue
        problem = _judge(found, dropped)
        yield Finding(check, "FAILED" if problem else "ok", problem)


def _error(
    use: MethodUse, paths: Mapping[str, Path], device: torch.device, try_out: Callable[[Predictor], object]
) -> str | None:
    """What a fresh object says when it loads and uses these files; None if it does not complain."""
    try:
        with kept_settings():
            predictor = use.method.build()
            predictor.load(paths, device)
        try_out(predictor)
    except (Exception, SystemExit) as error:
        return f"{describe(error)} {error}"
    return None


def _judge(error: str | None, dropped: list[str]) -> str:
    if error is None:
        return "a checkpoint with a tensor missing was loaded without a word"
    if any(_is_named(name, error) for name in dropped):
        return ""
    short = " ".join(error.split())[:200]
    return f"with {dropped[0]!r} missing, the error does not name it: {short}"


def _is_named(name: str, text: str) -> bool:
    """Whether the tensor's name stands in the text, whole or without leading parts."""
    parts = name.split(".")
    ends = [".".join(parts[i:]) for i in range(max(1, len(parts) - _LEAST_PARTS + 1))]
    return any(re.search(rf"(?<![\w]){re.escape(end)}(?![\w])", text) for end in ends)


def _without_a_tensor(path: Path, target: Path) -> list[str]:
    """Write a copy of the checkpoint without its first tensor and say which that is; of several mappings in
    it, each loses its first: which one is loaded is the method's affair. Empty for files that cannot be
    taken apart."""
    import torch

    if path.suffix == ".safetensors":
        from safetensors.torch import load_file, save_file

        tensors = load_file(path)
        name = next(iter(tensors))
        del tensors[name]
        save_file(tensors, target)
        return [name]
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        return []
    dropped = _drop_first(content)
    if dropped:
        torch.save(content, target)
    return dropped


def _drop_first(content: Any) -> list[str]:
    import torch

    if not isinstance(content, dict):
        return []
    first = next((key for key, value in content.items() if isinstance(value, torch.Tensor)), None)
    if first is not None:
        del content[first]
    inside = [name for value in content.values() for name in _drop_first(value)]
    return [*([] if first is None else [str(first)]), *inside]
