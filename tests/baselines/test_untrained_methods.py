"""Untrained weights of the networks here: pictures, not flat fields, overflow or numbers too small to compute
with, which take a CPU a hundred times longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.codeformer.network import CodeFormer
from baselines.dicface.network import DicFace
from baselines.gfpgan.network import GFPGANClean
from baselines.gpen.network import GPEN
from baselines.layers.flow.spynet import SPyNet
from baselines.pgtformer.network import PGTFormer
from baselines.restoreformer.network import RestoreFormer, RestoreFormerPP
from baselines.vqfr.network import VQFR
from vfsrbench.weights.random_init import untrained_state

SIDE = 64
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "codeformer": lambda: CodeFormer(side=SIDE),
    "gfpgan": lambda: GFPGANClean(side=SIDE, narrow=1 / 8),
    "gpen": lambda: GPEN(side=SIDE, narrow=1 / 8),
    "restoreformer": RestoreFormer,
    "restoreformerpp": RestoreFormerPP,
    "vqfr": lambda: VQFR(side=SIDE),
    "dicface": lambda: DicFace(side=SIDE),
    "pgtformer": lambda: PGTFormer(side=SIDE),
}
FRAMES = {"dicface": 5, "pgtformer": 3}
"""Of the networks that take clips."""


@pytest.mark.parametrize("name", NETWORKS)
def test_untrained_networks_make_pictures(name: str) -> None:
    net: Any = NETWORKS[name]().eval()
    net.load_state_dict(untrained_state(net))
    smallest: dict[str, float] = {}

    def watch(part: str) -> Callable[..., None]:
        def hook(module: nn.Module, given: Any, out: Any) -> None:
            if isinstance(out, Tensor) and out.is_floating_point():
                smallest[part] = float(out.abs().max())

        return hook

    for part, module in net.named_modules():
        module.register_forward_hook(watch(part))
    faces = torch.rand(FRAMES.get(name, 2), 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        image = net(faces, **({"w": 0.5} if name == "codeformer" else {}))[0]
    assert torch.isfinite(image).all()
    assert 0.05 < float(image.std()) < 10
    levels = ((image.clamp(-1, 1) + 1) * 127.5).round()
    assert levels.flatten(1).std(1).min() > 5  # in each picture
    assert {part: peak for part, peak in smallest.items() if 0 < peak < 1e-20} == {}


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (SPyNet, "mean"),
        (SPyNet, "std"),
        (NETWORKS["gpen"], "kernel"),
        (NETWORKS["pgtformer"], "relative_position_index"),
    ],
)
def test_constants_that_a_file_carries_stay(build: Callable[[], nn.Module], name: str) -> None:
    net = build()
    state, own = untrained_state(net), net.state_dict()
    constants = [key for key in own if key.rpartition(".")[2] == name]
    assert constants and all(torch.equal(state[key], own[key]) for key in constants)
