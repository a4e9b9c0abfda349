"""FFHQ alignment of a clip to 512x512, as KEEP's command line does it (jnjaby/KEEP, inference_keep.py).

Five points a frame (left eye, right eye, nose, left and right mouth corner); frames without a face filled
by linear interpolation over time; a temporal Gaussian of 5 frames over the WHOLE clip; a robust similarity
to the FFHQ template a frame; bilinear warping with a constant border. Nothing here depends on the OpenCV
release: see `similarity` and `warp`.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degradations.errors import InputError
from vfsrbench.faces.similarity import robust_similarity
from vfsrbench.faces.warp import warp_affine
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.safety.paths import check_pixels
from vfsrbench.io.safety.text import read_json

__all__ = [
    "BORDER_RGB",
    "FFHQ_512",
    "Alignment",
    "align_clip_landmarks",
    "fill_missing",
    "similarity_from_points",
    "smooth_over_time",
    "warp_affine",
]

FFHQ_SIZE = 512
FFHQ_512 = np.array(
    [
        (192.98138, 239.94708),
        (318.90277, 240.1936),
        (256.63416, 314.01935),
        (201.26117, 371.41043),
        (313.08905, 371.15118),
    ]
)
# the official tools give (135, 133, 132) to OpenCV, whose order is blue, green, red
BORDER_RGB = (132, 133, 135)
SMOOTHING_SIGMA = 5.0
_FORMAT = 1


def similarity_from_points(points: ArrayLike, template: ArrayLike = FFHQ_512) -> NDArray[np.float64]:
    """The matrices (..., 2, 3) that carry five landmarks (..., 5, 2) to the template (5, 2); pixels."""
    return robust_similarity(points, template)


@dataclass(frozen=True)
class Alignment:
    """Where the face of every frame of a clip goes.

    matrices: (T, 2, 3), source pixel -> aligned pixel. landmarks: (T, 5, 2) source pixels, filled and
    smoothed, that the matrices come from. found: (T,), False where no face was found and the points are
    interpolated. size: aligned (height, width). source_size: (height, width) of the frames the landmarks
    were found in. sigma: of the temporal Gaussian in frames, 0 = none. untrained: the finder's weights were
    random, so the places mean nothing. finder: what found the points (retinaface, dlib).
    """

    matrices: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    found: NDArray[np.bool_]
    size: tuple[int, int]
    source_size: tuple[int, int] | None
    sigma: float
    untrained: bool = False
    finder: str = ""

    def apply(self, frames: NDArray[np.uint8], start: int = 0) -> NDArray[np.uint8]:
        """Frames `start`, `start` + 1, ... of the clip, (n, H, W, 3) uint8 RGB, aligned to `size`."""
        count = len(frames)
        if start < 0 or start + count > len(self.matrices):
            raise InputError(
                f"frames {start} to {start + count - 1} asked for, "
                f"but the alignment has {len(self.matrices)} frames"
            )
        if self.source_size is not None and tuple(frames.shape[1:3]) != self.source_size:
            raise InputError(
                f"frames are {frames.shape[2]}x{frames.shape[1]} pixels, but the landmarks were found at "
                f"{self.source_size[1]}x{self.source_size[0]}"
            )
        return warp_affine(frames, self.matrices[start : start + count], self.size, BORDER_RGB)

    def save(self, path: str | os.PathLike[str]) -> None:
        """One JSON file; numbers are written so that `load` gives the same bits."""
        text = json.dumps(
            {
                "format": _FORMAT,
                "size": list(self.size),
                "source_size": None if self.source_size is None else list(self.source_size),
                "sigma": self.sigma,
                "untrained": self.untrained,
                "finder": self.finder,
                "border_rgb": list(BORDER_RGB),
                "found": self.found.tolist(),
                "landmarks": self.landmarks.tolist(),
                "matrices": self.matrices.tolist(),
            }
        )
        with atomic_file(Path(path)) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Alignment:
        """What `save` wrote. Raises InputError when the file is missing or is something else."""
        data = read_json(path, "alignment file")
        if not isinstance(data, dict) or data.get("format") != _FORMAT:
            raise InputError(f"{path} is not an alignment file of format {_FORMAT}; align the clip again")
        try:
            matrices = np.array(data["matrices"], dtype=np.float64).reshape(-1, 2, 3)
            landmarks = np.array(data["landmarks"], dtype=np.float64).reshape(len(matrices), 5, 2)
            found = np.array(data["found"], dtype=bool).reshape(len(matrices))
            height, width = map(int, data["size"])
            source = None if data["source_size"] is None else tuple(map(int, data["source_size"]))
            sigma, untrained = float(data["sigma"]), bool(data.get("untrained", False))
            source_size = None if source is None else (source[0], source[1])
            finder = str(data.get("finder", ""))
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{path} is not a complete alignment file: {error}") from error
        check_pixels(path, width, height)
        if not np.isfinite([*matrices.flat, *landmarks.flat, sigma]).all():
            raise InputError(f"{path} is not a complete alignment file: not all of its numbers are finite")
        return cls(matrices, landmarks, found, (height, width), source_size, sigma, untrained, finder)


def align_clip_landmarks(
    landmarks: ArrayLike,
    sigma: float = SMOOTHING_SIGMA,
    source_size: tuple[int, int] | None = None,
) -> Alignment:
    """The alignment of a whole clip from its detections.

    landmarks: (T, 5, 2) pixels, NaN where no face was found. sigma: of the temporal Gaussian in frames,
    0 switches it off. Raises InputError when no frame has a face.
    """
    raw = np.asarray(landmarks, dtype=np.float64)
    if raw.ndim != 3 or raw.shape[1:] != (5, 2) or len(raw) == 0:
        raise InputError(f"a clip's landmarks must be (T, 5, 2) pixels, got shape {raw.shape}")
    found = np.asarray(np.isfinite(raw).all((1, 2)))
    points = smooth_over_time(fill_missing(raw), sigma)
    matrices = similarity_from_points(points)
    return Alignment(matrices, points, found, (FFHQ_SIZE, FFHQ_SIZE), source_size, float(sigma))


def fill_missing(landmarks: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, K, 2) with NaN frames -> the same, each coordinate interpolated linearly over the frame number;
    before the first and after the last known frame the nearest one is kept."""
    flat = landmarks.reshape(len(landmarks), -1)
    times = np.arange(len(flat))
    filled = np.empty_like(flat)
    for column in range(flat.shape[1]):
        known = np.isfinite(flat[:, column])
        if not known.any():
            raise InputError(
                f"no face was found in any of the clip's {len(flat)} frames, so it cannot be aligned"
            )
        filled[:, column] = np.interp(times, times[known], flat[known, column])
    return filled.reshape(landmarks.shape)


def smooth_over_time(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Gaussian smoothing along the first axis, mirrored at the ends (each end frame counted twice), cut off
    at 4 sigma: what scipy.ndimage.gaussian_filter1d does by default. sigma in frames, 0 = unchanged."""
    if sigma < 0:
        raise InputError(f"the smoothing sigma must be 0 or more frames, got {sigma}")
    if sigma == 0:
        return values.copy()
    radius = int(4 * sigma + 0.5)
    # math.exp, not numpy's, which has other last bits on other processors
    kernel = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-radius, radius + 1)]
    total = math.fsum(kernel)
    padding = [(radius, radius)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, padding, mode="symmetric")
    smoothed = np.zeros_like(values)
    for first, weight in enumerate(kernel):
        smoothed += weight / total * padded[first : first + len(values)]
    return smoothed
