"""The pair that a job compares: ground truth and degraded clip, aligned to the face template if asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.datasets.dataset import DatasetClip
from vfsrbench.datasets.found_landmarks import FoundBy, steadied
from vfsrbench.errors import InputError
from vfsrbench.hashing.code import module_digest
from vfsrbench.hashing.facts import array_digest, digest_of
from vfsrbench.io.clip import Clip
from vfsrbench.io.upscaled import upscaled_digest
from vfsrbench.metric import Cache, TruthInfo

ALIGNED_SIDE = 512


@dataclass(frozen=True)
class GtFacts:
    """What the key of a score says of the ground truth. `digest` names its frames as they are compared,
    `height` and `width` are theirs. Without `reference` there is none: they are the enlarged input's.
    `landmarks` is a digest of those that came with the clip; where it is aligned by found ones, `found_by`
    says what finds them, and the digest is its."""

    digest: str
    height: int
    width: int
    aligned: bool
    landmarks: str
    exact_flow: bool
    reference: bool = True
    found_by: FoundBy | None = None

    @property
    def finder(self) -> str:
        """The name of what finds the landmarks that the clip is aligned by; empty if they came with it."""
        return "" if self.found_by is None else self.found_by.name

    def for_key(self) -> dict[str, Any]:
        """What a key is made from. Keys of clips with ground truth do not say that they have one, and what
        found landmarks is in their digest."""
        facts = asdict(self)
        del facts["found_by"]
        if self.reference:
            del facts["reference"]
        return facts


def gt_frames_digest(clip: DatasetClip, digest_of_frames: Callable[[Clip], str]) -> str:
    """The digest of a clip's ground truth, or of what stands in its place: upscaled frames go by those that
    they are made from."""
    if clip.reference:
        return digest_of_frames(clip.gt_or_upscaled)
    (given,) = clip.lq.values()
    return upscaled_digest(digest_of_frames(given), clip.gt_or_upscaled.height // given.height)


def gt_facts(clip: DatasetClip, digest: str, align: bool, finder: FoundBy | None = None) -> GtFacts:
    """The facts, from the digest of the frames themselves (`gt_frames_digest`).

    Raises:
        InputError: The clip has to be aligned, and its landmarks are incomplete, or cannot be found.
    """
    target = clip.gt_or_upscaled
    landmarks = "" if clip.landmarks is None else array_digest(clip.landmarks)
    if not align:
        flow = clip.exact_flow is not None
        return GtFacts(digest, target.height, target.width, False, landmarks, flow, reference=clip.reference)
    _check_alignable(clip, finder)
    found_by = finder if clip.landmarks is None else None
    landmarks = found_by.digest if found_by is not None else landmarks
    code = module_digest(
        "vfsrbench.faces.pair_align", alone=("vfsrbench.datasets.reference", "vfsrbench.io.mapped")
    )
    digest = digest_of("aligned", {"gt": digest, "landmarks": landmarks, "code": code})
    return GtFacts(digest, ALIGNED_SIDE, ALIGNED_SIDE, True, landmarks, False, found_by=found_by)


def _check_alignable(clip: DatasetClip, finder: FoundBy | None) -> None:
    """InputError when the landmarks that a clip is to be aligned by are incomplete, or cannot be found."""
    if not clip.reference:
        raise InputError(
            f"clip {clip.name!r} has no ground truth, so a board cannot align it: run `vfsrbench align` on "
            "the clips and take what it writes, or set align = false"
        )
    if clip.landmarks is None:
        if finder is None or finder.missing:
            why = finder.missing if finder is not None else "nothing is here that finds it"
            raise InputError(
                f"clip {clip.name!r} comes without landmarks, and its face has to be found before it can be "
                f"aligned: {why}; or set align = false"
            )
        return
    bare = int(np.isnan(clip.landmarks).any(axis=(1, 2)).sum())
    if bare:
        raise InputError(
            f"clip {clip.name!r}: {bare} of {len(clip.landmarks)} frames have no landmarks, so it cannot be "
            "aligned; complete its landmarks file or set align = false"
        )


def gt_side(clip: DatasetClip, facts: GtFacts, cache: Cache | None = None) -> tuple[Clip, TruthInfo]:
    """The ground truth (or what stands in its place) as it is compared, and what metrics may know of it."""
    truth, landmarks = clip.gt_or_upscaled, clip.landmarks
    if facts.aligned:
        assert landmarks is not None
        truth, landmarks = _aligned_gt(truth, landmarks, _aligned_by(clip, facts))
    flow = None if facts.aligned else clip.exact_flow
    has_gt = facts.reference
    known = (landmarks, flow, cache, has_gt, not has_gt)
    return truth, TruthInfo(clip.name, facts.digest, len(truth), truth.fps, *known)


def lq_side(clip: DatasetClip, facts: GtFacts, lq: Clip) -> Clip:
    """The degraded clip as it is fed to methods."""
    if not facts.aligned:
        return lq
    from vfsrbench.faces.pair_align import pair_transforms

    assert clip.gt is not None
    gt_size, lq_size = (clip.gt.height, clip.gt.width), (lq.height, lq.width)
    _, matrices, size = pair_transforms(_aligned_by(clip, facts), gt_size, lq_size)
    return _warped(lq, matrices, size)


def _aligned_by(clip: DatasetClip, facts: GtFacts) -> NDArray[np.float64]:
    """The landmarks that a clip is aligned by: those that came with it as they are, found ones steadied."""
    assert clip.landmarks is not None
    return clip.landmarks if facts.found_by is None else steadied(clip.landmarks, clip.name)


def _aligned_gt(
    gt: Clip, landmarks: NDArray[np.float64], places: NDArray[np.float64]
) -> tuple[Clip, NDArray[np.float64]]:
    from vfsrbench.faces.pair_align import pair_transforms
    from vfsrbench.faces.similarity import transform_points

    size = (gt.height, gt.width)
    matrices, _, _ = pair_transforms(places, size, size)
    warped = _warped(gt, matrices, (ALIGNED_SIDE, ALIGNED_SIDE))
    return warped, transform_points(matrices, landmarks)


def _warped(clip: Clip, matrices: NDArray[np.float64], size: tuple[int, int]) -> Clip:
    """The clip with each frame carried by its own affine matrix; outside is the face border."""
    return clip.mapped(partial(_warp, matrices, size), size)


def _warp(
    matrices: NDArray[np.float64], size: tuple[int, int], frames: NDArray[np.uint8], first: int
) -> NDArray[np.uint8]:
    from vfsrbench.faces.ffhq_align import BORDER_RGB
    from vfsrbench.faces.warp import warp_affine

    return warp_affine(frames, matrices[first : first + len(frames)], size, BORDER_RGB)
