"""The taps of the golden packs of GFPGAN, RestoreFormer(++), GPEN and VQFR.

Each collector runs a case the way its `call` says and gives tap name -> tensor.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.baselines.taps import taps as tap_tools
from tests.parity import parity

Taps = dict[str, Tensor]
GFPGAN_CALLS: dict[str, dict[str, Any]] = {
    "stored_noise": {"return_rgb": False, "randomize_noise": False},
    "rgb_pyramid_batch2": {"return_rgb": True, "randomize_noise": False},
    "random_noise_seeded": {"return_rgb": False, "weight": 0.5},
}
VQFR_CALLS = {"fidelity_0": {"fidelity_ratio": 0.0}, "fidelity_0p5": {"fidelity_ratio": 0.5}}


def gfpgan(net: nn.Module, case: dict[str, Any]) -> Taps:
    with tap_tools.tapped(net, case["outputs"]) as taps, torch.random.fork_rng(devices=[]):
        torch.manual_seed(1234)  # heard by the case of random noise alone
        image, rgbs = net(**parity.inputs(case), **GFPGAN_CALLS[case["name"]])
    return {**taps, "out": image, **{f"rgb_{rgb.shape[-1]}": rgb for rgb in rgbs}}


def restoreformer(net: nn.Module, case: dict[str, Any]) -> Taps:
    with tap_tools.tapped(net, case["outputs"]) as taps:
        image, codes, hs = net(**parity.inputs(case))
    return {**taps, "out": image, "code_indices": codes, **{f"hs_{name}": h for name, h in hs.items()}}


def gpen(net: nn.Module, case: dict[str, Any]) -> Taps:
    with tap_tools.tapped(net, [*case["outputs"], "generator.style.1"]) as taps:
        out = net(**parity.inputs(case))
    found = {**taps, "out": out[0] if isinstance(out, tuple) else out}
    if "layer_1" in case["outputs"]:
        found["layer_1"] = found["generator.style.1"]
    return found


def vqfr(net: nn.Module, case: dict[str, Any]) -> Taps:
    with tap_tools.tapped(net, case["outputs"]) as taps:
        image, texture, codes = net(**parity.inputs(case), **VQFR_CALLS[case["name"]])
    return {**taps, "out": image, "texture_dec": texture, "code_indices": codes}
