"""Weights held in bfloat16 for the profile `fast`: the bits that autocast gives, without its casts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from baselines.codeformer.network import CodeFormer
from baselines.edvr.network import EDVR
from baselines.flair.unet.bicubic_unet import BicubicUNet
from baselines.flair.unet.blur_unet import BlurUNet
from baselines.gfpgan.network import GFPGANClean
from baselines.keep.network import KEEP
from vfsrbench.faces.networks.arcface_resnet18 import ArcFaceResNet18
from vfsrbench.metrics.networks.clip.transformer import Attention
from vfsrbench.metrics.networks.clip.vit_b32 import VisionTransformer
from vfsrbench.metrics.networks.lpips_net import LPIPS
from vfsrbench.runtime.precision import arithmetic, round_weights
from vfsrbench.weights.random_init import untrained_state

CPU = torch.device("cpu")


def faces(count: int, side: int = 64) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def unet(net: nn.Module) -> Tensor:
    clip = faces(3, 64)
    found: Tensor = net(clip, torch.full((3,), 0.5), clip[None])
    return found


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module], Tensor]]] = {
    "codeformer": (lambda: CodeFormer(side=64), lambda net: net(faces(1), w=0.5)[0]),
    "gfpgan": (lambda: GFPGANClean(side=64, narrow=1 / 8), lambda net: net(faces(2))[0]),
    "keep": (lambda: KEEP(side=64), lambda net: net(faces(2)[None], need_upscale=False)),
    "edvr": (lambda: EDVR(16, num_blocks_reconstruction=2), lambda net: net(faces(5, 32)[None])),
    "flair-bicubic": (
        lambda: BicubicUNet(32, (1, 2, 2), attention_levels=(2,), recurrent_levels=(0,), min_side=32),
        unet,
    ),
    "flair-blur": (
        lambda: BlurUNet(64, (0.5, 1, 1), attention_levels=(2,), recurrent_levels=(0,)),
        unet,
    ),
    "arcface": (ArcFaceResNet18, lambda net: net(faces(2, 128)[:, :1])),
    "clip": (VisionTransformer, lambda net: net(faces(1, 224))),
    "lpips": (lambda: LPIPS("alex"), lambda net: net(faces(2), faces(2).flip(3))),
}


@pytest.mark.parametrize("name", CASES)
def test_rounded_weights_give_the_bits_of_autocast(name: str) -> None:
    build, run = CASES[name]
    net = build().eval().requires_grad_(False)
    net.load_state_dict(untrained_state(net))
    with torch.no_grad(), arithmetic("fast", CPU):
        wanted = run(net)
        before = sum(p.numel() * p.element_size() for p in net.parameters())
        round_weights(net)
        assert torch.equal(run(net), wanted)
    assert torch.isfinite(wanted).all()
    after = sum(p.numel() * p.element_size() for p in net.parameters())
    assert after < 0.9 * before


def test_slopes_and_what_a_layer_multiplies_with_are_rounded() -> None:
    net = nn.ModuleDict(
        {"attn": Attention(8, 2, causal=False), "prelu": nn.PReLU(4), "norm": nn.LayerNorm(4)}
    )
    round_weights(net)
    exact = {name for name, p in net.named_parameters() if p.dtype == torch.float32}
    assert exact == {"norm.weight", "norm.bias"}


def test_norms_and_named_layers_stay_exact() -> None:
    net = nn.ModuleDict(
        {"a": nn.Conv2d(3, 4, 1), "norm": nn.GroupNorm(2, 4), "flow": nn.Sequential(nn.Linear(2, 2))}
    )
    round_weights(net, exact=("flow",))
    types = {name: p.dtype for name, p in net.named_parameters()}
    assert {n for n, t in types.items() if t == torch.bfloat16} == {"a.weight", "a.bias"}
