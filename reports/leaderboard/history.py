"""Earlier submissions of a row, as the repository remembers them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reports.bundles.reading import read_bundle
from reports.bundles.schema import CellClaim
from reports.leaderboard.fitting import method_of
from reports.leaderboard.tree import git
from vfsrbench.errors import InputError

MOST = 20


@dataclass(frozen=True)
class Past:
    """One submission of a file: the day on which it was taken, its content, and its values by split."""

    day: str
    digest: str
    by: str
    values: Mapping[str, Mapping[str, CellClaim]]


def history_of(root: Path, files: Iterable[str]) -> dict[str, list[Past]]:
    """All submissions of files, the newest first; of a folder that is no repository, none.

    Args:
        root: The leaderboard.
        files: Paths of bundles in it.
    """
    found: dict[str, list[Past]] = {}
    try:
        # all files in one call: a call a file takes longer than all the rest
        log = git(
            root, "log", "--format=%x01%H%x02%cs", "--name-only", "-z", "--relative", "--", "submissions"
        )
    except InputError:
        return {}
    wanted = set(files)
    for commit in filter(None, os.fsdecode(log).split("\x01")):
        head, _, names = commit.partition("\n")
        if not names:
            head, _, names = commit.partition("\0")
        digest, _, day = head.strip("\0").partition("\x02")
        for name in filter(None, (n.strip("\n") for n in names.split("\0"))):
            if name in wanted and len(found.setdefault(name, [])) < MOST:
                past = _past(root, digest, name, day.strip())
                if past is not None:
                    found[name].append(past)
    return found


def _past(root: Path, commit: str, name: str, day: str) -> Past | None:
    """What a commit has under a name; None if that is no bundle."""
    try:
        data = git(root, "cat-file", "blob", f"{commit}:./{name}")
    except InputError:
        return None  # it was taken away there
    with tempfile.TemporaryDirectory(prefix="vfsrbench-history-") as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(data)
        try:
            bundle = read_bundle(path)
        except InputError:
            return None
        method = method_of(bundle)
        values = {row.split: row.cells for row in bundle.table.rows if row.method == method}
        return Past(day, bundle.digest, bundle.head.vfsrbench, values)
