"""DicFace and PGTFormer for 64x64 frames, and the windows that their official tools cut."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from baselines.dicface.adapter import DicFacePredictor
from baselines.dicface.network import DicFace
from baselines.pgtformer.adapter import PGTFormerPredictor
from baselines.pgtformer.network import PGTFormer
from vfsrbench.method_spec import choose_method

SIDE = 64
LENGTHS = (1, 2, 4, 5, 24, 25, 51)
CPU = torch.device("cpu")
GAIN = 0.5  # as in vfsrbench.weights.random_init, for networks whose fusions multiply
PEAKED = 20  # of the code layer: mixtures of codewords that differ from place to place
BUILDERS = {"dicface": DicFace, "pgtformer": PGTFormer}


def small(name: str) -> Any:
    """The network for 64x64 frames, with seeded weights that let frames see each other: cuts of one noise, as
    drawing a hundred million numbers takes seconds."""
    net: Any = BUILDERS[name](side=SIDE).eval().requires_grad_(False)
    noise = torch.randn(2**23 + 4096, generator=torch.Generator().manual_seed(0))
    for start, (key, value) in enumerate(net.named_parameters()):
        drawn = noise[start : start + value.numel()].view(value.shape)
        if value.ndim >= 2 and "position" not in key:
            peaked = PEAKED if key.startswith("idx_pred_layer") else 1
            value.copy_(drawn * peaked * (GAIN / value[0].numel()) ** 0.5)
        else:
            value.copy_(drawn if "position" in key else drawn * 0.1 + key.endswith("weight"))
    return net


class SmallDicFace(DicFacePredictor):
    """Loads no file."""

    def load(self, weights: Any, device: torch.device) -> None:
        self.device, self.net = device, small("dicface")


class SmallPGTFormer(PGTFormerPredictor):
    """Loads no file."""

    def load(self, weights: Any, device: torch.device) -> None:
        self.device, self.net = device, small("pgtformer")


def method(spec: str, net: nn.Module) -> Any:
    predictor = choose_method(spec).build()
    predictor.device, predictor.net = CPU, net
    return predictor


def frames(count: int, low: float = -1.0) -> Tensor:
    """(count, 3, 64, 64) from `low` to 1, each frame another noise."""
    noise = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(count))
    return noise.repeat_interleave(8, 2).repeat_interleave(8, 3) * (1 - low) + low


def official_window(count: int, index: int, length: int) -> list[int]:
    """The frames around one that an official tool gives its network, edge frames repeated; it keeps the
    result at length // 2."""
    return [min(max(i, 0), count - 1) for i in range(index - length // 2, index + length - length // 2)]


def official(net: Any, x: Tensor, index: int, length: int) -> Tensor:
    return net(x[official_window(len(x), index, length)])[0][length // 2]


def far(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / b.std())


def twin(net: nn.Module) -> Any:
    return copy.deepcopy(net)
