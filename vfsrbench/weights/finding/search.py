"""Files in folders that are checkpoints of the manifest: by name and size, then by content."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.weights.file_kinds import HEAD, unlike
from vfsrbench.weights.manifest import WeightFile

DEEPEST = 8
MOST_ENTRIES = 200_000
"""Files and folders that one search looks at, at most."""
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", ".git", "datasets"})


@dataclass(frozen=True)
class FoundFile:
    """A file that may be a checkpoint. `how` says what shows that it is, `problem` why it is not or cannot be
    known to be; one of the two is empty. `sha256` is empty where the size was enough to tell."""

    entry: WeightFile
    path: Path
    how: str = ""
    problem: str = ""
    sha256: str = ""


@dataclass
class Walk:
    """A bounded walk through folders. `cut` says after it whether something was left out."""

    deepest: int = DEEPEST
    most: int = MOST_ENTRIES
    cut: bool = False

    def files(self, folders: Iterable[Path]) -> Iterator[Path]:
        """The files below the folders, the nearest first; each folder once, whatever links lead to it. What
        cannot be read is left out."""
        seen: set[tuple[int, int]] = set()
        looked = 0
        for folder in folders:
            waiting = deque([(folder, 0)])
            while waiting:
                place, depth = waiting.popleft()
                try:
                    status = place.stat()
                    if (status.st_dev, status.st_ino) in seen:
                        continue
                    seen.add((status.st_dev, status.st_ino))
                    entries = sorted(os.scandir(place), key=lambda entry: entry.name)
                except OSError:
                    continue
                for entry in entries:
                    looked += 1
                    if looked > self.most:
                        self.cut = True
                        return
                    if _is(entry, folder=False):
                        yield Path(entry.path)
                    elif entry.name not in _SKIPPED and _is(entry, folder=True):
                        self.cut = self.cut or depth >= self.deepest
                        waiting += [(Path(entry.path), depth + 1)] if depth < self.deepest else []


def find_files(entries: Collection[WeightFile], folders: Iterable[Path], walk: Walk) -> list[FoundFile]:
    """What in the folders is, or has the name of, a checkpoint; of each at most one file that fits.

    Args:
        entries: The checkpoints that are looked for.
        folders: Where, the first places first.
        walk: Bounds the search.

    Returns:
        One result an entry of which there is a file: one that fits, or else the first one that does not.
    """
    found: dict[str, FoundFile] = {}
    for path in walk.files(folders):
        for entry in entries:
            known = found.get(entry.name)
            if (known is not None and known.how) or not _may_be(entry, path):
                continue
            result = examined(entry, path)
            named = path.name.lower() in _names(entry)  # another file of the same size is of no interest
            if result.how or (known is None and named):
                found[entry.name] = result
    return [found[entry.name] for entry in entries if entry.name in found]


def examined(entry: WeightFile, path: Path) -> FoundFile:
    """Whether the file at `path` is this checkpoint: by its hash, or by its tensors' names and shapes."""
    try:
        size = path.stat().st_size
        if entry.size is not None and size != entry.size:
            return FoundFile(entry, path, problem=f"it has {size} bytes, {entry.size} are expected")
        with path.open("rb") as file:
            kind = unlike(entry.file, file.read(HEAD))
            if kind:
                return FoundFile(entry, path, problem=f"it is {kind}")
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return FoundFile(entry, path, problem=f"cannot be read ({error.strerror})")
    problem = entry.mismatch(sha256, size)
    if problem:
        return FoundFile(entry, path, problem=problem, sha256=sha256)
    if entry.sha256 is not None:
        return FoundFile(entry, path, how="SHA-256", sha256=sha256)
    if entry.prefix is not None:
        return FoundFile(entry, path, how=f"SHA-256 begins with {entry.prefix}", sha256=sha256)
    return _by_tensors(entry, path, sha256)


def _by_tensors(entry: WeightFile, path: Path, sha256: str) -> FoundFile:
    if entry.network is None:
        problem = "no hash was published, and no network of its layout is known here"
        return FoundFile(entry, path, problem=problem, sha256=sha256)
    from vfsrbench.weights.validate import count_fitting

    try:
        count = count_fitting(entry, path)
    except InputError as error:
        return FoundFile(entry, path, problem=str(error).removeprefix(f"{path}: "), sha256=sha256)
    return FoundFile(entry, path, how=f"{count} tensors fit by name and shape", sha256=sha256)


def _may_be(entry: WeightFile, path: Path) -> bool:
    """Whether a file is worth a look: its name is the checkpoint's, or its size is, where that is exact."""
    if path.name.lower() in _names(entry):
        return True
    if entry.sha256 is None or entry.size is None:
        return False
    try:
        return path.stat().st_size == entry.size
    except OSError:
        return False


def _names(entry: WeightFile) -> tuple[str, ...]:
    suffix = Path(entry.file).suffix
    return entry.file.lower(), f"{entry.name}{suffix}".lower()


def _is(entry: os.DirEntry[str], folder: bool) -> bool:
    try:
        return entry.is_dir() if folder else entry.is_file()
    except OSError:
        return False
