"""What a table says of how clips were prepared: faces that were found, sides that were cropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.tables.model import Column
from vfsrbench.faces.finding.choice import LABELS
from vfsrbench.results.schema import JobRecord

_ALIGNMENT = "Alignment"


def finder_notes(records: Iterable[JobRecord], columns: Sequence[Column]) -> list[str]:
    """A sentence for each finder: what it was asked for, and on how many clips.

    Args:
        records: Of the table's jobs that ended well.
        columns: Of the table.
    """
    found: dict[str, dict[str, set[str]]] = {}
    titles = {column.id: column.title for column in columns}
    for record in records:
        if record.finder:
            found.setdefault(record.finder, {}).setdefault(_ALIGNMENT, set()).add(record.clip)
        for metric, score in record.scores.items():
            if score.finder and metric in titles and metric in record.clip_values:
                found.setdefault(score.finder, {}).setdefault(metric, set()).add(record.clip)
    notes = []
    for finder, clips in sorted(found.items()):
        by_count: dict[int, list[str]] = {}
        for what in (_ALIGNMENT, *titles):
            if what in clips:
                by_count.setdefault(len(clips[what]), []).append(titles.get(what, what))
        notes += [
            f"{', '.join(names)}: {LABELS.get(finder, finder)} found the face on the ground truth of {count} "
            f"clip{'s' * (count > 1)} that came without landmarks."
            for count, names in by_count.items()
        ]
    return notes


def crop_notes(records: Iterable[JobRecord]) -> list[str]:
    """A sentence for each multiple that clips were cropped to.

    Args:
        records: Of the table's jobs that ended well.
    """
    clips: dict[str, set[str]] = {}
    for record in records:
        if record.fit:
            clips.setdefault(record.fit, set()).add(record.clip)
    return [
        f"Of {len(names)} clip{'s' * (len(names) > 1)} the centre was taken, cropped to multiples of "
        f"{fit.removeprefix('crop')} pixels: {', '.join(sorted(names))}."
        for fit, names in sorted(clips.items())
    ]
