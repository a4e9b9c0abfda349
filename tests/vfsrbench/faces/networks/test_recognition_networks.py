"""The recognition networks against the official implementations' golden figures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.faces.networks.arcface_resnet18 import ArcFaceResNet18, to_gray128
from vfsrbench.faces.networks.ir_se50 import IRSE50
from vfsrbench.faces.networks.iresnet import iresnet50, iresnet100

BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "iresnet50": iresnet50,
    "iresnet100": iresnet100,
    "arcface_resnet18": ArcFaceResNet18,
    "arcface_ir_se50": IRSE50,
}


@pytest.mark.parametrize("name", BUILDERS)
def test_every_tensor_and_tap_is_the_official_networks(name: str) -> None:
    golden = taps.pack(name)
    net = taps.filled(BUILDERS[name], golden)
    assert taps.layout(net) == taps.pack_layout(golden)
    for case in golden["cases"]:
        with torch.no_grad(), taps.tapped(net, case["outputs"]) as seen:
            out = net(**parity.inputs(case))
        seen |= {"out": out, "normalized": F.normalize(out)}
        wanted = {tap: seen[tap] for tap in case["outputs"]}
        differences = taps.differences(wanted, case["outputs"])
        assert max(differences.values()) < 1e-4, differences


def test_embeddings_do_not_depend_on_their_batch_mates() -> None:
    net = taps.filled(ArcFaceResNet18, taps.pack("arcface_resnet18"))
    faces = torch.rand(4, 1, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        together = net(faces)
        alone = torch.cat([net(face[None]) for face in faces])
    assert torch.allclose(together, alone, atol=1e-4 * float(alone.std()))


def test_unit_length_is_part_of_ir_se50() -> None:
    net = IRSE50().eval()
    with torch.no_grad():
        out = net(torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(out.norm(dim=1), torch.ones(2), atol=1e-5)


def test_gray_weighs_red_green_blue() -> None:
    colours = torch.zeros(3, 3, 64, 64)
    colours[range(3), range(3)] = 1.0
    gray = to_gray128(colours)
    assert gray.shape == (3, 1, 128, 128)
    assert torch.allclose(gray.amax((1, 2, 3)), torch.tensor([0.2989, 0.5870, 0.1140]))
    assert torch.allclose(gray.amin((1, 2, 3)), torch.tensor([0.2989, 0.5870, 0.1140]))
