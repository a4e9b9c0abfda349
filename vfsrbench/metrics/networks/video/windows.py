"""Windows of a grid of tokens in time, rows and columns: how they are cut, shifted and told apart."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vfsrbench.runtime.device import OnDevice

Triple = tuple[int, int, int]


def fitted(size: Triple, window: Triple, shift: Triple) -> tuple[Triple, Triple]:
    """Window and shift on a grid of that size: along an axis that fits in one window nothing is shifted."""
    sides = [(n, 0) if n <= w else (w, s) for n, w, s in zip(size, window, shift, strict=True)]
    (a, b, c), (i, j, k) = zip(*sides, strict=True)
    return (a, b, c), (i, j, k)


def padded(size: Triple, window: Triple) -> Triple:
    """The size of a grid that is filled up to whole windows."""
    a, b, c = (-(-n // w) * w for n, w in zip(size, window, strict=True))
    return a, b, c


def cut(x: Tensor, window: Triple) -> Tensor:
    """(N, T, H, W, C) -> (N * windows, tokens of a window, C)."""
    count, time, height, width, channels = x.shape
    t, h, w = window
    x = x.reshape(count, time // t, t, height // h, h, width // w, w, channels)
    return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, t * h * w, channels)


def joined(windows: Tensor, window: Triple, size: Triple) -> Tensor:
    """The other way round: (N, T, H, W, C)."""
    (t, h, w), (time, height, width) = window, size
    parts = (time // t, height // h, width // w)
    x = windows.reshape(-1, *parts, t, h, w, windows.shape[-1])
    return x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, time, height, width, windows.shape[-1])


@lru_cache(maxsize=32)
def regions(size: Triple, window: Triple, shift: Triple) -> OnDevice:
    """By window and token, which part of the grid it comes from: a shifted window holds tokens of both ends
    of an axis, which do not attend to each other. (windows, tokens)."""
    found = np.zeros(size, np.int64)
    for axis, (n, w, s) in enumerate(zip(size, window, shift, strict=True)):
        at = np.arange(n)
        part = (at >= n - w).astype(np.int64) + (at >= n - s) if s else np.zeros(n, np.int64)
        found = 3 * found + part.reshape([-1 if i == axis else 1 for i in range(3)])
    return OnDevice(torch.from_numpy(_cut(found, window)))


@lru_cache(maxsize=32)
def fragments(size: Triple, window: Triple, shift: Triple) -> OnDevice:
    """By window and token, the row and column of the fragment that it lies in: the grid is cut into as many
    rows and columns of fragments as a window has of tokens. (windows, tokens, 2)."""
    (_, rows, columns), (_, height, width) = window, size
    down, across = np.arange(height) * rows // height, np.arange(width) * columns // width
    grids = (np.broadcast_to(part, size) for part in (down[:, None], across))
    rolled = (np.roll(grid, [-s for s in shift], (0, 1, 2)) for grid in grids)
    return OnDevice(torch.from_numpy(np.stack([_cut(grid, window) for grid in rolled], -1)))


def _cut(grid: NDArray[np.int64], window: Triple) -> NDArray[np.int64]:
    """(T, H, W) -> (windows, tokens of a window); numpy's, as no network waits for it."""
    (time, height, width), (t, h, w) = grid.shape, window
    parts = grid.reshape(time // t, t, height // h, h, width // w, w).transpose(0, 2, 4, 1, 3, 5)
    return np.ascontiguousarray(parts).reshape(-1, t * h * w)
