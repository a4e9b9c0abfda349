"""KEEP's published files: two namings, three layouts, and parts that a variant leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baselines.keep.network import KEEP, LAYOUTS
from degradations.errors import InputError
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint, unwrap


def load_keep(
    net: KEEP,
    source: str | Path | Mapping[str, Any],
    pwcnet: str | Path | None = None,
    where: str = "the checkpoint",
) -> None:
    """Fill `net` from a file of either release, or from what was read from one (`where` names it then in
    messages), whichever names it uses.

    A network without cross-frame attention leaves those tensors of the file out. One with PWC-Net takes
    its flow network from the file `pwcnet`, since no published KEEP file holds one.
    """
    where = str(source) if isinstance(source, str | Path) else where
    tensors = unwrap(source if isinstance(source, Mapping) else read_checkpoint(source), where)
    _check_layout(net, tensors, where)
    own = net.layout
    rename = {f"{n.fuse}.": f"{own.fuse}." for n in LAYOUTS.values()}
    rename |= {f"{n.attend}.": f"{own.attend}." for n in LAYOUTS.values()}
    leave = [] if net.attended_sizes else [f"{n.attend}." for n in LAYOUTS.values()]
    if pwcnet is not None:
        leave.append("flownet.")
        load_checkpoint(net.flownet.model, pwcnet)
    load_checkpoint(net, tensors, rename=rename, leave=leave, where=where)


def _check_layout(net: KEEP, tensors: Mapping[str, Any], where: str) -> None:
    """The commonest mix-up, the Asian model for the general one, gets a message of its own."""
    fuse_names = {n.fuse for n in LAYOUTS.values()}
    parts = [name.removeprefix("module.").split(".") for name in tensors]
    sizes = {int(p[1]) for p in parts if p[0] in fuse_names and p[1].isdigit()}
    if sizes and sizes != set(net.layout.fused_sizes):
        fitting = [n for n, names in LAYOUTS.items() if set(names.fused_sizes) == sizes]
        remedy = f"use layout {' or '.join(fitting)}" if fitting else "it is no published KEEP file"
        raise InputError(
            f"{where}: fuses maps of {sorted(sizes)} pixels, the network {sorted(net.layout.fused_sizes)}: "
            f"{remedy}"
        )
