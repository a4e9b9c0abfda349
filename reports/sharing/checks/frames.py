"""Are the frames in a bundle those of its digests?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from reports.bundles.reading import Bundle
from reports.sharing.checks.findings import Finding, Known, row_of
from vfsrbench.errors import InputError


def check_frames(bundle: Bundle, known: Known) -> Iterator[Finding]:
    """Frames that are no pictures, or not those of the jobs that they stand for."""
    claimed = set(bundle.head.frames_of)
    there = {result.record.clip for result in bundle.results if bundle.has_frames(result.record)}
    for clip in sorted(claimed ^ there):
        yield Finding(f"says that frames of {clip!r} are in it, or has some and does not say so")
    for result in bundle.results:
        record, row = result.record, row_of(result.record)
        if not bundle.has_frames(record):
            continue
        with tempfile.TemporaryDirectory(prefix="vfsrbench-bundle-") as folder:
            try:
                digest = bundle.frames(record, Path(folder)).digest()
            except InputError as error:
                yield Finding(f"its frames cannot be read: {error}", row, clip=record.clip)
                continue
        if digest != record.restored_digest:
            yield Finding("its frames are not those of its digest", row, clip=record.clip)
