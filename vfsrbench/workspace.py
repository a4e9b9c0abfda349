"""A workspace: the folder in which a run keeps everything it makes, shared by any number of runs.

results/   one Parquet file a job               splits/    degraded clips, with what was drawn for them
restored/  restored clips, if they are kept     slices/    columns of them over time, for the reports
boards/    which results a board's last run had scratch/   what a run that is going on needs
cache/     digests, arrays of the ground truth  locks/, logs/
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import BaseFileLock, FileLock
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.files import whole_file
from vfsrbench.store import Store, slug

DEFAULT = Path("workspace")
_STALE_SECONDS = 24 * 3600.0


class Workspace:
    """Paths in a workspace. Making one touches nothing; `open` makes the folder and checks it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / "results")
        self.splits = root / "splits"
        self.restored = root / "restored"
        self.slices = root / "slices"
        self.scratch = root / "scratch"
        self.cache = root / "cache"
        self.logs = root / "logs"

    @classmethod
    def open(cls, root: str | Path) -> Workspace:
        """The workspace, writable, old leftovers of killed runs removed. InputError if it is not writable."""
        place = Path(root)
        try:
            for folder in (place, place / "results", place / "logs", place / "locks", place / "scratch"):
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                pass
        except (FileExistsError, NotADirectoryError):
            raise InputError(f"workspace {place}: is not a folder; choose another --workspace") from None
        except OSError as error:
            raise InputError(
                f"workspace {place}: cannot be written ({error.strerror}); choose another --workspace"
            ) from None
        workspace = cls(place)
        workspace._sweep()
        return workspace

    def selection(self, board: str) -> Path:
        """The note that says which results files belong to a board's last run."""
        return self.root / "boards" / f"{slug(board)}.json"

    def lock(self, name: str) -> BaseFileLock:
        """A lock between processes; the system frees it when its holder ends, however that comes."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{slug(name)}.lock")

    def truth_cache(self, digest: str) -> ArrayCache:
        """Arrays of the ground-truth clip with this digest."""
        return ArrayCache(self.cache / "truth" / digest[:32])

    def free_bytes(self) -> int:
        """Free space on the workspace's disk."""
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    def _sweep(self) -> None:
        """Remove half-written files that no living run can be writing any more."""
        old = time.time() - _STALE_SECONDS
        for folder in (self.store.root, self.splits, self.restored, self.cache, self.slices):
            for path in folder.rglob(".*.part*"):
                with suppress(OSError):
                    if path.stat().st_mtime < old:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()


class ArrayCache:
    """Arrays in `.npz` files, one a key. A damaged file counts as missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, NDArray[Any]] | None:
        """The arrays kept under `key`, None if there are none."""
        try:
            with np.load(self._path(key), allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, KeyError):
            return None
        except Exception as error:  # zipfile.BadZipFile and zlib.error have no common base
            if type(error).__module__ in {"zipfile", "zlib"}:
                return None
            raise

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep the arrays under `key`, instead of what was there."""
        with whole_file(self._path(key)) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def _path(self, key: str) -> Path:
        return self.folder / f"{slug(key)}.npz"


def tidy_path(path: Path) -> str:
    """The path as a person would write it: relative where that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) and not relative.startswith("..") else str(path)
