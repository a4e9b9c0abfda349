"""A workspace: the folder in which a run keeps everything it makes, shared by any number of runs.

results/   one Parquet file a job               splits/    degraded clips, with what was drawn for them
restored/  restored clips, if they are kept     slices/    columns of them over time, for the reports
boards/    what the runs of a board had in common scratch/   what a run that is going on needs
cache/     digests, arrays of the ground truth  damaged/   files whose checksum differed, set aside
locks/, logs/                                   plans/     units of work that workers share (`fleet`)

Every file in the first six carries a checksum, or a note beside it does; it is checked when it is read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock

from vfsrbench.errors import InputError
from vfsrbench.io.names import slug
from vfsrbench.io.safety import lease
from vfsrbench.io.safety.array_cache import ArrayCache
from vfsrbench.io.safety.damaged import DamagedPieces
from vfsrbench.io.safety.ownership import read_made
from vfsrbench.io.safety.targets import claim_folder, refuse_overlap
from vfsrbench.results.store import Store

DEFAULT = Path("workspace")
FOLDERS = (
    "results", "splits", "restored", "boards", "cache", "slices", "damaged", "scratch", "locks", "logs",
    "plans", "slurm",
)  # fmt: skip
"""What a workspace holds, beside reports."""


class Workspace:
    """Paths in a workspace. Making one touches nothing; `open` makes the folder and checks it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / "results")
        self.splits = root / "splits"
        self.restored = root / "restored"
        self.slices = root / "slices"
        self.cache = root / "cache"
        self.logs = root / "logs"
        self.damaged = DamagedPieces(root)

    @classmethod
    def open(cls, root: str | Path) -> Workspace:
        """The workspace, writable, leftovers of killed runs removed. InputError if it is not writable, or if
        other files in it have the names of ours."""
        place = Path(root)
        workspace = cls(place)
        try:
            place.mkdir(parents=True, exist_ok=True)
            workspace.claim()
            for folder in (place, place / "results", place / "logs", place / "locks"):
                folder.mkdir(parents=True, exist_ok=True)
            lease.begin(place)
            lease.end(place)
        except (FileExistsError, NotADirectoryError) as error:
            at = Path(error.filename or place)
            file = next((path for path in (at, *at.parents) if path.is_file()), place)
            inside = "" if file == place else f"{file} "
            raise InputError(
                f"workspace {place}: {inside}is not a folder; choose another --workspace"
            ) from None
        except OSError as error:
            raise InputError(
                f"workspace {place}: cannot be written ({error.strerror}); choose another --workspace"
            ) from None
        return workspace

    def claim(self) -> None:
        """Take the folder into use. InputError if other files in it have the names of ours, or if
        an older vfsrbench made it."""
        if read_made(self.root) is None and self.store.has_older_results():
            raise InputError(
                f"workspace {self.root}: was made by an older vfsrbench: its results are not read, and "
                "nothing was removed; use a new --workspace"
            )
        claim_folder(self.root, FOLDERS)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While the block lasts this process has a folder of its own in `scratch/` (`io.lease`), where its
        unfinished files lie. A workspace that cannot be written, or is not there, is left as it is."""
        with suppress(OSError):
            if self.root.is_dir():
                lease.begin(self.root)
        try:
            yield
        finally:
            lease.end(self.root)

    def board_note(self, board: str) -> Path:
        """The note on a board's runs (`runs.board_note`)."""
        return self.root / "boards" / f"{slug(board)}.json"

    def lock(self, name: str) -> BaseFileLock:
        """A lock between processes; the system frees it when its holder ends, however that comes."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{slug(name)}.lock")

    def truth_cache(self, digest: str) -> ArrayCache:
        """Arrays of the ground-truth clip with this digest."""
        return ArrayCache(self.cache / "truth" / digest[:32], self.damaged.set_aside)

    def scratch(self) -> Path:
        """This process's folder for what it is working on."""
        return lease.begin(self.root)

    def free_bytes(self) -> int:
        """Free space on the workspace's disk."""
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free


def refuse_inputs(workspace: Path, dataset: str | Path | None, outputs: Iterable[str | Path] = ()) -> None:
    """Do nothing if a run in this workspace cannot touch what it reads.

    Restored clips that the workspace itself keeps may be scored as outputs; it never writes to those of
    another method.

    Raises:
        InputError: The workspace is, holds or lies inside the data set or the outputs.
    """
    kept = Path(os.path.realpath(workspace / "restored"))
    foreign = [path for path in outputs if not Path(os.path.realpath(path)).is_relative_to(kept)]
    refuse_overlap(workspace, [dataset, *foreign])
