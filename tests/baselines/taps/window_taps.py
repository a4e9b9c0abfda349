"""The taps of the golden packs of DicFace and PGTFormer.

Each collector runs a case and gives tap name -> tensor, laid out as the pack says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from tests.baselines.taps.code_taps import ENCODER_BLOCK, GENERATOR_BLOCK, Taps, recorded
from tests.parity import parity

SIZES = (256, 128, 64, 32)


class Given(nn.Module):
    """Hands on what it was given, whatever comes in."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return self.value


@contextmanager
def stand_ins(net: Any, given: dict[str, Tensor]) -> Iterator[Tensor]:
    """While inside, the encoder hands on the case's maps and the generator returns its codes."""
    encoder, generator = net.encoder.blocks, net.generator.blocks
    blocks: list[nn.Module] = [nn.Identity() for _ in encoder]
    blocks[ENCODER_BLOCK[64]], blocks[ENCODER_BLOCK[32]] = Given(given["feat_64"]), Given(given["feat_32"])
    blocks[-1] = Given(given["z"])
    net.encoder.blocks, net.generator.blocks = nn.ModuleList(blocks), nn.ModuleList()
    try:
        yield torch.zeros(len(given["z"]), 3, 512, 512)
    finally:
        net.encoder.blocks, net.generator.blocks = encoder, generator


def dicface(net: Any, case: dict[str, Any]) -> Taps:
    given = parity.inputs(case)
    weights = given.pop("weights", None)
    options = {"w": case["args"]["w"], "adain": bool(case["args"].get("adain")), "weights": weights}
    if "x" in given:
        return dicface_call(net, given["x"], options)
    with stand_ins(net, given) as x:
        return dicface_call(net, x, options)


def dicface_call(net: Any, x: Tensor, options: dict[str, Any]) -> Taps:
    whole = len(net.generator.blocks) > 0
    fused = whole and options["w"] > 0
    paths = {f"ms_{size}": f"multiscale.s{size}_conv" for size in (64, 32, 16)}
    tokens = {"feat_emb": "feat_emb", "idx_pred": "idx_pred_layer"}
    tokens |= {f"space_{k}": f"ft_layers.{k}" for k in (0, 8)}
    if whole:
        paths |= {f"enc_{size}": f"encoder.blocks.{ENCODER_BLOCK[size]}" for size in SIZES}
        paths |= {f"gen_{size}": f"generator.blocks.{GENERATOR_BLOCK[size]}" for size in SIZES}
    if fused:
        paths |= {f"fuse_{size}": f"fuse_convs_dict.{size}" for size in SIZES}
    times = [f"dir_dist_layers.{k}" for k in (0, 8)]
    with recorded(net, [*paths.values(), *tokens.values(), *times, "encoder", "generator"]) as calls:
        out, latent, alpha = net(x, **options)
    taps = {tap: calls[path][0].result for tap, path in paths.items()}
    taps |= {tap: calls[path][0].result.transpose(0, 1) for tap, path in tokens.items()}
    for k, path in zip((0, 8), times, strict=True):  # (clip * position, frame, c) -> (position, frame, c)
        series = calls[path][0].result.unflatten(0, (-1, alpha.shape[1]))
        taps[f"time_{k}"] = series.transpose(0, 1).flatten(1, 2)
    taps |= {"z": calls["encoder"][0].result[0], "quant": calls["generator"][0].given[0]}
    frames = {f"frame_{i}": frame for i, frame in enumerate(out)} if whole else {}
    return taps | frames | {"out": out, "lq_feat": latent, "alpha": alpha}


def pgtformer(net: Any, case: dict[str, Any]) -> Taps:
    given = parity.inputs(case)
    x, codes = given["x"], given.get("codes")
    if "clip" in case["args"]:  # a clip of one frame is the window of three copies
        x = x[[0, 0, 0]]
    by_window = {
        "enc_512": "encoder.down.0.block.0",
        "enc_256": "encoder.down.1",
        "enc_128_res": "encoder.down.2.block.0",
        "enc_128": "encoder.down.2.attn.0",
        "enc_64": "encoder.down.3",
        "enc_32": "encoder.down.4",
        "enc_mid_attn": "encoder.mid.attn_1",
        "enc_mid": "encoder.mid",
        "dec_mid_attn": "decoder.mid.attn_1",
        "dec_mid": "decoder.mid",
    }
    by_window |= {f"dec_{512 >> k}": f"decoder.up.{k}" for k in range(5)}
    plain = {
        "parse_feat8": "conditionnet.cp.resnet.layer2",
        "parse_ffm": "conditionnet.ffm",
        "parse_out": "conditionnet.conv_out",
        "parse_out16": "conditionnet.conv_out16",
        "parse_out32": "conditionnet.conv_out32",
        "parse": "conditionnet",
        "convpos": "convpos",
        "z": "encoder.conv_out",
        "post_quant": "post_quant_conv",
        "fuse_128_tfusion": "fuse_convs_dict.128.over_time",
    }
    fuse = {f"fuse_{size}": f"fuse_convs_dict.{size}.blend" for size in SIZES}
    block, tokens = "encoder.down.2.attn.0.blocks.0", ["feat_emb", "ft_layers.0", "ft_layers.8"]
    paths = [*by_window.values(), *plain.values(), *fuse.values(), *tokens, block, "idx_pred_layer"]
    with recorded(net, paths) as calls:
        out, logits, latent = net(x, w=case["args"]["w"], codes=codes)
    taps = {tap: calls[path][0].result[None] for tap, path in (by_window | fuse).items()}
    taps |= {tap: calls[path][0].result for tap, path in plain.items()}
    taps |= {f"frame_{i}": frame for i, frame in enumerate(out)}
    taps |= {"feat_emb": calls["feat_emb"][0].result.transpose(0, 1)}
    taps |= {f"ft_{k}": calls[f"ft_layers.{k}"][0].result.transpose(0, 1) for k in (0, 8)}
    taps |= {"idx_pred": calls["idx_pred_layer"][0].result.unflatten(1, (3, -1))[0].transpose(0, 1)}
    taps |= {"quant": calls["post_quant_conv"][0].given[0], "enc_128_attn_blk0": calls[block][0].result}
    taps |= {"top_idx": logits.argmax(-1), "result": out[1:2].clamp(0, 1)}
    return taps | {"out": out, "logits": logits, "lq_feat": latent}
