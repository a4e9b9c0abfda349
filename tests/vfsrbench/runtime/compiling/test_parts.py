"""Which parts of a network are compiled, and what happens where they cannot be."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vfsrbench.errors import InputError
from vfsrbench.runtime.compiling.parts import GRAPHS, OFF, ON, Compiling

CPU = torch.device("cpu")


class Net(nn.Module):
    """A module, a list of them, a part that is left out, and a method."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.more = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
        self.none = None
        self.calls = 0

    def scaled(self, x: Tensor) -> Tensor:
        self.calls += 1
        if x.ndim != 2:
            raise InputError("two axes are needed")
        return 2 * x

    def forward(self, x: Tensor) -> Tensor:
        return self.scaled(self.more["b"](self.more["a"](self.first(x))))


def replaced(net: nn.Module) -> set[str]:
    """The functions that are no longer the classes' own."""
    found = {f"{name}.forward" for name, part in net.named_modules() if "forward" in vars(part)}
    return found | ({"scaled"} & set(vars(net)))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("first",), {"first.forward"}),
        (("more", "none"), {"more.a.forward", "more.b.forward"}),
        (("more.b", "scaled"), {"more.b.forward", "scaled"}),
        (("",), {".forward"}),
    ],
)
def test_parts_are_replaced_in_place(names: tuple[str, ...], expected: set[str]) -> None:
    net = Net().eval()
    state = list(net.state_dict())
    Compiling(ON, CPU, pytest.fail).parts(net, names)
    assert replaced(net) == expected
    assert list(net.state_dict()) == state
    assert replaced(Net()) == set()


@pytest.mark.parametrize(("choice", "lines"), [(OFF, 0), (GRAPHS, 1)])
def test_nothing_is_compiled_unasked_or_without_a_gpu(choice: str, lines: int) -> None:
    net, remarks = Net(), list[str]()
    Compiling(choice, CPU, remarks.append).parts(net, ("", "first"))
    assert replaced(net) == set()
    assert remarks == ["compiled=reduce-overhead does nothing on a CPU"][:lines]


def test_without_a_compiler_the_network_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    import torch._inductor.config as inductor

    torch.manual_seed(0)
    plain = Net().eval().requires_grad_(False)
    net = Net().eval().requires_grad_(False)
    net.load_state_dict(plain.state_dict())
    remarks = list[str]()
    Compiling(ON, CPU, remarks.append).parts(net, ("first", "more", "scaled"))
    x = torch.rand(3, 4)
    config: Any = inductor
    missing = {"cpp.cxx": ("no-such-compiler",), "force_disable_caches": True, "cpp_wrapper": False}
    with caplog.at_level(logging.WARNING), config.patch(missing):
        assert torch.equal(net(x), plain(x))
        assert torch.equal(net(x), plain(x))
    assert len(remarks) == 1  # the second part is not tried
    assert remarks[0].startswith("compiled=true: ")
    assert remarks[0].endswith("; not compiled")
    assert [r.getMessage() for r in caplog.records if r.name.startswith("vfsrbench")] == remarks
    assert "\n" not in remarks[0]


def test_errors_of_the_network_itself_are_raised() -> None:
    net = Net().eval().requires_grad_(False)
    how = Compiling(ON, CPU, pytest.fail)
    how.parts(net, ("scaled",))
    with pytest.raises(InputError, match="two axes"):
        net.scaled(torch.rand(1, 2, 3))
    assert how.works


def test_running_out_of_memory_is_no_reason_to_go_on_otherwise() -> None:
    """The harness takes smaller windows then; what is compiled stays so."""
    net = Net().eval()
    how = Compiling(ON, CPU, pytest.fail)
    how.parts(net, ("scaled",))
    part: Any = net.scaled

    def full(x: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    part.swift = full
    with pytest.raises(torch.OutOfMemoryError):
        net.scaled(torch.rand(2, 4))
    assert how.works
    assert net.calls == 0


@pytest.mark.slow  # compiles
@pytest.mark.parametrize("choice", [ON, GRAPHS])
def test_compiled_parts_give_the_same(choice: str) -> None:
    """As for a GPU; CUDA graphs are left out for tensors of the CPU, and all around them runs."""
    torch.manual_seed(0)
    plain = Net().eval().requires_grad_(False)
    net = Net().eval().requires_grad_(False)
    net.load_state_dict(plain.state_dict())
    Compiling(choice, torch.device("cuda"), pytest.fail).parts(net, ("first", "more"))
    outs = []
    for rows in (1, 2, 3, 1):
        x = torch.rand(rows, 4)
        outs.append((net(x), plain(x)))
    for ours, wanted in outs:
        torch.testing.assert_close(ours, wanted)
