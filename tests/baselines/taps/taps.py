"""What a golden pack's test needs of a network: its weights filled in, and what its modules put out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from tests.parity import parity

PACKS = Path(parity.__file__).parent


def pack(name: str) -> dict:
    return parity.load(PACKS / f"{name}.json")


def cases(packs: Mapping[str, dict], slow: Collection[str] = ()) -> list[Any]:
    """(pack, case) of every case, for `parametrize`; `slow`: names "pack-case" that `make test-slow` runs."""
    every = [(name, case["name"]) for name, golden in packs.items() for case in golden["cases"]]
    unknown = set(slow) - {"-".join(pair) for pair in every}
    assert not unknown, f"no such cases: {unknown}"
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(*pair, id="-".join(pair), marks=marks["-".join(pair) in slow]) for pair in every]


class Undrawn(TorchFunctionMode):
    """Networks that are made inside draw no weights: a pack's take their place."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in ("uniform_", "normal_"):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def filled(build: Callable[[], nn.Module], golden: dict) -> nn.Module:
    """The network with the pack's weights, which must be all it has but the pack's "keep" list."""
    with Undrawn():
        net = build().eval()
    keep = set(golden["keep"])
    own = {name: value for name, value in net.state_dict().items() if name in keep}
    net.load_state_dict(parity.state_dict(golden) | own, strict=True)
    return net


def layout(net: nn.Module) -> dict[str, tuple[list[int], str]]:
    """name -> (shape, dtype) of every tensor in the state dict."""
    return {k: (list(v.shape), str(v.dtype).removeprefix("torch.")) for k, v in net.state_dict().items()}


def pack_layout(golden: dict) -> dict[str, tuple[list[int], str]]:
    return {name: (shape, dtype) for name, shape, dtype in golden["tensors"]}


@contextmanager
def tapped(net: nn.Module, names: Iterable[str], last: bool = False) -> Iterator[dict[str, torch.Tensor]]:
    """Module path -> what the module put out at its first call (the first item of a tuple), as copies;
    with `last` at its last call.

    Names that are no module of the network are left to the caller.
    """
    modules = dict(net.named_modules())
    taps: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable:
        def hook(module: nn.Module, args: tuple, output: object) -> None:
            if last or name not in taps:
                first = output[0] if isinstance(output, (tuple, list)) else output
                taps[name] = first.detach().clone()

        return hook

    handles = [modules[name].register_forward_hook(keep(name)) for name in names if name in modules]
    try:
        yield taps
    finally:
        for handle in handles:
            handle.remove()


def differences(taps: dict[str, torch.Tensor], outputs: dict) -> dict[str, float]:
    """Every recorded tap's largest relative difference; a tap that was not collected is an error."""
    missing = sorted(set(outputs) - set(taps))
    assert not missing, f"taps not collected: {missing}"
    # in channels-last order `parity.compare` would copy a tap for each of its samples
    return {
        name: parity.compare(torch.as_tensor(taps[name]).contiguous(), want) for name, want in outputs.items()
    }
