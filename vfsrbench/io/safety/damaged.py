"""Damaged pieces of a workspace: set aside and listed, never deleted, and made again by the next run."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vfsrbench.errors import DamagedFile

SetAside = Callable[[DamagedFile], None]
"""What readers call with a damaged file before they go on as if there were none."""
log = logging.getLogger(__name__)


def leave(error: DamagedFile) -> None:
    """A `SetAside` that leaves the file where it is: for folders that are no workspace's."""
    log.warning("%s", error)


class DamagedPieces:
    """The folder `damaged/` of a workspace, laid out like the workspace itself, and `damaged/list.txt`.

    Names get the suffix `.damaged`, so that no search for results finds them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "damaged"

    def set_aside(self, error: DamagedFile) -> None:
        """Move the damaged file or folder here and list it. Where nothing can be written it stays."""
        target = self._place(error.path)
        if target is None:
            return
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(error.path, _free(target))
            with (self.folder / "list.txt").open("a", encoding="utf-8") as file:
                file.write(f"{error.path}: {error.what}\n")

    def is_due(self, path: Path) -> bool:
        """Whether the piece at `path` was set aside and has not been made again."""
        place = self._place(path)
        return place is not None and place.exists() and not path.exists()

    def listed(self) -> list[str]:
        """What has been set aside so far, a line a piece."""
        try:
            return (self.folder / "list.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def _place(self, path: Path) -> Path | None:
        """Where a piece goes; None for what is not in this workspace."""
        relative = Path(os.path.relpath(path, self.root))
        if ".." in relative.parts:
            return None
        return self.folder / relative.with_name(f"{relative.name}.damaged")


def _free(target: Path) -> Path:
    """`target`, or the same with a number behind it that is not taken."""
    number, found = 1, target
    while found.exists():
        number += 1
        found = target.with_name(f"{target.stem}.{number}.damaged")
    return found
