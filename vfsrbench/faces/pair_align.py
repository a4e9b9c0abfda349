"""Alignment after degradation, as KEEP's evaluation does it (vfhq_dataset.py of jnjaby/KEEP, need_align).

The landmarks of the ground truth (one text file a clip, beside the data) align both clips: the ground truth
at 512x512, the degraded clip at its own scale with scaled landmarks and template. A frame's landmarks are
found by the frame's name, never by its position in a window (KEEP's training code has that bug).
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degradations.errors import InputError
from degradations.reading.limits import MOST_SIDE
from vfsrbench.faces.ffhq_align import FFHQ_512, FFHQ_SIZE, similarity_from_points
from vfsrbench.io.safety.text import read_lines


def read_landmarks_file(path: str | os.PathLike[str]) -> dict[str, NDArray[np.float64]]:
    """meta_info/<clip>.txt: frame file name -> five points (5, 2), pixels of the ground truth.

    A frame's line is its file name, then x1 y1 ... x5 y5 (left eye, right eye, nose, left mouth corner,
    right mouth corner); other lines are headings. Raises InputError for a line that begins like a frame's
    ("0") but has another form (with its number), a frame named twice, or a file without frames.
    """
    lines = read_lines(path, "landmarks file")
    found: dict[str, NDArray[np.float64]] = {}
    for number, line in enumerate(lines, start=1):
        name, *fields = line.replace(",", " ").split() or [""]
        if not name.startswith("0") and len(fields) != 10:
            continue
        try:
            points = np.array([float(field) for field in fields]).reshape(5, 2)
        except ValueError as error:
            raise InputError(
                f"{path}, line {number}: expected a frame name and 10 numbers, got {line!r}"
            ) from error
        if not (np.abs(points) <= MOST_SIDE).all():  # neither are NaN and infinity
            raise InputError(
                f"{path}, line {number}: the landmarks of {name} are not finite, or beyond {MOST_SIDE} pixels"
            )
        if name in found:
            raise InputError(f"{path}, line {number}: frame {name} is listed twice")
        found[name] = points
    if not found:
        raise InputError(f"{path} holds no landmarks: expected lines of a frame name and 10 numbers")
    return found


def pair_transforms(
    landmarks: ArrayLike, gt_size: tuple[int, int], lq_size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, int]]:
    """The matrices of a pair of clips: ground truth's (T, 2, 3), degraded clip's (T, 2, 3), and the size
    (height, width) of the aligned degraded clip. Sizes are (height, width); landmarks (T, 5, 2) lie in the
    ground truth. Raises InputError when the two sizes are not in one ratio that keeps 512 whole."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim != 3 or points.shape[1:] != (5, 2):
        raise InputError(f"a clip's landmarks must be (T, 5, 2) pixels, got shape {points.shape}")
    side = FFHQ_SIZE * lq_size[0] / gt_size[0]
    if lq_size[0] * gt_size[1] != lq_size[1] * gt_size[0] or side != int(side):
        raise InputError(
            f"degraded frames of {lq_size[1]}x{lq_size[0]} pixels and ground truth of "
            f"{gt_size[1]}x{gt_size[0]} are not in one ratio that keeps 512 whole; alignment needs that"
        )
    scale = lq_size[0] / gt_size[0]
    gt = similarity_from_points(points, FFHQ_512)
    lq = similarity_from_points(points * scale, FFHQ_512 * scale)
    return gt, lq, (int(side), int(side))
