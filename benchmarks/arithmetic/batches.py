"""Whether FAN and RAFT are bound by launches with the batches that scoring gives them on a card.

A network starts as many operations for one picture as for sixteen. Their number is counted without values,
and so is what a picture takes; the batch is what `rows_that_fit` allows on a card of that memory, and at most
a window's pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.arithmetic.counting import Card, Operation, Roofline, Work, counted, roofline
from vfsrbench.faces.networks.fan import FAN2D4, AwingFAN
from vfsrbench.faces.networks.fan_decode import FAN_INPUT
from vfsrbench.metrics.estimators import dense_landmarks, raft
from vfsrbench.runtime.network import most_rows
from vfsrbench.scoring.scorer import WINDOW

SIDE = 512
Call = Callable[[nn.Module, Tensor], object]


@dataclass(frozen=True)
class Network:
    """A metric's network, what one picture (or pair) of a batch is, and what our rule says that it takes."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    bytes_a_row: int
    least: int
    call: Call = lambda network, x: network(x)


NETWORKS = (
    Network(
        "FAN, 68 points",
        FAN2D4,
        (3, FAN_INPUT, FAN_INPUT),
        dense_landmarks.BYTES,
        dense_landmarks.BATCH,
    ),
    Network(
        "FAN, 98 points",
        AwingFAN,
        (3, FAN_INPUT, FAN_INPUT),
        dense_landmarks.BYTES,
        dense_landmarks.BATCH,
    ),
    Network(
        "RAFT, pairs of 512x512",
        raft.untrained_raft,
        (2, 3, SIDE, SIDE),
        raft.BYTES * SIDE * SIDE,
        raft.BATCH,
        raft.found_flow,
    ),
)


@dataclass(frozen=True)
class Memory:
    """A card's memory, and what its data sheet says of either arithmetic: float32 for `strict`, dense
    bfloat16 for `fast`."""

    name: str
    gigabytes: int
    strict: Card
    fast: Card


def _memory(name: str, gigabytes: int, strict: float, fast: float, bandwidth: float) -> Memory:
    return Memory(name, gigabytes, Card(name, strict, bandwidth), Card(name, fast, bandwidth))


CARDS = (
    _memory("RTX A4000", 16, 19.2e12, 76.7e12, 448e9),
    _memory("A100 SXM", 80, 19.5e12, 312e12, 2.039e12),
    _memory("H200 SXM", 141, 67e12, 989e12, 4.8e12),
)
"""By NVIDIA's data sheets, without sparsity."""


@cache
def counted_batch(network: Network, rows: int) -> Work:
    """What a network does for a batch, counted on tensors without values."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        net = network.make().eval()
        with counted() as work:
            network.call(net, torch.empty(rows, *network.shape))
    return work


def scaled(work: Work, factor: float) -> Work:
    """The same operations with so many times the rows; weights, a small part of what moves, grow, too."""
    parts = [Operation(o.name, int(o.flop * factor), int(o.elements * factor)) for o in work.operations]
    return Work(parts, int(work.flop * factor))


def batch_on(network: Network, card: Memory) -> int:
    """How many pictures or pairs a call gets on this card, of a window's."""
    return min(WINDOW, most_rows(card.gigabytes * 10**9, network.bytes_a_row, network.least))


def bounds(network: Network, card: Memory) -> tuple[int, Roofline, Roofline]:
    """The batch, and its roofline in `strict` and in `fast`."""
    rows = batch_on(network, card)
    work = scaled(counted_batch(network, WINDOW), rows / WINDOW)
    return rows, roofline(work, card.strict, size=4), roofline(work, card.fast, size=2)


def rows(network: Network) -> list[list[str]]:
    """The table's cells, a row a card."""
    found = []
    for card in CARDS:
        batch, strict, fast = bounds(network, card)
        cells = [network.name, f"{card.name}, {card.gigabytes} GB", str(batch)]
        cells += [str(len(counted_batch(network, WINDOW).operations)), f"{1e3 * fast.launches:.1f}"]
        cells += [text for one in (strict, fast) for text in (f"{1e3 * one.seconds:.1f}", one.bound)]
        found.append(cells)
    return found
