"""The image restorers against plain transcriptions of the official layers: equal output, and CPU seconds.

    python benchmarks/restorer_transcription.py                 all networks, one 512x512 face, one thread
    python benchmarks/restorer_transcription.py gpen --batch 2 --threads 2

A transcription makes a network of ours run as the published code is written: convolution weights scaled for
every sample, resizing before 1x1 convolutions, filters by zero insertion over single channels, attention as
an explicit softmax, outputs that nobody asked for. Weights are random; the time does not depend on them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.adapters.ready import arrange, ready
from baselines.gfpgan import network as gfpgan
from baselines.gpen import network as gpen
from baselines.layers.generative import stylegan2, vqgan
from baselines.restoreformer import network as restoreformer
from baselines.vqfr import network as vqfr

SQRT2 = stylegan2.SQRT2
LAST = torch.channels_last
CPU = torch.device("cpu")


def upfirdn(x: Tensor, kernel: Tensor, up: int, pad: tuple[int, int]) -> Tensor:
    """Zeros between the pixels, padding, then the flipped kernel over one channel at a time."""
    b, c, h, w = x.shape
    x = x.reshape(-1, h, 1, w, 1)
    x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(-1, 1, h * up, w * up)
    x = F.conv2d(F.pad(x, (pad[0], pad[1], pad[0], pad[1])), kernel.flip(0, 1)[None, None])
    return x.reshape(b, c, *x.shape[2:])


def modulated(m: Any, x: Tensor, latent: Tensor, bias: Tensor, scale: float = 1.0) -> Tensor:
    b, c = x.shape[:2]
    weight = m.gain * m.weight * m.modulation(latent).view(b, 1, c, 1, 1)
    if m.demodulate:
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    outputs, size = weight.shape[1], weight.shape[-1]
    if isinstance(m, stylegan2.BlurUpConv2d):
        weight = weight.transpose(1, 2).reshape(b * c, outputs, size, size)
        x = F.conv_transpose2d(x.reshape(1, b * c, *x.shape[2:]), weight, stride=2, groups=b)
        x = upfirdn(x.view(b, outputs, *x.shape[2:]), m.blur.kernel, 1, (1, 1))
    else:
        if isinstance(m, stylegan2.BilinearUpConv2d):
            x = stylegan2.bilinear(x, 2)
        weight = weight.view(b * outputs, c, size, size)
        x = F.conv2d(x.reshape(1, b * c, *x.shape[2:]), weight, padding=size // 2, groups=b)
        x = x.view(b, outputs, *x.shape[2:])
    return x * scale + bias


def gfpgan_block(m: Any, x: Tensor) -> Tensor:
    out = F.leaky_relu(m.conv1(x), 0.2)
    out = F.leaky_relu(m.conv2(stylegan2.bilinear(out, m.factor)), 0.2)
    return out + m.skip(stylegan2.bilinear(x, m.factor))


def gpen_conv(m: Any, x: Tensor, latent: Tensor, feature: Tensor) -> Tensor:
    x = torch.cat([m.conv(x, latent, x.new_zeros(())), m.noise(feature)], dim=1)
    return F.leaky_relu(x + m.activate.bias.view(1, -1, 1, 1), 0.2) * SQRT2


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int = 1) -> Tensor:
    b, c, h, w = q.shape
    q, k, v = (t.reshape(b, heads, c // heads, -1) for t in (q, k, v))
    scores = torch.softmax(q.transpose(2, 3) @ k * (c // heads) ** -0.5, dim=3)
    return (v @ scores.transpose(2, 3)).reshape(b, c, h, w)


PLAIN: dict[type[nn.Module], Callable[..., Tensor]] = {
    stylegan2.ModulatedConv2d: modulated,
    stylegan2.Blur: lambda m, x: upfirdn(x, m.kernel, 1, (m.padding, m.padding)),
    stylegan2.BlurUpsample: lambda m, x: upfirdn(x, m.kernel, 2, (2, 1)),
    gfpgan.ResBlock: gfpgan_block,
    gpen.StyledConv: gpen_conv,
}


def transcribe(net: nn.Module) -> nn.Module:
    """The same network with the plain forms of its layers."""
    for module in net.modules():
        for kind, plain in PLAIN.items():
            if isinstance(module, kind):
                module.forward = MethodType(plain, module)
    return net


def networks() -> dict[str, tuple[Callable[[], nn.Module], Callable[[Any, Tensor], Tensor]]]:
    """Name -> how to build it, and how the adapters call it (channels last, where they do it on CPUs)."""
    return {
        "gfpgan": (lambda: arrange(gfpgan.GFPGANClean(), LAST), lambda net, x: net(_last(x))[0]),
        "gpen": (lambda: arrange(gpen.GPEN(), LAST), lambda net, x: net(_last(x))[0]),
        "restoreformerpp": (
            lambda: ready(restoreformer.RestoreFormerPP(), CPU),
            lambda net, x: net(_last(x))[0],
        ),
        "vqfr": (lambda: ready(vqfr.VQFR(), CPU), lambda net, x: net.restore(_last(x))),
    }


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=LAST)


def timed(call: Callable[[], Tensor], repeat: int) -> tuple[float, Tensor]:
    out, best = call(), float("inf")
    for _ in range(repeat):
        started = time.process_time()
        out = call()
        best = min(best, time.process_time() - started)
    return best, out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*networks(), []], help="networks (default: all)")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print("| network | ours, CPU s a frame | transcription, CPU s a frame | largest difference / std |")
    print("|---|---|---|---|")
    for name in given.names or networks():
        build, call = networks()[name]
        torch.manual_seed(0)
        net = build().eval().requires_grad_(False)
        x = torch.rand(given.batch, 3, 512, 512) * 2 - 1
        ours, wanted = timed(lambda net=net, x=x, call=call: call(net, x), given.repeat)
        plain_net = transcribe(arrange(net, torch.contiguous_format))
        plain, found = timed(partial(_plainly, plain_net, x), given.repeat)
        difference = float((found - wanted).abs().max() / wanted.std())
        row = f"| {name} | {ours / given.batch:.2f} | {plain / given.batch:.2f} | {difference:.1e} |"
        print(row, flush=True)


def _plainly(net: nn.Module, x: Tensor) -> Tensor:
    swift = vqgan.spatial_attention
    vqgan.spatial_attention = restoreformer.spatial_attention = attention
    try:
        return net(x)[0]
    finally:
        vqgan.spatial_attention = restoreformer.spatial_attention = swift


if __name__ == "__main__":
    main()
