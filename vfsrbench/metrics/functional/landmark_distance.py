"""Distances between two sets of landmarks, (..., K, 2) pixels: the variants that papers call AKD or LMD.

    mean_l2               VQFR's and FOS's landmark distance; this benchmark's akd
    mean_relative_l2      the same in parts of the picture's width and height, as BFVR-STC's script has it
    mean_abs_coordinate   Siarohin's pose evaluation (Monkey-Net, FOMM): mean over points and coordinates
    mean_squared_l2       an early version of the same script

A face without landmarks (NaN) gives NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]


def mean_l2(a: ArrayLike, b: ArrayLike) -> Values:
    """Mean Euclidean distance over the points, (...)."""
    return np.sqrt(_squared(a, b)).mean(-1)


def mean_relative_l2(a: ArrayLike, b: ArrayLike, height: int, width: int) -> Values:
    """`mean_l2` with x in widths and y in heights of the picture, (...)."""
    sides = np.array([width, height], np.float64)
    return mean_l2(np.asarray(a, np.float64) / sides, np.asarray(b, np.float64) / sides)


def mean_abs_coordinate(a: ArrayLike, b: ArrayLike) -> Values:
    """Mean absolute difference over points and coordinates, (...)."""
    return np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).mean((-2, -1))


def mean_squared_l2(a: ArrayLike, b: ArrayLike) -> Values:
    """Mean squared Euclidean distance over the points, (...)."""
    return _squared(a, b).mean(-1)


def _squared(a: ArrayLike, b: ArrayLike) -> Values:
    difference = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    return (difference * difference).sum(-1)
