"""Camera-shake kernels: a seeded random path of nearly constant speed, drawn in whole numbers.

After the idea of Boracchi and Foi ("Modeling the performance of image restoration from motion blur", IEEE
TIP 2012): a particle with inertia is pushed at random, and now and then hard. Positions are multiples of
1/256 pixel, the path is spread over the four nearest taps and its centre of mass put on the centre tap.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from degradations.numerics.streams import Stream

_STEPS = 256  # of a path, and of a pixel
_JERK_EVERY = 48


def motion_path(size: int, index: int, length: float) -> NDArray[np.int64]:
    """The time spent at each tap, int64 (size, size), on the path with the seed `index`.

    `length` is the path's length in pixels, if nothing pushes it back.
    """
    stream = Stream("motion kernels", index)
    speed = round(length * _STEPS)
    return _splat(_centred(_walk(stream, speed)), size)


def _walk(stream: Stream, speed: int) -> list[tuple[int, int]]:
    """_STEPS positions in 1/256 pixel; velocities are in 1/256 of that, so that short paths move too."""
    velocity = _scaled(_push(stream, 4096), speed)
    inertia = stream.integer(16, 64)
    x = y = 0
    path = []
    for _ in range(_STEPS):
        path.append((x // _STEPS, y // _STEPS))
        strength = 2 * speed if stream.integer(1, _JERK_EVERY) == 1 else speed // inertia + 1
        push = _push(stream, strength)
        velocity = _scaled((velocity[0] + push[0], velocity[1] + push[1]), speed)
        x, y = x + velocity[0], y + velocity[1]
    return path


def _push(stream: Stream, strength: int) -> tuple[int, int]:
    """A random vector, each part the mean of four uniform draws."""
    first, second = (sum(stream.integer(-strength, strength) for _ in range(4)) // 2 for _ in range(2))
    return first, second


def _scaled(vector: tuple[int, int], length: int) -> tuple[int, int]:
    norm = max(1, math.isqrt(vector[0] ** 2 + vector[1] ** 2))
    return vector[0] * length // norm, vector[1] * length // norm


def _centred(path: list[tuple[int, int]]) -> list[tuple[int, int]]:
    mean_x = sum(x for x, _ in path) // len(path)
    mean_y = sum(y for _, y in path) // len(path)
    return [(x - mean_x, y - mean_y) for x, y in path]


def _splat(path: list[tuple[int, int]], size: int) -> NDArray[np.int64]:
    taps = np.zeros((size, size), np.int64)
    farthest = (size - 1) * _STEPS - 1
    for x, y in path:
        # a path that leaves the kernel waits at its edge
        column, right = divmod(min(max(x + size // 2 * _STEPS, 0), farthest), _STEPS)
        row, down = divmod(min(max(y + size // 2 * _STEPS, 0), farthest), _STEPS)
        for dy, wy in ((0, _STEPS - down), (1, down)):
            for dx, wx in ((0, _STEPS - right), (1, right)):
                taps[row + dy, column + dx] += wy * wx
    return taps
