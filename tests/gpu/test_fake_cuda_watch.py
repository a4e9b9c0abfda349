"""What the examination on a fake GPU counts: each kind of wait, copy and tensor by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gpu.fake_cuda import CUDA, Watch, building, counted, watched

Step = Callable[[Tensor], object]


class Net(nn.Module):
    """A forward pass that does one thing with four numbers of the device."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step

    def forward(self, x: Tensor) -> object:
        return self.step(x)


def run(step: Step) -> Watch:
    with pytest.MonkeyPatch.context() as patch, watched(patch) as watch:
        Net(step)(torch.empty(4, device=CUDA))
    return watch


def eye(x: Tensor) -> Tensor:
    return torch.eye(3, device=x.device)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


WAITS: dict[str, Step] = {
    "item": lambda x: x[0].item(),
    "int": lambda x: int(x[0]),
    "if": lambda x: 1 if (x > 0).any() else 2,
    "in": lambda x: 1.0 in x,
    "to the CPU": lambda x: x.cpu(),
    "to the CPU, not blocking": lambda x: x.to("cpu", non_blocking=True),
    "numpy": lambda x: x.cpu().numpy(),
    "mask as an index": lambda x: x[x > 0],
    "mask as a place": lambda x: x.__setitem__(x > 0, 1.0),
    "masked_select": lambda x: x.masked_select(x > 0),
    "nonzero": lambda x: x.nonzero(),
    "where": lambda x: torch.where(x > 0),
    "equal": lambda x: torch.equal(x, x),
    "allclose": lambda x: torch.allclose(x, x),
    "one_hot": lambda x: F.one_hot(x.long()),
    "bincount": lambda x: torch.bincount(x.long()),
    "histc": lambda x: torch.histc(x),
    "unique": lambda x: torch.unique(x),
    "unique_consecutive": lambda x: torch.unique_consecutive(x),
    "repeat_interleave": lambda x: torch.repeat_interleave(x, x.long()),
    "multinomial": lambda x: torch.multinomial(x, 1),
    "inverse": lambda x: torch.linalg.inv(eye(x)),
    "solve": lambda x: torch.linalg.solve(eye(x), eye(x)),
    "cholesky": lambda x: torch.linalg.cholesky(eye(x)),
    "svd": lambda x: torch.linalg.svd(eye(x)),
    "eigh": lambda x: torch.linalg.eigh(eye(x)),
    "pinv": lambda x: torch.linalg.pinv(eye(x)),
    "synchronize": lambda x: torch.cuda.synchronize(),
    "synchronize a device": lambda x: torch.cuda.synchronize(x.device),
    "empty_cache": lambda x: torch.cuda.empty_cache(),
}
UPLOADS: dict[str, Step] = {
    "list as an index": lambda x: x[[0, 1]],
    "list as a place": lambda x: x.__setitem__([0, 1], 1.0),
    "tensor": lambda x: torch.tensor([1.0, 2.0], device=x.device),
    "number": lambda x: torch.tensor(1.5, device=x.device),
    "new_tensor": lambda x: x.new_tensor([1.0, 2.0]),
    "array": lambda x: torch.as_tensor(np.ones(3), device=x.device),
    "from_numpy": lambda x: torch.from_numpy(np.ones(4)).to(x.device),
    "not blocking, but not pinned": lambda x: torch.from_numpy(np.ones(4)).to(x.device, non_blocking=True),
    "pinned, but blocking": lambda x: torch.from_numpy(np.ones(4)).pin_memory().to(x.device),
    "copied over": lambda x: x.copy_(torch.from_numpy(np.ones(4))),
}
HOST: dict[str, Step] = {
    "arange": lambda x: torch.arange(4),
    "ones": lambda x: torch.ones(4),
    "full": lambda x: torch.full((4,), 1.0),
    "linspace": lambda x: torch.linspace(0, 1, 4),
    "randn": lambda x: torch.randn(4, generator=generator()),
    "eye": lambda x: torch.eye(3),
}
FREE: dict[str, Step] = {
    "on the device": lambda x: torch.arange(4, device=x.device) + x,
    "like": lambda x: torch.zeros_like(x) + x.new_ones(4),
    "where of three": lambda x: torch.where(x > 0, x, -x),
    "masked_fill": lambda x: x.masked_fill(x > 0, 0.0),
    "by slices": lambda x: x[1:] - x[:-1],
    "by numbers of the device": lambda x: x[torch.arange(2, device=x.device)],
    "counted before": lambda x: torch.repeat_interleave(x, x.long(), output_size=8),
    "classes given": lambda x: F.one_hot(x.long(), 5),
    "inverse without a check": lambda x: torch.linalg.inv_ex(eye(x)),
    "sorted": lambda x: (x.sort(), x.topk(2), x.median(), x.cumsum(0)),
}
REFUSED: dict[str, Step] = {
    "operands of two devices": lambda x: x + torch.from_numpy(np.ones(4, np.float32)),
    "numbers of the CPU beside those of the device": lambda x: torch.cat([x, torch.zeros(4)]),
    "index of the CPU": lambda x: x.index_select(0, torch.arange(2)),
    "noise of a CPU's generator": lambda x: torch.randn(4, generator=generator(), device=x.device),
    "the same in place": lambda x: x.normal_(generator=generator()),
    "rounded by a CPU's generator": lambda x: torch.bernoulli(x, generator=generator()),
    "as many numbers as it finds": lambda x: torch.linalg.lstsq(eye(x), eye(x)),
}


@pytest.mark.parametrize("name", WAITS)
def test_what_the_host_waits_for(name: str) -> None:
    assert counted(run(WAITS[name]).events) == {"wait": 1}


@pytest.mark.parametrize("name", UPLOADS)
def test_numbers_that_the_host_brings(name: str) -> None:
    assert counted(run(UPLOADS[name]).events) == {"upload": 1}


@pytest.mark.parametrize("name", HOST)
def test_tensors_made_on_the_host(name: str) -> None:
    assert counted(run(HOST[name]).events) == {"host tensor": 1}


@pytest.mark.parametrize("name", FREE)
def test_what_costs_no_wait(name: str) -> None:
    assert not run(FREE[name]).events


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_gpu_refuses(name: str) -> None:
    with pytest.raises(RuntimeError, match=r"device|numbers of the device"):
        run(REFUSED[name])


@pytest.mark.parametrize("norm", [nn.GroupNorm(4, 8), nn.InstanceNorm2d(8)])
@pytest.mark.parametrize("last", [True, False])
def test_norms_over_channels_that_lie_last_are_copied(norm: nn.Module, last: bool) -> None:
    """A convolution with filters in that order gives its result in it, too."""
    order = torch.channels_last if last else torch.contiguous_format

    def step(x: Tensor) -> None:
        filters = x.new_empty(8, 4, 3, 3).contiguous(memory_format=order)
        norm(F.conv2d(x.new_empty(2, 4, 16, 16), filters))

    with pytest.MonkeyPatch.context() as patch, building(patch):
        norm.to(CUDA)
    assert counted(run(step).events) == ({"hidden copy": 1} if last else {})


def test_an_index_of_the_cpu_goes_up() -> None:
    watch = run(lambda x: x[torch.arange(2)])
    assert counted(watch.events) == {"host tensor": 1, "upload": 1}


def test_pinned_numbers_join_the_queue() -> None:
    step: Step = lambda x: torch.from_numpy(np.ones(4)).pin_memory().to(x.device, non_blocking=True)  # noqa: E731
    assert counted(run(step).events) == {"queued": 1}


def test_attention_needs_four_axes() -> None:
    def attend(x: Tensor, *shape: int) -> None:
        q = x.new_empty(shape)
        F.scaled_dot_product_attention(q, q, q)
        F.scaled_dot_product_attention(query=q, key=q, value=q)

    assert counted(run(lambda x: attend(x, 2, 8, 4)).events) == {"three axes": 2}
    assert not run(lambda x: attend(x, 2, 1, 8, 4)).events


def test_a_mask_of_three_axes_counts() -> None:
    def attend(x: Tensor) -> None:
        q = x.new_empty(2, 1, 8, 4)
        F.scaled_dot_product_attention(q, q, q, attn_mask=x.new_empty(2, 8, 8))

    assert counted(run(attend).events) == {"three axes": 1}
