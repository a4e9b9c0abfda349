"""Distances between sets of feature vectors: Frechet (FID, FVD) and kernel (KID). numpy, float64.

Sets are arrays (n, d), a row a sample. What the rows are (Inception features of frames, I3D logits of
16-frame windows) is up to the caller, and so is reporting how many there were: all of these distances
depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degradations.errors import InputError
from vfsrbench.runtime.threads import torch_threads

Matrix = NDArray[np.float64]
_ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Gaussian:
    """Mean (d,) and unbiased covariance (d, d) of a set of features."""

    mean: Matrix
    covariance: Matrix


def gaussian_of(features: ArrayLike) -> Gaussian:
    """Of a set (n, d), n >= 2. Raises InputError for fewer samples or values that are not finite."""
    rows = _checked(features, least=2)
    centred = rows - rows.mean(0)
    return Gaussian(rows.mean(0), _product(centred.T, centred) / (len(rows) - 1))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """|mean difference|^2 + tr(A) + tr(B) - 2 tr((A B)^1/2), by symmetric eigendecompositions.

    tr((A B)^1/2) is the sum of the roots of the eigenvalues of A^1/2 B A^1/2, which is symmetric and
    positive semi-definite: nothing complex can appear, however few the samples. Rounding can leave the
    result a little below 0.
    """
    root = _root(a.covariance)
    product = _product(_product(root, b.covariance), root)
    eigenvalues, _ = _eigen((product + product.T) / 2)
    shared = np.sqrt(np.clip(eigenvalues, 0, None)).sum()
    difference = a.mean - b.mean
    return float(_squared(difference) + np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared)


def frechet_of_features(a: ArrayLike, b: ArrayLike) -> float:
    """FID of two sets of Inception features, FVD of two sets of I3D logits: at least 2 samples each.

    With fewer samples than dimensions the covariances are singular, and roots of eigenvalues that are zero
    but for rounding add up. Then tr((A B)^1/2) is taken from the samples: with centred rows X and Y, its
    eigenvalues are the squared singular values of X Y^T / ((n - 1)(m - 1))^1/2, a matrix of n by m. The error
    is below 1e-13 of the traces, where that of the covariances' form is up to 1e-7.
    """
    rows_a, rows_b = _checked(a, least=2), _checked(b, least=2)
    _same_width(rows_a, rows_b)
    if max(len(rows_a), len(rows_b)) > rows_a.shape[1]:
        return frechet_distance(gaussian_of(rows_a), gaussian_of(rows_b))
    mean_a, mean_b = rows_a.mean(0), rows_b.mean(0)
    x, y = ((rows - mean) / np.sqrt(len(rows) - 1) for rows, mean in ((rows_a, mean_a), (rows_b, mean_b)))
    shared = _singular_values(_product(x, y.T)).sum()
    return float(_squared(mean_a - mean_b) + (x * x).sum() + (y * y).sum() - 2 * shared)


def squared_mean_distance(a: ArrayLike, b: ArrayLike) -> float:
    """|mean(a) - mean(b)|^2: what published FVD code returns when a set holds a single clip (BFVR-STC's
    "FVD" is the mean of these). Not a Frechet distance; for legacy columns only."""
    difference = _checked(a).mean(0) - _checked(b).mean(0)
    return _squared(difference)


def kid(a: ArrayLike, b: ArrayLike) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3, over all samples (Binkowski
    et al., ICLR 2018). Times 1000 in tables. May be negative. At least 2 samples each."""
    return _Blocks([_checked(a, least=2)], [_checked(b, least=2)]).estimate()


def kid_interval(
    a: Sequence[ArrayLike], b: Sequence[ArrayLike], rounds: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """A bootstrap interval of `kid` over clips: percentiles over `rounds` draws of clips with replacement.

    a and b: the features of each clip, (frames, d), the same clips in both, drawn together. A clip that is
    drawn w times counts w times, but a frame is never compared with itself, as in the estimate.
    """
    if len(a) != len(b) or len(a) < 2:
        raise InputError(
            f"a bootstrap needs the same clips on both sides, 2 or more; got {len(a)} and {len(b)}"
        )
    blocks = _Blocks([_checked(clip) for clip in a], [_checked(clip) for clip in b])
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(a)]))
    counts = rng.multinomial(len(a), np.full(len(a), 1 / len(a)), size=rounds)
    values = [blocks.estimate(weights.astype(np.float64)) for weights in counts]
    low, high = np.quantile([v for v in values if np.isfinite(v)], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


class _Blocks:
    """Sums of the kernel over every pair of clips, from which any weighting of clips is a small product."""

    def __init__(self, a: Sequence[Matrix], b: Sequence[Matrix]) -> None:
        self.sizes_a, self.sizes_b = (np.array([len(c) for c in side], np.float64) for side in (a, b))
        rows_a, rows_b = np.concatenate(a), np.concatenate(b)
        _same_width(rows_a, rows_b)
        starts_a, starts_b = (np.cumsum([0, *map(len, side[:-1])]) for side in (a, b))
        self.aa = _kernel_sums(rows_a, rows_a, starts_a, starts_a) - _self_sums(rows_a, starts_a)
        self.bb = _kernel_sums(rows_b, rows_b, starts_b, starts_b) - _self_sums(rows_b, starts_b)
        self.ab = _kernel_sums(rows_a, rows_b, starts_a, starts_b)

    def estimate(self, weights: Matrix | None = None) -> float:
        """`kid` with clip c counted weights[c] times (default once)."""
        wa = np.ones(len(self.sizes_a)) if weights is None else weights
        wb = np.ones(len(self.sizes_b)) if weights is None else weights
        pairs_a = np.outer(self.sizes_a, self.sizes_a) - np.diag(self.sizes_a)
        pairs_b = np.outer(self.sizes_b, self.sizes_b) - np.diag(self.sizes_b)
        within_a, within_b = _form(wa, pairs_a, wa), _form(wb, pairs_b, wb)
        if within_a == 0 or within_b == 0:
            return float("nan")
        across = (wa * self.sizes_a).sum() * (wb * self.sizes_b).sum()
        same = _form(wa, self.aa, wa) / within_a + _form(wb, self.bb, wb) / within_b
        return float(same - 2 * _form(wa, self.ab, wb) / across)


def _kernel(dot: Matrix, width: int) -> Matrix:
    """The cubic kernel of scalar products of vectors with `width` numbers."""
    base = dot / width + 1
    return base * base * base


def _kernel_sums(x: Matrix, y: Matrix, starts_x: NDArray, starts_y: NDArray) -> Matrix:
    """Sums over blocks of rows and columns; memory grows with the number of samples, not its square."""
    by_row = np.concatenate(
        [
            np.add.reduceat(_kernel(_product(x[i : i + _ROWS_AT_ONCE], y.T), x.shape[1]), starts_y, axis=1)
            for i in range(0, len(x), _ROWS_AT_ONCE)
        ]
    )
    return np.add.reduceat(by_row, starts_x, axis=0)


def _self_sums(x: Matrix, starts: NDArray) -> Matrix:
    own = _kernel(np.einsum("nd,nd->n", x, x), x.shape[1])
    return np.diag(np.add.reduceat(own, starts))


def _root(covariance: Matrix) -> Matrix:
    values, vectors = _eigen(covariance)
    return _product(vectors * np.sqrt(np.clip(values, 0, None)), vectors.T)


# BLAS and LAPACK cut long sums among their threads; torch's can be told to use one, numpy's cannot


def _product(a: Matrix, b: Matrix) -> Matrix:
    """a @ b, the same to the last digit with any number of threads."""
    import torch

    with torch_threads(1):
        return (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()


def _eigen(symmetric: Matrix) -> tuple[Matrix, Matrix]:
    """Eigenvalues and eigenvectors of a symmetric matrix, likewise."""
    import torch

    with torch_threads(1):
        values, vectors = torch.linalg.eigh(torch.from_numpy(symmetric))
    return values.numpy(), vectors.numpy()


def _singular_values(matrix: Matrix) -> Matrix:
    """Likewise."""
    import torch

    with torch_threads(1):
        return torch.linalg.svdvals(torch.from_numpy(matrix)).numpy()


def _squared(vector: Matrix) -> float:
    """The squared length, summed by numpy itself."""
    return float((vector * vector).sum())


def _form(a: Matrix, matrix: Matrix, b: Matrix) -> float:
    """a^T matrix b, summed by numpy itself."""
    return float((np.outer(a, b) * matrix).sum())


def _same_width(a: Matrix, b: Matrix) -> None:
    if a.shape[1] != b.shape[1]:
        raise InputError(f"features of {a.shape[1]} and {b.shape[1]} numbers cannot be compared")


def _checked(features: ArrayLike, least: int = 1) -> Matrix:
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < least:
        raise InputError(f"features must be (n, d) with at least {least} samples, got shape {rows.shape}")
    if not np.isfinite(rows).all():
        raise InputError("features must be finite numbers")
    return rows
