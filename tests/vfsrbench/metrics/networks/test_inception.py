"""FID's Inception and its two resizes against pytorch-fid's and torch-fidelity's golden figures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.metrics.networks.inception import FidInception, resize_pytorch_fid, resize_tensorflow

PACK = taps.pack("inception_fid")
WHOLE = [case for case in PACK["cases"] if "module" not in case]
BLOCKS = [case for case in PACK["cases"] if "module" in case]


@pytest.fixture(scope="module")
def net() -> FidInception:
    return taps.filled(FidInception, PACK)


def _pytorch_fid(net: FidInception, images: Tensor) -> dict[str, Tensor]:
    resized = resize_pytorch_fid(images)
    maps = net.maps(resized)
    blocks = {f"pf_block{i}": m for i, m in enumerate(maps[:3])}
    return blocks | {"out": net(resized)[:, :, None, None], "pf_resized": (resized + 1) / 2}


def _torch_fidelity(net: FidInception, images: Tensor) -> dict[str, Tensor]:
    resized = resize_tensorflow(images)
    maps = net.maps(resized)
    means = {f"tf_{m.shape[1]}": m.mean((2, 3)) for m in maps}
    return means | {"tf_logits": net.fc(means["tf_2048"]), "tf_resized": resized * 128 + 128}


def test_names_and_shapes_are_the_files(net: FidInception) -> None:
    assert taps.layout(net) == taps.pack_layout(PACK)


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case["name"])
def test_whole_network(net: FidInception, case: dict) -> None:
    images = parity.inputs(case)["x"].round().clamp(0, 255) / 255
    with torch.no_grad():
        seen = _pytorch_fid(net, images) | _torch_fidelity(net, images)
    differences = taps.differences({tap: seen[tap] for tap in case["outputs"]}, case["outputs"])
    assert max(differences.values()) < 1e-4, differences


@pytest.mark.parametrize("case", BLOCKS, ids=lambda case: case["module"])
def test_a_block_alone(net: FidInception, case: dict) -> None:
    with torch.no_grad():
        out = net.get_submodule(case["module"])(**parity.inputs(case))
    assert max(parity.compare(out, want) for want in case["outputs"].values()) < 1e-4


def test_the_two_resizes_differ_where_it_matters() -> None:
    images = torch.rand(1, 3, 96, 80, generator=torch.Generator().manual_seed(0))
    assert (resize_pytorch_fid(images) - resize_tensorflow(images)).abs().max() > 0.1
    same = torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(resize_pytorch_fid(same), 2 * same - 1, atol=1e-6)
    assert torch.allclose(resize_tensorflow(same), (same * 255 - 128) / 128, atol=1e-6)
