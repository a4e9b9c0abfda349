"""torch's switches for float32 arithmetic: read, set and put back, in the new and the old interface.

torch 2.9 brought `fp32_precision`, a tree: a switch set to "none" takes its parent's value. The older
`allow_tf32` and `set_float32_matmul_precision` are kept beside it in variables of their own, and reading them
raises where the two disagree. So both are written together, and what an old variable holds is found by making
the new ones agree with it for a moment.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_INHERIT = "none"
_PARENTS = (("generic", "all"), ("cuda", "all"), ("mkldnn", "all"))
_MATMULS = (("cuda", "matmul"), ("mkldnn", "matmul"))
_CUDNN = (("cuda", "conv"), ("cuda", "rnn"))
_NODES = (*_PARENTS, *_MATMULS, *_CUDNN, ("mkldnn", "conv"), ("mkldnn", "rnn"))
"""The tree, parents first: (backend, operation)."""


@dataclass(frozen=True)
class PrecisionSwitches:
    """Every switch as it was read. `new` is empty before torch 2.9."""

    new: tuple[str, ...]
    matmul: str
    cudnn: bool

    @classmethod
    def read(cls) -> PrecisionSwitches:
        """The switches as they are."""
        import torch

        with _unheard():
            # agrees with whatever was set in the old way: float32 products are never refused
            matmul = _agreeing(torch.get_float32_matmul_precision, [dict.fromkeys(_MATMULS, "ieee")])
            both = [dict.fromkeys(_CUDNN, value) for value in ("tf32", "ieee")]
            cudnn = _agreeing(lambda: torch.backends.cudnn.allow_tf32, both)
            return cls(_own_values(), matmul, cudnn)

    def write(self) -> None:
        """Set every switch to these values."""
        import torch

        with _unheard():
            torch.set_float32_matmul_precision(self.matmul)
            torch.backends.cudnn.allow_tf32 = self.cudnn
            for node, value in zip(_NODES, self.new, strict=False):
                _set(node, value)


def set_tf32(allowed: bool) -> None:
    """Let GPUs multiply float32 in TF32, or not. On the CPU float32 stays what it is."""
    import torch

    with _unheard():
        torch.backends.cudnn.allow_tf32 = allowed
        torch.set_float32_matmul_precision("high" if allowed else "highest")
        if has_new():
            for node in _NODES[len(_PARENTS) :]:
                _set(node, "tf32" if allowed and node[0] == "cuda" else "ieee")


def has_new() -> bool:
    """Whether this torch has `fp32_precision`."""
    import torch

    return hasattr(torch._C, "_get_fp32_precision_getter")


@contextmanager
def kept_precision() -> Iterator[None]:
    """Put the switches back after the block, to the letter."""
    before = PrecisionSwitches.read()
    try:
        yield
    finally:
        before.write()


# not by torch.backends: its `mkldnn.fp32_precision = ...` sets the parent of all (torch 2.9 to 2.14)
def _get(node: tuple[str, str]) -> str:
    import torch

    value: str = torch._C._get_fp32_precision_getter(*node)
    return value


def _set(node: tuple[str, str], value: str) -> None:
    import torch

    torch._C._set_fp32_precision_setter(*node, value)


def _own_values() -> tuple[str, ...]:
    """What is set at each node, not what it takes from its parents."""
    if not has_new():
        return ()
    found: list[str] = []
    try:
        for node in _NODES:
            found.append(_get(node))
            if node in _PARENTS:
                _set(node, _INHERIT)  # its children show their own value then
    finally:
        for node, value in zip(_PARENTS, found, strict=False):
            _set(node, value)
    return tuple(found)


def _agreeing(read: Callable[[], T], tries: list[dict[tuple[str, str], str]]) -> T:
    """`read()`; where it raises, with one of the tried values in place. They are put back."""
    try:
        return read()
    except RuntimeError as error:
        if not has_new():
            raise
        refused = error
    before = _own_values()
    try:
        for values in tries:
            for node, value in values.items():
                _set(node, value)
            try:
                return read()
            except RuntimeError as error:
                refused = error
        raise refused
    finally:
        for node, value in zip(_NODES, before, strict=True):
            _set(node, value)


@contextmanager
def _unheard() -> Iterator[None]:
    """torch warns of its old interface, which has to be kept in step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
