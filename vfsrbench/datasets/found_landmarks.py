"""Landmarks of clips that are aligned and come without any: found on the ground truth once, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vfsrbench.board import FinderName
from vfsrbench.errors import InputError
from vfsrbench.faces.align_clips import FindLandmarks, batches, enlarged
from vfsrbench.faces.ffhq_align import SMOOTHING_SIGMA, fill_missing, smooth_over_time
from vfsrbench.faces.finding.choice import Finder, finder_weights, why_no_finder
from vfsrbench.hashing.code import module_digest
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Cache

Landmarks = NDArray[np.float64]
_KEY = "found-landmarks"


@dataclass(frozen=True)
class FoundBy:
    """What finds the landmarks.

    Attributes:
        name: The finder's.
        digest: Of all that the points depend on beside the frames.
        weights: Checkpoint name -> SHA-256.
        accepted: Checkpoint name -> date on which its licence was accepted.
        untrained: Its weights are random: nothing that is aligned by it means anything.
        missing: Why it cannot be used; empty if it can.
    """

    name: str
    digest: str = ""
    weights: Mapping[str, str] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)
    untrained: bool = False
    missing: str = ""

    @classmethod
    def of(cls, finder: Finder, wanted: FinderName) -> FoundBy:
        """The facts of a finder with the weights that are here. `wanted`: the choice that it came from."""
        weights = finder_weights(finder)
        code = module_digest("vfsrbench.faces.face_tools", "vfsrbench.datasets.found_landmarks")
        digest = digest_of("finder", {"name": finder, "weights": weights.hashes, "code": code})
        missing = why_no_finder(wanted)
        return cls(finder, digest, weights.hashes, weights.accepted, weights.untrained, missing)


def found_landmarks(
    clip: Clip, cache: Cache, load: Callable[[], FindLandmarks], on_progress: Callable[[int], None]
) -> Landmarks:
    """The five points of every frame, (T, 5, 2) pixels of the clip, NaN where no face was found.

    Args:
        clip: The ground truth.
        cache: Keeps what belongs to this clip and finder.
        load: Loads the finder, if nothing is kept.
        on_progress: Called with the number of frames done.
    """
    kept = kept_landmarks(cache)
    if kept is not None and len(kept) == len(clip):
        return kept
    find, source = load(), enlarged(clip)
    found = np.concatenate([_seen(find, frames, first, on_progress) for first, frames in batches(source)])
    factor = min(source.height, source.width) / min(clip.height, clip.width)
    points: Landmarks = (found + 0.5) / factor - 0.5  # pixels' centres, as OpenCV enlarges
    cache.put(_KEY, {"points": points})
    return points


def kept_landmarks(cache: Cache) -> Landmarks | None:
    """The points that an earlier run found; None if none did."""
    found = cache.get(_KEY)
    return None if found is None else found["points"]


def steadied(landmarks: Landmarks, name: str) -> Landmarks:
    """The points that a clip is aligned by, as `vfsrbench align` makes them: missing ones are interpolated,
    and all are smoothed over the clip.

    Args:
        landmarks: (T, 5, 2), NaN where no face was found.
        name: The clip's.

    Raises:
        InputError: No frame has a face.
    """
    try:
        return smooth_over_time(fill_missing(landmarks), SMOOTHING_SIGMA)
    except InputError as error:
        raise InputError(f"clip {name!r}: {error}; leave it out of the board, or set align = false") from None


def _seen(
    find: FindLandmarks, frames: NDArray[np.uint8], first: int, on_progress: Callable[[int], None]
) -> Landmarks:
    points = find(frames)
    on_progress(first + len(frames))
    return points
