"""Where the restored clips of a bundle's rows lie here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reports.bundles.reading import Bundle
from reports.sharing.checks.findings import Where
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.names import slug
from vfsrbench.results.schema import JobRecord


def output_folders(
    bundle: Bundle,
    rows: Mapping[Where, Sequence[JobRecord]],
    outputs: Mapping[str, Path],
    unpack_to: Path,
) -> dict[Where, Path]:
    """The folder of each row's restored clips; those that came with the bundle are unpacked.

    A folder of many rows is laid out as a workspace's `restored/SPLIT/METHOD`, or `METHOD/SPLIT`; that of one
    row has a folder a split, unless there is one split only.

    Raises:
        InputError: A folder is not there, or is of a row that the bundle does not have.
    """
    for name, folder in outputs.items():
        if not folder.is_dir():
            raise InputError(f"--outputs {folder}: no such folder of restored clips")
        if name and name not in {method for _, method in rows}:
            raise did_you_mean("row of the bundle", name, {method for _, method in rows})
    splits = len({split for split, _ in rows})
    methods = len({method for _, method in rows if not _is_reference(bundle, method)})
    found: dict[Where, Path] = {}
    for number, (where, records) in enumerate(rows.items()):
        split, method = where
        places = [
            place
            for name, folder in outputs.items()
            if name in ("", method)
            for place in _candidates(folder, split, method, bool(name) or methods == 1, splits == 1)
        ]
        place = next((place for place in places if place.is_dir()), None)
        if place is not None:
            found[where] = place
            continue
        here = [record for record in records if bundle.has_frames(record)]
        for record in here:
            bundle.frames(record, unpack_to / str(number) / slug(record.clip))
            found[where] = unpack_to / str(number)
    return found


def _candidates(folder: Path, split: str, method: str, alone: bool, one_split: bool) -> Iterator[Path]:
    for root in (folder / "restored", folder):
        yield root / slug(split) / slug(method)
        yield root / slug(method) / slug(split)
    if alone:
        yield folder / slug(split)
        if one_split:
            yield folder


def _is_reference(bundle: Bundle, method: str) -> bool:
    return any(row.reference_row for row in bundle.table.rows if row.method == method)
