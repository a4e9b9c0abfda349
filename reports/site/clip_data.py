"""The data of a clip's page: its tracks, and every value at every frame, as plain data for its script."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from reports.figures.slices import crop
from reports.figures.style import DEGRADED, TRUTH, Look
from reports.inputs.frames import fed_record, truth_title
from reports.inputs.results import Grid
from reports.material import Material
from reports.site.media import Media, Pixels
from reports.tables.model import Table
from reports.tables.rounding import as_printed
from vfsrbench.errors import DiskError, InputError
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.slice_store import Place, TruthStrip

if TYPE_CHECKING:
    from vfsrbench.io.clip import Clip

TRUTH_ID, DEGRADED_ID, INPUT_ID = "_truth", "_degraded", "_input"
IDENTITY = ("ids_", "idd_")
"""Metrics of a person's identity, which a clip's page shows first."""
Json = dict[str, Any]


def plain(value: float, printed: int = 4, digits: int = 6) -> float | str | None:
    """A number for JSON: none for NaN, a word for infinity.

    It has `digits` behind the point, unless it would then be printed otherwise with `printed` of them.
    """
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    short = round(value, digits)
    near_half = abs(abs(value) * 10**printed % 1 - 0.5) <= 10.0 ** (printed - digits)
    return value if near_half and as_printed(short, printed) != as_printed(value, printed) else short


def plain_list(values: NDArray[Any], printed: int) -> list[float | str | None]:
    """Frame values for JSON."""
    return [plain(float(v), printed, 5) for v in values]


@dataclass(frozen=True)
class ClipTracks:
    """Makes the tracks of one clip: ground truth, degraded, then the methods in the table's order. Without
    ground truth the enlarged input comes first.

    `address` turns a media file into what the page calls it.
    """

    material: Material
    media: Media
    table: Table
    records: Mapping[str, JobRecord]
    address: Callable[[Path], str]

    def all(self) -> list[Json]:
        """One entry a track; without video where frames are gone, or are the ground truth itself."""
        first = next(iter(self.records.values()))
        frames = self.material.frames
        truth = _Footage(first.gt_digest, lambda: frames.has_truth(first), lambda: frames.truth(first))
        if first.reference:
            fed = fed_record(self.records.values())
            given = _Footage(fed.lq_digest, lambda: frames.has_degraded(fed), lambda: frames.degraded(fed))
            shown = self._track(TRUTH_ID, "Ground truth", TRUTH, truth)
            degraded = self._track(DEGRADED_ID, "Degraded", DEGRADED, given)
            tracks = [shown | {"reference": True}, degraded | {"small": True, "reference": True}]
        else:
            shown = self._track(INPUT_ID, truth_title(first), DEGRADED, truth)
            tracks = [shown | {"reference": True}]
        for row in self.table.rows:
            record = self.records.get(row.method)
            if record is None or record.status != "ok":
                continue
            look = self.material.looks[row.method]
            track = self._track(row.method, row.title, look.colour, self._restored(record))
            track |= {**_drawn(look), "reference": row.is_reference}
            tracks.append(track)
        self._add_strips(tracks, first)
        return tracks

    def _restored(self, record: JobRecord) -> _Footage | None:
        """None for the ground truth itself, which is shown already."""
        frames = self.material.frames
        if _is_truth(record):
            return None
        digest = record.restored_digest
        return _Footage(digest, lambda: frames.has_restored(record), lambda: frames.restored(record))

    def _track(self, name: str, title: str, colour: str, footage: _Footage | None) -> Json:
        track: Json = {
            "id": name,
            "title": title,
            "colour": colour,
            "dash": [],
            "video": None,
            "poster": None,
        }
        if footage is not None and footage.digest and footage.is_there():
            try:
                made = self.media.video(footage.digest, footage.open)
            except DiskError:
                raise
            except InputError as error:
                self.material.losses.say(f"no video of {title} is shown: {error}")
                return track
            if made is not None:
                track |= {"video": self.address(made[0]), "poster": self.address(made[1])}
        return track

    def _add_strips(self, tracks: list[Json], first: JobRecord) -> None:
        place = self.material.strips.place(first)
        if place is None:
            return
        for track in tracks:
            if track["id"] in self.records and _is_truth(self.records[track["id"]]):
                continue  # the ground truth's own strip is there
            strip = self._strip(track["id"], first)
            if self.material.strips.seal(strip.path) is None:
                continue
            name = f"{strip.digest[:20]}-{place.column}-{place.rows[0]}"
            made = self.media.strip(name, lambda strip=strip: self._shown(strip, place, first))  # type: ignore[misc]
            if made is not None:
                track["strip"] = self.address(made)

    def _strip(self, name: str, first: JobRecord) -> _Strip:
        store = self.material.strips
        if name in {TRUTH_ID, INPUT_ID}:
            return _Strip(first.gt_digest, store.truth_path(first), lambda: _pixels(store.truth(first)))
        if name == DEGRADED_ID:
            fed = fed_record(self.records.values())
            return _Strip(fed.lq_digest, store.degraded_path(fed), lambda: store.degraded(fed))
        record = self.records[name]
        return _Strip(record.restored_digest, store.restored_path(record), lambda: store.restored(record))

    def _shown(self, strip: _Strip, place: Place, first: JobRecord) -> Pixels | None:
        """The part of a strip that is shown, as high as the ground truth's."""
        pixels, truth = strip.read(), self.material.strips.truth(first)
        return None if pixels is None or truth is None else crop(pixels, place.rows, len(truth.strip))


@dataclass(frozen=True)
class _Footage:
    """A clip by its frames' digest: whether it is there, which looks into no file that is as it was, and how
    it is opened."""

    digest: str
    is_there: Callable[[], bool]
    open: Callable[[], Clip | None]


@dataclass(frozen=True)
class _Strip:
    """A column of a clip over time by the clip's digest: its file, and how it is read."""

    digest: str
    path: Path
    read: Callable[[], Pixels | None]


def _pixels(truth: TruthStrip | None) -> Pixels | None:
    return None if truth is None else truth.strip


def _drawn(look: Look) -> Json:
    """How scripts draw a method."""
    return {"colour": look.colour, "dash": list(look.dash), "marker": look.marker, "weight": look.weight}


def _is_truth(record: JobRecord) -> bool:
    return record.restored_digest == record.gt_digest


def clip_data(material: Material, table: Table, grid: Grid, clip: str, tracks: list[Json]) -> Json:
    """Everything the page's script needs, values of every frame included."""
    results = {m: r for m in grid.methods if (r := grid.cells.get((m, clip))) and r.record.status == "ok"}
    first = next(iter(results.values())).record
    values: Json = {}
    for column in table.columns:
        known = {m: r.values[column.id] for m, r in results.items() if column.id in r.values}
        series = {m: plain_list(found, column.digits) for m, found in known.items()}
        if series:
            values[column.id] = series
    metrics = [
        {
            "id": c.id,
            "title": f"{c.title} {c.arrow}".strip(),
            "digits": c.digits,
            "threshold": None if c.threshold is None else asdict(c.threshold),
        }
        for c in sorted(table.columns, key=lambda column: not column.id.startswith(IDENTITY))
        if c.id in values
    ]
    return {
        "clip": clip,
        "split": table.split,
        "frames": first.frames,
        "fps": first.fps,
        "metrics": metrics,
        "values": values,
        "tracks": tracks,
    }


def board_clips(table: Table, grid: Grid, address: Callable[[str], str], looks: Mapping[str, Look]) -> Json:
    """The clips one by one, for the table and the scatter plot of the board's page; an empty address is
    none."""
    return {
        "metrics": [
            {
                "id": c.id,
                "title": f"{c.title} {c.arrow}".strip(),
                "digits": c.digits,
                "direction": c.direction,
                "identity": c.id.startswith(IDENTITY),
            }
            for c in table.columns
        ],
        "methods": [
            {"id": r.method, "title": r.title, "reference": r.is_reference, **_drawn(looks[r.method])}
            for r in table.rows
        ],
        "clips": [{"name": clip, "href": address(clip)} for clip in grid.clips],
        "values": {
            c.id: {
                r.method: [plain(float(v), c.digits) for v in grid.clip_values(r.method, c.id)]
                for r in table.rows
            }
            for c in table.columns
        },
    }
