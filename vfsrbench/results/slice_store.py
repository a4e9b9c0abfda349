"""Temporal column slices: one column of every frame, side by side in time (KEEP, Fig. 5).

A run keeps the strip of each restored clip, so that reports can show flicker although the frames
themselves are gone. The column follows from the ground truth and its landmarks alone: every method shows the
same one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import DamagedFile
from vfsrbench.io.names import slug
from vfsrbench.io.safety.damaged import SetAside, leave
from vfsrbench.io.safety.sealed import read_arrays, reading, seal_of, write_arrays
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.temporal_slices import (
    Column,
    Floats,
    Frames,
    choose_column,
    choose_rows,
    cut,
    face_spots,
    liveliest,
    motion,
)

if TYPE_CHECKING:
    from vfsrbench.io.clip import Clip

Strip = TypeVar("Strip")


@dataclass(frozen=True)
class Place:
    """The column of a clip's strips: `rows` is the part of it to show; `where` says in words where an
    automatic column lies. `seal` is the checksum of the file that says so, the ground truth's strip."""

    column: int
    rows: tuple[int, int]
    where: str
    seal: str

    def __str__(self) -> str:
        """`Column 193 (through the left eye)`."""
        return f"Column {self.column} ({self.where})" if self.where else f"Column {self.column}"


@dataclass(frozen=True)
class TruthStrip:
    """The ground truth's side of a slice figure.

    `strip` is (H, T, 3); `frame` the middle frame (H, W, 3) on which the column is marked; `rows` the part
    of the column to show; `where` says in words where an automatic column lies.
    """

    strip: Frames
    frame: Frames
    column: int
    rows: tuple[int, int]
    where: str = ""

    @classmethod
    def of(
        cls, clip: Clip, column: Column = "auto", rows: int | None = None, face: Floats | None = None
    ) -> TruthStrip:
        """Chosen from the ground truth.

        Args:
            clip: The ground truth.
            column: A fraction of the width; or `auto`: through an eye, a corner of the mouth or the hairline,
                whichever moves most, and without a face through what moves most.
            rows: How many are shown. Default: a quarter of the height.
            face: (T, 5, 2) or (T, 68, 2) landmarks in its pixels, NaN where no face was found.
        """
        moved = motion(clip)
        spots = face_spots(face, clip.height, clip.width) if column == "auto" and face is not None else []
        spot = liveliest(spots, moved) if spots else None
        place = choose_column(column, clip.width, moved) if spot is None else round(spot.x)
        middle = len(clip) // 2
        where = "where most moves" if column == "auto" else ""
        return cls(
            cut(clip, place),
            clip.read(middle, middle + 1)[0],
            place,
            choose_rows(moved, place, rows or clip.height // 4, spot),
            where if spot is None else f"through {spot.name}",
        )

    @property
    def place(self) -> str:
        """`Column 193 (through the left eye)`."""
        return str(Place(self.column, self.rows, self.where, ""))

    def write(self, path: Path) -> None:
        """Whole or not at all, with a checksum."""
        facts = {"column": np.array(self.column), "rows": np.array(self.rows), "where": np.array(self.where)}
        write_arrays(path, {"strip": self.strip, "frame": self.frame, **facts}, compressed=True)

    @classmethod
    def read(cls, path: Path) -> TruthStrip:
        """DamagedFile if it is not what was written, FileNotFoundError if there is none."""
        arrays = _load(path, ("strip", "frame", *_PLACE))
        place = _place(arrays, "")
        return cls(arrays["strip"], arrays["frame"], place.column, place.rows, place.where)


def write_strip(path: Path, strip: Frames) -> None:
    """A degraded or restored clip's strip, (H, T, 3). Whole or not at all, with a checksum."""
    write_arrays(path, {"strip": strip}, compressed=True)


def read_strip(path: Path) -> Frames:
    """The strip at `path`, uint8 RGB (H, T, 3). DamagedFile, FileNotFoundError as `TruthStrip.read`."""
    strip: Frames = _load(path, ("strip",))["strip"]
    return strip


def read_place(path: Path) -> Place:
    """What a ground truth's strip says of the column; the pictures in the file are not unpacked.
    DamagedFile, FileNotFoundError as `TruthStrip.read`."""
    return _place(_load(path, _PLACE, alone=True), seal_of(path))


class StripStore:
    """The strips of a workspace. Files are named by the digests of the frames they were cut from.

    A damaged strip is handed to `set_aside`, and counts as missing.
    """

    def __init__(self, root: Path, column: Column = "auto", set_aside: SetAside = leave) -> None:
        self.column: Column = column
        self._set_aside = set_aside
        self._places: dict[Path, Place | None] = {}
        self.root = root / (column if column == "auto" else f"{column:.4f}")

    def keep(
        self,
        record: JobRecord,
        truth: Clip,
        degraded: Clip | None,
        restored: Clip,
        face: Callable[[], Floats | None] = lambda: None,
    ) -> None:
        """Write what is not there yet of one job: the ground truth's strip, the degraded, the restored.
        `face` gives the ground truth's landmarks."""
        chosen = self.truth(record)
        if chosen is None:
            chosen = TruthStrip.of(truth, self.column, face=face() if self.column == "auto" else None)
            chosen.write(self.truth_path(record))
        for path, clip in (
            (self.degraded_path(record), degraded),
            (self.restored_path(record), restored),
        ):
            if clip is not None and not path.is_file():
                write_strip(path, cut(clip, chosen.column, truth.width))

    def truth(self, record: JobRecord) -> TruthStrip | None:
        """The ground truth's side, None if it was not kept."""
        return self._read(TruthStrip.read, self.truth_path(record))

    def place(self, record: JobRecord) -> Place | None:
        """Where the clip's strips lie, read once; None if they were not kept."""
        path = self.truth_path(record)
        if path not in self._places:
            self._places[path] = self._read(read_place, path)
        return self._places[path]

    def seal(self, path: Path) -> str | None:
        """The checksum of a strip's file, compared with its bytes; None if it was not kept."""
        return self._read(seal_of, path)

    def degraded(self, record: JobRecord) -> Frames | None:
        """The degraded clip's strip, less high than the ground truth's; None if it was not kept."""
        return self._read(read_strip, self.degraded_path(record))

    def restored(self, record: JobRecord) -> Frames | None:
        """The restored clip's strip, None if it was not kept."""
        return self._read(read_strip, self.restored_path(record))

    def paths(self, record: JobRecord) -> tuple[Path, Path, Path]:
        """Where a job's strips are, or would be: the ground truth's, the degraded, the restored."""
        return self.truth_path(record), self.degraded_path(record), self.restored_path(record)

    def _read(self, read: Callable[[Path], Strip], path: Path) -> Strip | None:
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except DamagedFile as error:
            self._set_aside(error)
            return None

    def truth_path(self, record: JobRecord) -> Path:
        return self.root / "_truth" / f"{slug(record.clip)}.{record.gt_digest[:16]}.npz"

    def degraded_path(self, record: JobRecord) -> Path:
        folder = self.root / slug(record.split) / "_degraded"
        return folder / f"{slug(record.clip)}.{record.lq_digest[:16]}.npz"

    def restored_path(self, record: JobRecord) -> Path:
        folder = self.root / slug(record.split) / slug(record.method)
        return folder / f"{slug(record.clip)}.{record.restored_digest[:16]}.npz"


_PLACE = ("column", "rows", "where")


def _place(arrays: dict[str, NDArray[Any]], seal: str) -> Place:
    first, last = (int(v) for v in arrays["rows"])
    return Place(int(arrays["column"]), (first, last), str(arrays.get("where", "")), seal)


def _load(path: Path, needed: Sequence[str], alone: bool = False) -> dict[str, NDArray[Any]]:
    """The arrays of a file, those `needed` or (not `alone`) all. Earlier files do not say where a column
    lies."""
    with reading(path):
        arrays = read_arrays(path, needed if alone else None)
        for name in needed:
            if name != "where":
                arrays[name]
        return arrays
