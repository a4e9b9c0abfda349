"""The taps of the golden packs of BasicVSR, BasicVSR++, RealBasicVSR, EDVR and SPyNet, and of RAFT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

from baselines.basicvsrpp.network import BRANCHES, BasicVSRPlusPlus
from baselines.layers.flow.spynet import SPyNet
from baselines.layers.residual import bilinear_x4
from baselines.realbasicvsr.network import RealBasicVSR
from tests.parity import parity


def vsr(net: nn.Module, case: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Every tap that the case records, and those that come with them."""
    out, seen = run(net, case)
    return collect(net, out, seen, set(case["outputs"]))


@contextmanager
def calls(net: nn.Module) -> Iterator[dict[str, list[Any]]]:
    """Module path -> all its outputs in order of the calls."""
    seen: dict[str, list[Any]] = {}

    def hook(name: str) -> Callable[..., None]:
        return lambda module, args, out: seen.setdefault(name, []).append(out)

    handles = [m.register_forward_hook(hook(name)) for name, m in net.named_modules()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def run(net: nn.Module, case: dict[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, list[Any]]]:
    given = parity.inputs(case)
    if "mirror" in case["name"]:
        given["x"] = torch.cat([given["x"], given["x"].flip(1)], 1)
    offsets: list[tuple[torch.Tensor, torch.Tensor]] = []
    propagated: dict[str, torch.Tensor] = {}
    with ExitStack() as stack:
        if isinstance(net, BasicVSRPlusPlus):
            align = net.deform_align["backward_1"]
            plain, walk = align.offsets, net.propagate
            told = {"offsets": lambda *a: offsets.append(plain(*a)) or offsets[-1]}
            stack.enter_context(patch.multiple(align, **told))
            kept = {"propagate": lambda b, *a: propagated.setdefault(b, walk(b, *a))}
            stack.enter_context(patch.multiple(net, **kept))
        seen = stack.enter_context(calls(net))
        with torch.no_grad():
            out = net(**given)
    seen["offsets"] = offsets
    seen["given"] = [given]
    seen["propagated"] = [propagated]
    return out, seen


def collect(net: nn.Module, out: torch.Tensor, seen: dict[str, list[Any]], want: set[str]) -> dict[str, Any]:
    got: dict[str, Any] = {"out": out}
    core = "basicvsr." if isinstance(net, RealBasicVSR) else ""
    first = {
        "feat_extract": "feat_extract", "reconstruction_frame0": "reconstruction",
        "reconstruction": "reconstruction", "upsample1_frame0": "upsample1", "fusion_frame0": "fusion",
        "conv_last": "conv_last", "conv_last_frame0": "conv_last", "feature_extraction": "feature_extraction",
        "feat_l2": "feat_l2_conv2", "feat_l3": "feat_l3_conv2", "fusion": "fusion",
        "tsa_feat_fusion": "fusion.feat_fusion", "dcn_l3_frame0": "pcd_alignment.dcn_pack.l3",
        "dcn_l1_frame0": "pcd_alignment.dcn_pack.l1",
        "conv_offset_backward_1_step1": "deform_align.backward_1.conv_offset",
        "aligned_backward_1_step1": "deform_align.backward_1",
        **{f"residual_level{i}": f"basic_module.{i}" for i in range(6)},
    }  # fmt: skip
    got |= {tap: seen[path][0] for tap, path in first.items() if path in seen}
    for i in range(out.shape[1]):
        got[f"out_frame{i}"] = out[:, i]
    if f"{core}spynet" in seen and not isinstance(net, SPyNet):
        got["flows_backward"], got["flows_forward"] = seen[f"{core}spynet"][:2]
    if f"{core}backward_resblocks" in seen:
        back, ahead = seen[f"{core}backward_resblocks"], seen[f"{core}forward_resblocks"]
        got["feat_backward_last_frame"], got["feat_backward_first_frame"] = back[0], back[-1]
        got["feat_forward_first_frame"], got["feat_forward_last_frame"] = ahead[0], ahead[-1]
    for i, residue in enumerate(seen.get("image_cleaning", [])):
        got[f"cleaning_residue_pass{i}"] = residue
    if isinstance(net, RealBasicVSR):
        x = seen["given"][0]["x"]
        got["cleaned"] = x + torch.stack(seen["image_cleaning"]).sum(0).view_as(x)
    if "pcd_alignment" in seen:
        got["aligned"] = torch.stack(seen["pcd_alignment"], 1)
    got |= {f"feats_{b}": f for b, f in seen["propagated"][0].items() if b in BRANCHES}
    for step, (offset, mask) in enumerate(seen["offsets"], start=1):
        got[f"dcn_offset_backward_1_step{step}"] = offset
        got[f"dcn_mask_backward_1_step{step}"] = mask
        got[f"aligned_backward_1_step{step}"] = seen["deform_align.backward_1"][step - 1]
    if "img_upsample_frame0" in want:
        got["img_upsample_frame0"] = bilinear_x4(seen["given"][0]["x"][:, 0])
    return got
