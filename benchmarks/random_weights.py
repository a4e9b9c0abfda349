"""Untrained weights for every checkpoint that a method names: the same bytes each time.

`vfsrbench.weights.random_init` fills the networks that the weights manifest names. Where it names none, as
one file name stands for several layouts, the network is the one that the method's own adapter builds.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfsrbench.errors import InputError
from vfsrbench.method_spec import Method
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.random_init import untrained_state, write_untrained
from vfsrbench.weights.resolve import UNTRAINED

if TYPE_CHECKING:
    from torch import nn

NETWORKS = {
    "codeformer": "baselines.codeformer.network:CodeFormer",
    "secnet": "baselines.secnet.network:SECNet",
}

SHRINK = 0.4
"""For filters of recurrent networks without normalization, whose features otherwise grow from frame to
frame until they overflow."""


def write_method_weights(method: Method, root: Path) -> None:
    """One file under `root` for each checkpoint that the method needs with its options; files that are there
    stay. InputError when nothing says which network a file is for."""
    import torch

    manifest = load_manifest()
    for use in method.card.weights_for(dict(method.options)):
        if next(root.glob(f"{use.name}{UNTRAINED}.*"), None) is not None:
            continue
        entry = manifest.entries.get(use.name)
        if entry is not None and entry.network is not None:
            write_untrained(entry, root)
            continue
        state = untrained_state(network_of(method, use.name))
        if method.card.kind == "video" and method.card.name != "keep":
            state = {k: v * SHRINK if v.ndim >= 2 else v for k, v in state.items()}
        content: dict[str, Any] = {"params": state}
        if use.name == "secnet":  # its files say which variant they hold
            content["config"] = {}
        torch.save(content, root / f"{use.name}{UNTRAINED}.pth")


def network_of(method: Method, checkpoint: str) -> nn.Module:
    """The network that a checkpoint of the method fits, without its weights."""
    if method.card.name == "keep":
        from baselines.keep.network import KEEP

        chosen: dict[str, Any] = {key: method.options[key] for key in ("layout", "flow", "cfa")}
        net: Any = KEEP(**chosen)
        return net.flownet.model if checkpoint == "pwcnet" else net
    if checkpoint in NETWORKS:
        module, _, name = NETWORKS[checkpoint].partition(":")
        made: nn.Module = getattr(importlib.import_module(module), name)()
        return made
    build = getattr(method.build(), "network", None)
    if build is None:
        raise InputError(f"{checkpoint}: nothing says which network it is for, so no weights can be made up")
    own: nn.Module = build()
    return own
