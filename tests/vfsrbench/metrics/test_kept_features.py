"""The ground truth's LPIPS features: as many as fit are made once, none is made and thrown away."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.vfsrbench.boards import moving
from vfsrbench.metric import TruthInfo, Window
from vfsrbench.metrics import perceptual
from vfsrbench.metrics.networks.lpips_net import LPIPS
from vfsrbench.plugins import build_metric, metrics
from vfsrbench.runtime import network
from vfsrbench.runtime.network import free_bytes, rows_that_fit
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.random_init import write_untrained

CPU = torch.device("cpu")


@pytest.mark.parametrize(("room", "kept"), [(0, 1), (2.5, 2), (100, 4)])
def test_features_are_made_once_for_as_many_batches_as_fit(
    room: float, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_untrained(load_manifest()["alexnet"], tmp_path, "features.")
    lpips: Any = build_metric(metrics()["lpips_alex"])
    lpips.load({"backbone": next(tmp_path.iterdir())}, CPU)
    frames = moving(8)[:, :64, :64]
    gt, restored = (Window(f, 0, 0, TruthInfo("c", "", 8)) for f in (frames, frames // 2))
    whole = lpips.score(restored, gt, lpips.prepare(gt))
    size = sum(f.numel() * f.element_size() for f in lpips.prepare(gt)[0])
    monkeypatch.setattr(perceptual, "kept_bytes", lambda device: int(room * size))
    calls: list[int] = []
    features = LPIPS.features
    monkeypatch.setattr(LPIPS, "features", lambda net, x: calls.append(len(x)) or features(net, x))
    state = lpips.prepare(gt)
    assert len(state) == kept and calls == [2] * kept
    np.testing.assert_array_equal(lpips.score(restored, gt, state), whole)
    assert calls == [2] * (4 + 4)


def test_room_follows_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < perceptual.kept_bytes(CPU) <= 5 << 29
    monkeypatch.setattr(perceptual, "free_bytes", lambda device: 800)
    assert perceptual.kept_bytes(CPU) == 100
    assert free_bytes(CPU) > 1 << 20


@pytest.mark.parametrize(("gigabytes", "rows"), [(4, 4), (24, 7), (140, 44), (1000, 64)])
def test_a_gpu_takes_as_many_rows_as_its_memory_holds(
    gigabytes: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = SimpleNamespace(total_memory=gigabytes << 30)
    monkeypatch.setattr(network.torch.cuda, "get_device_properties", lambda device: card)
    assert rows_that_fit(torch.device("cuda:0"), 400 << 20, 4) == rows
    assert rows_that_fit(CPU, 400 << 20, 4) == 4
