"""The taps of the golden packs of CodeFormer, KEEP and their flow networks.

Each collector runs a case and gives tap name -> tensor; "out" is what the network returns (first).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tests.parity import parity

Taps = dict[str, Tensor]
ENCODER_BLOCK = {512: 2, 256: 5, 128: 8, 64: 11, 32: 14, 16: 18}
GENERATOR_BLOCK = {16: 6, 32: 9, 64: 12, 128: 15, 256: 18}


class Call(NamedTuple):
    """One call of a module: what went in and what came out."""

    given: tuple[Any, ...]
    result: Any


@contextmanager
def recorded(net: nn.Module, names: Sequence[str]) -> Iterator[dict[str, list[Call]]]:
    """Module path -> its calls in order. A path may end in a method ("flownet.backwards")."""
    calls: dict[str, list[Call]] = {name: [] for name in names}
    undo: list[Callable[[], None]] = []
    modules = dict(net.named_modules())
    for name in names:
        if name in modules:
            hook = modules[name].register_forward_hook(
                lambda module, given, result, name=name: calls[name].append(Call(given, result))
            )
            undo.append(hook.remove)
        else:
            path, _, method = name.rpartition(".")
            undo.append(_wrap(modules[path], method, calls[name]))
    try:
        yield calls
    finally:
        for step in undo:
            step()


def _wrap(module: nn.Module, method: str, calls: list[Call]) -> Callable[[], None]:
    plain = getattr(module, method)

    def wrapped(*given: Any, **named: Any) -> Any:
        calls.append(Call((*given, *named.values()), plain(*given, **named)))
        return calls[-1].result

    module.__dict__[method] = wrapped
    return lambda: module.__dict__.pop(method)


def codeformer(net: nn.Module, case: dict[str, Any]) -> Taps:
    encoder = {f"enc_{r}": f"encoder.blocks.{i}" for r, i in ENCODER_BLOCK.items()}
    generator = {f"gen_{r}_before_fuse": f"generator.blocks.{i}" for r, i in GENERATOR_BLOCK.items()}
    tokens = {"feat_emb": "feat_emb", "ft_0": "ft_layers.0", "ft_8": "ft_layers.8"}
    with recorded(net, [*encoder.values(), *generator.values(), *tokens.values(), "generator"]) as calls:
        out, logits, latent = net(**parity.inputs(case), **case["args"])
    taps = {tap: calls[path][0].result for tap, path in (encoder | generator).items()}
    taps |= {tap: calls[path][0].result.transpose(0, 1) for tap, path in tokens.items()}
    taps |= {"quant": calls["generator"][0].given[0], "top_idx": logits.argmax(-1)}
    return taps | {"out": out, "logits": logits, "lq_feat": latent}


def keep(net: nn.Module, case: dict[str, Any], **forced: Any) -> Taps:
    names = net.layout
    blocks = [f"kalman_filter.uncertainty_estimator.{k}" for k in range(3)]
    fuse = {size: f"{names.fuse}.{size}" for size in names.fused_sizes}
    attend = {size: f"{names.attend}.{size}" for size in net.attended_sizes}
    paths = [*blocks, *fuse.values(), *attend.values(), "encoder", "hq_encoder", "feat_emb"]
    paths += ["idx_pred_layer", "generator", "kalman_filter.gains", "flownet.backwards"]
    with recorded(net, paths) as calls:
        out = net(**parity.inputs(case), **case["args"], **forced)
    batch = out.shape[:2]
    taps = {"out": out, "gains": calls["kalman_filter.gains"][0].result[0]}
    # a CPU encodes a few frames at a time
    taps["z_codes"] = torch.cat([call.result[0] for call in calls["encoder"]]).unflatten(0, batch)
    if calls["flownet.backwards"]:
        taps["flows"] = calls["flownet.backwards"][0].result
    for k, path in enumerate(blocks):
        taps[f"uncertainty_{k}"] = calls[path][0].result[0].flatten(0, 1)
    for i in range(batch[1]):
        taps[f"frame_{i}"] = out[:, i]
        taps[f"logits_{i}"] = calls["idx_pred_layer"][i].result
        taps[f"quant_{i}"] = calls["generator"][i].given[0]
        taps |= {f"cft_{size}_{i}": calls[path][i].result for size, path in fuse.items()}
        if i > 0:  # nothing temporal touches frame 0
            tokens = calls["feat_emb"][i].given[0].transpose(1, 2)
            taps[f"z_hat_{i}"] = tokens.unflatten(2, taps["z_codes"].shape[-2:])
            taps[f"warped_{i}"] = calls["hq_encoder"][i - 1].given[0]
            taps[f"z_prime_{i}"] = calls["hq_encoder"][i - 1].result[0]
            taps |= {f"cfa_{size}_{i}": calls[path][i - 1].result for size, path in attend.items()}
    taps["top_idx"] = torch.cat([taps[f"logits_{i}"].argmax(-1) for i in range(batch[1])])
    return taps


class Flip(NamedTuple):
    """A token whose most likely code is not the official one, and by how much it is more likely."""

    frame: int
    row: int
    token: int
    ours: int
    official: int
    gap: float


def flipped(taps: Taps, case: dict[str, Any]) -> list[Flip]:
    """The recorded tokens of a KEEP case that differ, first frame first."""
    frames, batch = taps["out"].shape[1], taps["out"].shape[0]
    logits = torch.cat([taps[f"logits_{i}"] for i in range(frames)])
    flips = set()
    for where, value in case["outputs"]["top_idx"]["samples"]:
        row, token = divmod(where, logits.shape[1])
        ours, official = int(logits[row, token].argmax()), int(value)
        if ours != official:
            gap = float(logits[row, token, ours] - logits[row, token, official])
            flips.add(Flip(row // batch, row, token, ours, official, gap))
    return sorted(flips)


def kalman(net: nn.Module, case: dict[str, Any]) -> Taps:
    blocks = {k: f"uncertainty_estimator.{k}" for k in range(3)}
    inner = [f"{path}.{part}" for path in blocks.values() for part in ("attn1", "attn_temp")]
    with recorded(net, [*blocks.values(), *inner]) as calls:
        out = net(**parity.inputs(case))
    taps = dict(zip(("out", "warped"), out, strict=True)) if isinstance(out, tuple) else {"out": out}
    for k, path in blocks.items():
        taps[f"uncertainty_{k}"] = calls[path][0].result[0].flatten(0, 1)
        taps[f"attn1_{k}"] = calls[f"{path}.attn1"][0].result
        taps[f"attn_temp_{k}"] = calls[f"{path}.attn_temp"][0].result
    return taps


def cross_frame(net: nn.Module, case: dict[str, Any]) -> Taps:
    with recorded(net, ["attn", "ff"]) as calls:
        out = net(**parity.inputs(case))
    return {"out": out, "attn": calls["attn"][0].result, "ff": calls["ff"][0].result}


def gmflow(net: nn.Module, case: dict[str, Any]) -> Taps:
    layers = {f"layer_{k}": f"model.transformer.layers.{k}" for k in range(2)}
    paths = ["model.backbone", "model.transformer", "model.feature_flow_attn", *layers.values()]
    with recorded(net, paths) as calls:
        out = net(**parity.inputs(case), **case["args"])
    backbone, transformer, propagation = (calls[path][0] for path in paths[:3])
    taps = {tap: calls[path][0].result for tap, path in layers.items()}
    taps |= {"out": out, "backbone_in": backbone.given[0], "features": backbone.result}
    taps |= {"transformer_in0": transformer.given[0]}
    taps |= dict(zip(("feature0", "feature1"), transformer.result, strict=True))
    return taps | {"flow_matched": propagation.given[1], "flow_propagated": propagation.result}


def pwcnet(net: nn.Module, case: dict[str, Any]) -> Taps:
    flows = [f"predict_flow{level}" for level in range(2, 7)]
    paths = ["model", "model.conv6_0", "model.conv5_0", "model.dc_conv7", *(f"model.{f}" for f in flows)]
    with recorded(net, paths) as calls:
        out = net(**parity.inputs(case))
    taps = {f: calls[f"model.{f}"][0].result for f in flows}
    taps |= {"out": out, "quarter": calls["model"][0].result, "refine": calls["model.dc_conv7"][0].result}
    taps |= {f"corr{k}": calls[f"model.conv{k}_0"][0].given[0][:, :81] for k in (5, 6)}
    return taps
