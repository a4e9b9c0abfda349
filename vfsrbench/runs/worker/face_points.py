"""Where the face is on a clip's ground truth: as its landmarks say, or what metrics found on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import DamagedFile
from vfsrbench.io.safety.array_cache import ArrayCache
from vfsrbench.io.safety.sealed import read_arrays
from vfsrbench.metric import TruthInfo

Points = NDArray[np.float64]
_FOUND = "points-*.npz"
_SHAPES = ((5, 2), (68, 2))


def face_points(info: TruthInfo, cache: ArrayCache) -> Points | None:
    """Landmarks of the ground truth in its pixels, (T, 5, 2) or (T, 68, 2); None where nobody knows them.

    Those that came with the clip (or were found to align it), else those that a metric found on any of its
    frames, five rather than 68.

    Args:
        info: Of the ground truth.
        cache: The ground truth's, in which metrics keep what they find.
    """
    if info.landmarks is not None:
        return info.landmarks
    found: dict[tuple[int, ...], list[Points]] = {shape: [] for shape in _SHAPES}
    for path in sorted(cache.folder.glob(_FOUND)):
        try:
            values = read_arrays(path).get("values")
        except (DamagedFile, FileNotFoundError):
            continue
        if values is not None and values.shape[1:] in found:
            found[values.shape[1:]].append(values)
    return next((np.concatenate(parts) for parts in found.values() if parts), None)
