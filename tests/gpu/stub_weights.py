"""Checkpoints without bytes: files that the loader takes for the right ones, filled with fake tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from benchmarks.random_weights import network_of
from tests.gpu.fake_cuda import building
from vfsrbench.card import WeightUse
from vfsrbench.method_spec import Method
from vfsrbench.runtime import checkpoint
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.random_init import build_network

_KNOWN: dict[str, dict[str, Any]] = {}


def stub_weights(
    patch: pytest.MonkeyPatch, folder: Path, uses: Sequence[WeightUse], method: Method | None = None
) -> dict[str, Path] | None:
    """Role -> a file for each of these checkpoints; None where one is not PyTorch's (ONNX, dlib).

    The tensors are those of the network that the manifest names, or that the method itself builds.
    """
    contents: dict[Path, dict[str, Any]] = {}
    paths = {}
    for use in uses:
        state = _state(use.name, method)
        if state is None:
            return None
        path = folder / f"{use.name}.pth"
        path.write_bytes(b"fake tensors stand for this file")
        contents[path] = {"params": state, **({"config": {}} if use.name == "secnet" else {})}
        paths[use.role] = path

    patch.setattr(checkpoint, "_read_torch", lambda path: contents[path])
    return paths


def _state(name: str, method: Method | None) -> dict[str, Any] | None:
    """The tensors of a checkpoint; made once for those whose network the manifest names."""
    entry = load_manifest().entries.get(name)
    if entry is None or entry.network is None:
        return None if method is None else _tensors(lambda: network_of(method, name))
    if name not in _KNOWN:
        _KNOWN[name] = _tensors(lambda: build_network(entry))
    return dict(_KNOWN[name])


def _tensors(build: Callable[[], nn.Module]) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch, building(patch):
        return dict(build().state_dict())
