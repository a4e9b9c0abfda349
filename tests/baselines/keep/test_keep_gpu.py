"""CodeFormer and KEEP on a GPU: the CPU's numbers, and no waiting for the GPU inside a window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from baselines.codeformer.network import CodeFormer
from baselines.keep.network import KEEP
from tests.baselines.face.test_codeformer import small_network

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@contextmanager
def full_precision() -> Iterator[None]:
    """Convolutions in float32, not TF32."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = allowed


@contextmanager
def no_synchronisation() -> Iterator[None]:
    """An operation that makes the host wait for the GPU is an error."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_codeformer_gives_the_cpus_numbers() -> None:
    net, x = small_network(CodeFormer), torch.rand(3, 3, 64, 64) * 2 - 1
    wanted = net(x, w=0.5, adain=True)[0]
    with full_precision():
        got = net.cuda()(x.cuda(), w=0.5, adain=True)[0].cpu()
    torch.testing.assert_close(got, wanted, atol=1e-3, rtol=1e-3)


def test_keep_gives_the_cpus_numbers() -> None:
    net, x = small_network(KEEP), torch.rand(1, 3, 3, 64, 64) * 2 - 1
    flows = torch.rand(1, 2, 2, 64, 64) * 4 - 2
    wanted = net(x, need_upscale=False, flows=flows)
    with full_precision():
        got = net.cuda()(x.cuda(), need_upscale=False, flows=flows.cuda()).cpu()
    torch.testing.assert_close(got, wanted, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("flow", ["gmflow", "pwcnet"])
def test_keep_never_waits_inside_a_window(flow: str) -> None:
    net = small_network(KEEP, flow=flow).cuda()
    x = (torch.rand(1, 4, 3, 64, 64) * 2 - 1).cuda()
    _, state = net.restore(x)  # the first call may set libraries up
    with no_synchronisation():
        net.restore(x, state)
