"""The networks on a GPU give what they give on the CPU (fp32, no TF32). Run with `make test-gpu`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vfsrbench.faces.arcface_align import align_faces, arcface_matrices, arcface_template
from vfsrbench.faces.networks.arcface_resnet18 import ArcFaceResNet18
from vfsrbench.faces.networks.fan import FAN2D4, AwingFAN
from vfsrbench.faces.networks.fan_decode import decode_awing
from vfsrbench.faces.networks.ir_se50 import IRSE50
from vfsrbench.faces.networks.iresnet import iresnet50
from vfsrbench.faces.networks.retinaface import retinaface_resnet50
from vfsrbench.faces.networks.retinaface_decode import decode
from vfsrbench.metrics.networks.i3d import I3D
from vfsrbench.metrics.networks.inception import FidInception
from vfsrbench.metrics.networks.lpips_net import LPIPS

pytestmark = pytest.mark.gpu
GPU = "cuda"

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "iresnet50": (iresnet50, (2, 3, 112, 112)),
    "ir_se50": (IRSE50, (2, 3, 112, 112)),
    "resnet18": (ArcFaceResNet18, (2, 1, 128, 128)),
    "retinaface": (retinaface_resnet50, (1, 3, 96, 128)),
    "awing": (AwingFAN, (1, 3, 256, 256)),
    "fan2d4": (FAN2D4, (1, 3, 256, 256)),
    "inception": (FidInception, (2, 3, 299, 299)),
    "i3d": (I3D, (1, 3, 9, 224, 224)),
    "lpips_alex": (lambda: LPIPS("alex").net, (2, 3, 64, 64)),
    "lpips_vgg": (lambda: LPIPS("vgg").net, (2, 3, 64, 64)),
}


@pytest.fixture(autouse=True)
def _strict() -> Iterator[None]:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    flags = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [flag.allow_tf32 for flag in flags]
    for flag in flags:
        flag.allow_tf32 = False
    yield
    for flag, value in zip(flags, before, strict=True):
        flag.allow_tf32 = value


def _tensors(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [t for part in value for t in _tensors(part)]


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str) -> None:
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    net, x = build().eval(), torch.rand(shape) * 2 - 1
    with torch.no_grad():
        expected = _tensors(net(x))
        found = _tensors(net.to(GPU)(x.to(GPU)))
    for cpu, gpu in zip(expected, found, strict=True):
        assert gpu.device.type == "cuda"
        assert (gpu.cpu() - cpu).abs().max() <= 1e-4 * cpu.std() + 1e-7


def test_decoding_and_crops() -> None:
    torch.manual_seed(0)
    heat = torch.rand(2, 99, 64, 64)
    assert torch.equal(decode_awing(heat.to(GPU), 512, 512).cpu(), decode_awing(heat, 512, 512))
    images = torch.rand(2, 3, 200, 240)
    matrices = arcface_matrices(np.stack([arcface_template() * 1.4 + 20, arcface_template() * 1.1]))
    assert torch.allclose(
        align_faces(images.to(GPU), matrices).cpu(), align_faces(images, matrices), atol=1e-6
    )
    outputs = torch.randn(1, 504, 4), torch.rand(1, 504, 2), torch.randn(1, 504, 10)
    on_gpu = tuple(part.to(GPU) for part in outputs)
    assert torch.allclose(decode(on_gpu, 96, 128)[0].cpu(), decode(outputs, 96, 128)[0], atol=1e-3)  # type: ignore[arg-type]
