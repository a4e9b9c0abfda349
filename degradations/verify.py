"""Is a degraded split the one that a manifest describes? A comparison; it reads frames only through you."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradations.apply import single_frames
from degradations.digest import FrameHasher
from degradations.errors import InputError, counted
from degradations.manifest import MANIFEST, ClipEntry, Manifest, read_manifest

ReadClip = Callable[[str], Iterable[NDArray[np.uint8]]]
"""A clip's degraded frames by name: uint8 RGB, frames or portions. InputError if they cannot be read."""


@dataclass(frozen=True)
class Difference:
    """How far two versions of a clip lie apart, in grey levels, and in how many frames."""

    largest: int
    mean: float
    frames: int

    def __str__(self) -> str:
        frames = counted(self.frames, "frame")
        return f"by up to {self.largest} grey levels, {self.mean:.4f} on average, in {frames}"


@dataclass
class ClipReport:
    """What was found for one clip. With `errors` it is not the described clip; `notes` blame the codec."""

    name: str
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    canonical: bool = True
    """Whether the frames are bit for bit those of the manifest."""
    difference: Difference | None = None
    """The size of the difference after the codec, where reference frames were given."""


@dataclass
class VerifyReport:
    """All findings. A split with errors is another split; one that is only not canonical must say so."""

    clips: list[ClipReport] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.errors and not any(clip.errors for clip in self.clips)

    @property
    def canonical(self) -> bool:
        return self.ok and all(clip.canonical for clip in self.clips)

    def lines(self) -> list[str]:
        """One line a finding, then a verdict."""
        found = [f"error: {text}" for text in self.errors]
        for clip in self.clips:
            found += [f"error: {clip.name}: {text}" for text in clip.errors]
            found += [f"note: {clip.name}: {text}" for text in clip.notes]
        same = sum(clip.canonical and not clip.errors for clip in self.clips)
        verdict = "canonical" if self.canonical else "non-canonical" if self.ok else "not this split"
        return [*found, f"{same} of {len(self.clips)} clips are bit-identical: {verdict}"]


def verify_folder(
    folder: str | Path,
    manifest: Manifest,
    read_clip: ReadClip,
    read_reference: ReadClip | None = None,
) -> VerifyReport:
    """Compare a folder of degraded clips with a manifest (the published one, say).

    The frames, through `read_clip`, are compared with the manifest's final digests. What they were before
    the codec is taken from the folder's own manifest.json, if it has one: another recipe, seed or digest
    there is an error, since everything up to the codec is exact. Frames that differ only after the codec
    are reported with the size of the difference (where `read_reference` gives the manifest's own frames)
    and make the split non-canonical; without a codec, or without a manifest that vouches for the
    stage before it, they are an error.
    """
    report = VerifyReport()
    own = read_manifest(folder) if (Path(folder) / MANIFEST).is_file() else None
    if own is not None:
        report.errors = _compare_heads(own, manifest)
        extra = sorted(set(own.clips) - set(manifest.clips))
        if extra:
            report.errors.append(f"clips that the manifest does not know: {', '.join(extra[:5])}")
    for name, expected in manifest.clips.items():
        clip = ClipReport(name)
        report.clips.append(clip)
        entry = _compare_entries(clip, own, expected)
        _compare_frames(clip, expected, entry, read_clip, read_reference)
    return report


def _compare_heads(own: Manifest, expected: Manifest) -> list[str]:
    errors = []
    if own.recipe.digest != expected.recipe.digest:
        made, asked = (f"{m.recipe.name} version {m.recipe.version}" for m in (own, expected))
        same = " (same name, other content)" if made == asked else ""
        errors.append(f"made by recipe {made}, the manifest is of {asked}{same}")
    if own.seed != expected.seed:
        errors.append(f"made with seed {own.seed}, the manifest is of seed {expected.seed}")
    return errors


def _compare_entries(clip: ClipReport, own: Manifest | None, expected: ClipEntry) -> ClipEntry | None:
    """The folder's own record of the clip, if it vouches that all was equal up to the codec."""
    if own is None:
        return None
    entry = own.clips.get(clip.name)
    if entry is None:
        clip.errors.append("is missing in the folder's own manifest")
    elif entry.truth_digest != expected.truth_digest:
        clip.errors.append("was made from other clean frames")
    elif entry.before_codec_digest != expected.before_codec_digest:
        clip.errors.append("differs before the codec, where every step is exact")
    else:
        return entry
    return None


def _compare_frames(
    clip: ClipReport,
    expected: ClipEntry,
    own: ClipEntry | None,
    read_clip: ReadClip,
    read_reference: ReadClip | None,
) -> None:
    try:
        digest = _digest(expected, clip.name, read_clip)
        if digest == expected.digest:
            return
        clip.canonical = False
        if read_reference is not None:
            clip.difference = difference(read_clip(clip.name), read_reference(clip.name), clip.name)
    except InputError as error:
        clip.canonical = False
        clip.errors.append(str(error))
        return
    size = "" if clip.difference is None else f" {clip.difference}"
    if expected.digest == expected.before_codec_digest:
        clip.errors.append(f"frames differ{size}, and no codec can be the reason")
    elif own is not None and own.digest == digest:
        clip.notes.append(f"frames differ after the codec{size}")
    elif own is not None:
        clip.errors.append(f"frames differ{size}, even from the folder's own manifest: changed since")
    elif not clip.errors:
        clip.errors.append(f"frames differ{size}, and no manifest in the folder says that the codec is why")


def _digest(expected: ClipEntry, name: str, read_clip: ReadClip) -> str:
    """The digest of the folder's frames. InputError if their number or size is not the expected one."""
    hasher = FrameHasher(*expected.size)
    count = 0
    for frame in single_frames(read_clip(name), name):
        found, wanted = (f"{width}x{height}" for height, width in (frame.shape[:2], expected.size))
        if found != wanted:
            raise InputError(f"frames are {found}, not {wanted}")
        hasher.update(frame)
        count += 1
    if count != expected.frames:
        raise InputError(f"has {count} frames, not {expected.frames}")
    return hasher.hexdigest()


def difference(one: Iterable[NDArray[np.uint8]], other: Iterable[NDArray[np.uint8]], name: str) -> Difference:
    """How far two clips lie apart. InputError if their sizes or lengths differ."""
    largest = total = count = differing = 0
    for a, b in _pairs(one, other, name):
        apart = np.abs(a.astype(np.int16) - b)
        largest = max(largest, int(apart.max()))
        total += int(apart.sum(dtype=np.int64))
        count += apart.size
        differing += bool(apart.any())
    return Difference(largest, total / max(count, 1), differing)


def _pairs(
    one: Iterable[NDArray[np.uint8]], other: Iterable[NDArray[np.uint8]], name: str
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    for a, b in zip_longest(single_frames(one, name), single_frames(other, name)):
        if a is None or b is None or a.shape != b.shape:
            raise InputError(f"clip {name!r}: the reference frames have another number or size")
        yield a, b
