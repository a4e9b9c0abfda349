"""Arithmetic and memory traffic of a piece of work: every operation that PyTorch runs is looked at once.

FLOP are those of torch.utils.flop_counter (a multiplication and an addition are two), with deformable
convolution added, which it does not know. Traffic is what an operation reads and writes if nothing is fused:
its tensors, once each. Views move nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

Formula = Callable[..., int]
_NOTHING = frozenset(
    {"_unsafe_view", "detach", "empty", "empty_like", "empty_strided", "new_empty", "lift_fresh"}
)
"""Operations that touch no element, though their schema does not say so."""


@dataclass(frozen=True)
class Operation:
    """One call: its name, FLOP, and elements of the tensors that it reads and writes."""

    name: str
    flop: int
    elements: int


@dataclass
class Work:
    """All operations of a piece of work; `flop` is what FlopCounterMode counted over the same calls."""

    operations: list[Operation] = field(default_factory=list)
    flop: int = 0

    def elements(self) -> int:
        return sum(operation.elements for operation in self.operations)


def deformable(x: Any, weight: Any, *rest: Any, out_shape: Any = None, **options: Any) -> int:
    """FLOP of torchvision's deform_conv2d: bilinear samples (7 each), then a convolution."""
    out_channels, in_channels, kernel_h, kernel_w = weight
    batch, _, height, width = out_shape
    samples = batch * x[1] * kernel_h * kernel_w * height * width
    return 7 * samples + 2 * batch * out_channels * in_channels * kernel_h * kernel_w * height * width


def formulas() -> dict[Any, Formula]:
    """Formulas that FlopCounterMode lacks, by operation."""
    import torchvision  # noqa: F401 - registers its operations

    own: dict[Any, Formula] = {torch.ops.torchvision.deform_conv2d: deformable}
    for_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    if for_cpu not in flop_registry:
        from torch.utils.flop_counter import sdpa_flop_count

        own[for_cpu] = lambda q, k, v, *rest, out_shape=None, **options: sdpa_flop_count(q, k, v)
    return own


class _Recorder(TorchDispatchMode):
    """Sees every operation below FlopCounterMode."""

    def __init__(self, work: Work, own: Mapping[Any, Formula]) -> None:
        super().__init__()
        self.work, self.own = work, own

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not _moves(func):
            return out
        flop = self._flop(func, args, kwargs or {}, out)
        tensors = [t for t in tree_leaves((args, kwargs, out)) if isinstance(t, torch.Tensor)]
        self.work.operations.append(Operation(str(func), flop, sum(t.numel() for t in tensors)))
        return out

    def _flop(self, func: Any, args: Any, kwargs: Any, out: Any) -> int:
        packet = func._overloadpacket
        if packet in self.own:
            first = out[0] if isinstance(out, tuple | list) else out
            shapes = [a.shape if isinstance(a, torch.Tensor) else a for a in args]
            return int(self.own[packet](*shapes, out_shape=first.shape))
        formula = flop_registry.get(packet)
        return int(formula(*args, **kwargs, out_val=out)) if formula else 0


def _moves(func: Any) -> bool:
    """Whether an operation touches memory: views, and questions about a tensor, do not."""
    returned = [r.alias_info for r in func._schema.returns]
    if func.namespace == "prim" or not returned or func._overloadpacket.__name__ in _NOTHING:
        return False
    return not any(alias is not None and not alias.is_write for alias in returned)


@contextmanager
def counted() -> Iterator[Work]:
    """Count what the block runs; the result is complete once the block has ended."""
    work = Work()
    own = formulas()
    with FlopCounterMode(display=False, custom_mapping=own) as counter, _Recorder(work, own):
        yield work
    work.flop = counter.get_total_flops()


@dataclass(frozen=True)
class Card:
    """A graphics card by its data sheet: dense FLOP/s, bytes/s, and seconds that starting a kernel takes."""

    name: str
    flops: float
    bandwidth: float
    launch: float = 4e-6


H200 = Card("NVIDIA H200 SXM, bfloat16", 989e12, 4.8e12)
"""989 TFLOP/s dense, 4.8 TB/s: NVIDIA's data sheet. 4 microseconds a launch: a usual figure, assumed."""


@dataclass(frozen=True)
class Roofline:
    """What a card needs at least, in seconds: every operation at the larger of its two bounds."""

    seconds: float
    arithmetic: float
    traffic: float
    launches: float

    @property
    def bound(self) -> str:
        """What bounds it: launches where starting kernels takes longer than their work."""
        if self.launches > self.seconds:
            return "launches"
        return "arithmetic" if self.arithmetic > self.traffic else "memory"


def roofline(work: Work, card: Card = H200, size: int = 2) -> Roofline:
    """The bound of this work on a card, with elements of so many bytes. `arithmetic` and `traffic` are the
    parts of the time in operations that are bound by one and by the other."""
    arithmetic = traffic = 0.0
    for operation in work.operations:
        computing, moving = operation.flop / card.flops, operation.elements * size / card.bandwidth
        if computing > moving:
            arithmetic += computing
        else:
            traffic += moving
    return Roofline(arithmetic + traffic, arithmetic, traffic, len(work.operations) * card.launch)


def convolution(batch: int, out_shape: tuple[int, ...], weight: tuple[int, ...]) -> int:
    """FLOP of a plain convolution, for checks by hand."""
    return 2 * batch * prod(out_shape) * prod(weight[1:])
