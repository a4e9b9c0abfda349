"""KEEP's published files in both namings, the parts that a variant leaves out, and mix-ups."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines.codeformer.network import CodeFormer
from baselines.keep.network import KEEP
from baselines.keep.weights import load_keep
from vfsrbench.errors import InputError
from vfsrbench.runtime.checkpoint import load_checkpoint


def message(call: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def as_file(net: nn.Module) -> dict[str, Tensor]:
    """All the names and shapes of a network, each filled with a number of its own, in little memory."""
    return {
        name: torch.tensor(zlib.crc32(name.encode()) % 1000 / 1000.0).expand(value.shape)
        for name, value in net.state_dict().items()
    }


def meta(**options: Any) -> KEEP:
    with torch.device("meta"):
        return KEEP(**options)


V0_NAMES = {"cfa.": "cross_fuse.", "cft.": "fuse_convs_dict."}


@pytest.mark.parametrize(("given", "wanted"), [("v0", "v1"), ("v1", "v0"), ("asian", "asian")])
def test_keep_loads_both_namings(tmp_path: Path, given: str, wanted: str) -> None:
    stored = as_file(meta(layout=given))
    torch.save({"params_ema": {f"module.{k}": v for k, v in stored.items()}}, tmp_path / "KEEP.pth")
    net = KEEP(layout=wanted)
    load_keep(net, tmp_path / "KEEP.pth")
    v0 = {k.replace("cfa.", "cross_fuse.").replace("cft.", "fuse_convs_dict."): v for k, v in stored.items()}
    for name, value in net.state_dict().items():
        for new, old in V0_NAMES.items():
            name = old + name.removeprefix(new) if name.startswith(new) else name
        assert torch.equal(value, v0[name]), name


def test_keep_without_attention_and_with_pwcnet_takes_what_it_needs() -> None:
    stored = as_file(meta(layout="v1"))
    net = KEEP(layout="v1", cfa=False, flow="pwcnet")
    flow = as_file(net.flownet.model)
    load_keep(net, stored, flow)
    assert torch.equal(net.flownet.model.dc_conv7.bias, flow["dc_conv7.bias"])
    assert torch.equal(net.feat_emb.bias, stored["feat_emb.bias"])


def test_the_asian_model_is_recognised() -> None:
    text = message(lambda: load_keep(meta(layout="v1"), as_file(meta(layout="asian"))))
    assert "use layout asian" in text
    text = message(lambda: load_keep(meta(layout="asian"), as_file(meta(layout="v0"))))
    assert "use layout v0 or v1" in text


def test_the_file_of_another_network_is_recognised() -> None:
    with torch.device("meta"):
        codeformer = CodeFormer()
    assert "does not fit CodeFormer" in message(lambda: load_checkpoint(codeformer, as_file(meta())))
    text = message(lambda: load_keep(meta(layout="v1"), as_file(codeformer)))
    assert "it is no published KEEP file" in text or "use layout asian" in text
