"""The two landmark networks against the official implementations' golden figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.faces.networks.fan import FAN2D4, AwingFAN


def _collect(net: nn.Module, case: dict[str, Any]) -> dict[str, Tensor]:
    inputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda module, args: inputs.update({name: args[0]})

    after_coordinates = {
        name: module
        for name, module in net.named_modules()
        if name == "conv1.conv" or name.endswith("coordconv.conv")
    }
    handles = [module.register_forward_pre_hook(keep(name)) for name, module in after_coordinates.items()]
    with torch.no_grad(), taps.tapped(net, case["outputs"]) as seen:
        heatmaps = net(**parity.inputs(case))
    for handle in handles:
        handle.remove()
    seen |= {f"heat{stack}": heat for stack, heat in enumerate(heatmaps)} | {"out": heatmaps[-1]}
    for name, given in inputs.items():
        if name == "conv1.conv":
            seen["conv1_input"] = given
        else:
            seen[f"boundary{name[1]}"] = given[:, -2:]
    return {tap: seen[tap] for tap in case["outputs"]}


def _check(net_class: type[nn.Module], name: str) -> None:
    golden = taps.pack(name)
    net = taps.filled(net_class, golden)
    assert taps.layout(net) == taps.pack_layout(golden)
    for case in golden["cases"]:
        differences = taps.differences(_collect(net, case), case["outputs"])
        assert max(differences.values()) < 1e-4, (case["name"], differences)


def test_awing_fan_is_facexlibs() -> None:
    _check(AwingFAN, "fan")


def test_2dfan_is_face_alignments() -> None:
    _check(FAN2D4, "fan2d4")
