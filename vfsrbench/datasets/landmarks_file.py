"""The five landmarks of every frame of a clip, from the text file that came with the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradations.reading.limits import MOST_SIDE
from vfsrbench.errors import InputError, counted
from vfsrbench.faces.pair_align import read_landmarks_file
from vfsrbench.io.clip import Clip
from vfsrbench.io.names import frame_key
from vfsrbench.io.safety.text import read_lines


def clip_landmarks(path: Path, gt: Clip) -> NDArray[np.float64]:
    """(T, 5, 2) landmarks in pixels of the ground truth; NaN for frames that the file does not name.

    Lines name their frame (see `read_landmarks_file`), or every line is ten numbers and there is one a
    frame (DicFace's test set). InputError when the file belongs to another clip.
    """
    bare = _ten_numbers_a_line(path)
    if bare is not None:
        if len(bare) != len(gt):
            raise InputError(
                f"{path}: has {counted(len(bare), 'line')}, clip {gt.name!r} has {counted(len(gt), 'frame')}"
            )
        return bare
    table = {frame_key(Path(name).stem): points for name, points in read_landmarks_file(path).items()}
    rows = [table.get(frame_key(name)) for name in gt.frame_names]
    if all(row is None for row in rows):
        raise InputError(
            f"{path}: names none of the frames of clip {gt.name!r} (such as {gt.frame_names[0]!r})"
        )
    return np.stack([np.full((5, 2), np.nan) if row is None else row for row in rows])


def _ten_numbers_a_line(path: Path) -> NDArray[np.float64] | None:
    """All lines as (T, 5, 2) when each is ten finite numbers; None for any other file."""
    rows = [line.replace(",", " ").split() for line in read_lines(path, "landmarks file")]
    try:
        values = np.array([[float(field) for field in row] for row in rows if row])
    except ValueError:
        return None
    if values.ndim != 2 or values.shape[1] != 10:
        return None
    if not (np.abs(values) <= MOST_SIDE).all():  # neither are NaN and infinity
        raise InputError(f"{path}: its landmarks are not finite, or beyond {MOST_SIDE} pixels")
    return values.reshape(-1, 5, 2)
