"""Identity in numbers: similarities of embeddings (T, D), frame to truth and frame to frame. numpy, float64.

A frame without a face has NaN in its row and gives NaN where it takes part; means leave NaN out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]


def unit(embeddings: ArrayLike) -> Values:
    """Rows divided by their L2 norm; a row of zeros becomes NaN (it has no direction)."""
    rows = np.asarray(embeddings, dtype=np.float64)
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.divide(rows, norm, out=np.full_like(rows, np.nan), where=norm > 0)


def cosine(a: ArrayLike, b: ArrayLike) -> Values:
    """Cosine similarity of rows, (T,): IDS of each frame."""
    return (unit(a) * unit(b)).sum(-1)


def distance(a: ArrayLike, b: ArrayLike) -> Values:
    """Euclidean distance of rows as they are, (T,): IDD of each frame."""
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return np.sqrt((difference * difference).sum(-1))


def neighbour_distances(embeddings: ArrayLike, normalize: bool = True) -> Values:
    """L2 distance of each frame's embedding to the one before, (T,); NaN for frame 0. VIDD is its mean
    (unit embeddings; FOS's code takes raw ones: normalize=False)."""
    rows = unit(embeddings) if normalize else np.asarray(embeddings, dtype=np.float64)
    distances = np.full(len(rows), np.nan)
    distances[1:] = np.linalg.norm(np.diff(rows, axis=0), axis=-1)
    return distances


def global_similarity(embeddings: ArrayLike) -> float:
    """Mean cosine similarity of all pairs of different frames. TG-ID (STIT) is the restored video's
    divided by the ground truth's."""
    rows = unit(embeddings)
    rows = rows[~np.isnan(rows).any(-1)]
    count = len(rows)
    if count < 2:
        return float("nan")
    total = rows.sum(0)
    # |sum|^2 holds every pair twice, and every frame with itself once
    return float(((total * total).sum() - (rows * rows).sum()) / (count * (count - 1)))


def _mean(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
