"""Splits compared with their published manifests: is this the degradation that others have?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from degradations.manifest import Manifest, read_manifest
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.splits.split import LqFacts, Split


def read_published(paths: Iterable[Path], splits: Mapping[str, Split], seed: int) -> dict[str, Manifest]:
    """Split -> its manifest. InputError when a manifest is not of one of these splits, or of another recipe
    or seed than this run's."""
    found: dict[str, Manifest] = {}
    for path in paths:
        manifest = read_manifest(path)
        split = splits.get(manifest.recipe.name)
        if split is None:
            raise InputError(f"{path}: is of split {manifest.recipe.name!r}, which the board does not have")
        if not split.given and (split.digest, seed) != (manifest.recipe.digest, manifest.seed):
            raise InputError(
                f"{path}: was made with {manifest.recipe.name} version {manifest.recipe.version}, seed "
                f"{manifest.seed}; this run has another recipe or seed ({seed})"
            )
        found[split.name] = manifest
    return found


def published_clip(clip: str, gt_digest: str, manifests: Mapping[str, Manifest]) -> dict[str, Published]:
    """Split -> what the manifest says of the clip. InputError when it has another ground truth, or none."""
    found = {}
    for split, manifest in manifests.items():
        entry = manifest.clips.get(clip)
        if entry is None:
            raise InputError(f"the manifest of {split} does not know the clip {clip!r}")
        if entry.truth_digest != gt_digest:
            raise InputError(
                f"clip {clip!r} is not the one that the manifest of {split} was made from: other frames"
            )
        found[split] = Published(entry.before_codec_digest, entry.digest)
    return found


def compare(split: str, published: Published | None, made: LqFacts) -> str:
    """Empty if the degraded frames are those of the manifest (or there is none), else how they differ.

    JobFailure when they differ before the codec, where every step is exact.
    """
    if published is None:
        return ""
    if made.digest_before_codec and made.digest_before_codec != published.before_codec:
        raise JobFailure(f"the degraded frames of {split} differ from its manifest before the codec")
    if made.digest == published.digest:
        return ""
    return f"non-canonical: the degraded frames of {split} are not those of its manifest"


@dataclass(frozen=True)
class Published:
    """Digests of a degraded clip as a published manifest states them."""

    before_codec: str
    digest: str
