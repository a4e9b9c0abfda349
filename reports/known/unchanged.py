"""What was found out about files, believed as long as the files are as they were.

A checksum over kept clips takes as long as reading them, opening a clip decodes its first frames. A report in
which nothing has changed does neither: it asks for each file's size, dates and inode.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reports.known.notes import keep_known, known_of

_KIND = "unchanged-1"
MOST = 100_000
"""Answers that a note keeps; beyond it starts anew."""
SETTLED = 2_000_000_000
"""Nanoseconds for which a file must have been left alone: in the next write its date might stay the same."""


@dataclass
class Unchanged:
    """Yeses about files, kept in `note` (none: in memory alone). A damaged note, or one of another kind,
    counts as none.

    What is written over, replaced, moved, copied or touched has another date of change, which nobody can set,
    or another inode: it is asked about again. A no is never kept.
    """

    note: Path | None = None
    _known: dict[str, str] = field(default_factory=dict)
    _learned: bool = False

    def __post_init__(self) -> None:
        self._known = known_of(self.note, _KIND, MOST)

    def holds(self, question: object, files: Sequence[Path], ask: Callable[[], bool]) -> bool:
        """Whether `ask` says yes.

        Args:
            question: All that the answer depends on beside the files, as JSON can say it.
            files: Files, and folders with all that lies directly in them. Without any, or where one is
                missing, `ask` is called.
            ask: Finds the answer.
        """
        before = signature(files)
        if before is None:
            return ask()
        text = json.dumps([question, [str(path) for path in files]], sort_keys=True)
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        if self._known.get(key) == before.text:
            return True
        began = time.time_ns()
        yes = ask()
        if yes and before.newest < began - SETTLED and signature(files) == before:
            self._known[key] = before.text
            self._learned = True
        return yes

    def keep(self) -> None:
        """Write what was learned. Where that cannot be, it is asked again next time."""
        if self._learned:
            keep_known(self.note, _KIND, self._known)


@dataclass(frozen=True)
class Signature:
    """How files are, without a look into them; `newest`: when the last one changed, in nanoseconds."""

    text: str
    newest: int


def signature(files: Iterable[Path]) -> Signature | None:
    """That of files, and of folders with what lies in them; None without files, or where one is missing."""
    total, newest, count = hashlib.sha256(), 0, 0
    try:
        for path in files:
            found = path.stat()
            states = [("", found)]
            if path.is_dir():
                with os.scandir(path) as entries:
                    states += sorted((entry.name, entry.stat()) for entry in entries)
            for name, state in states:
                facts = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
                total.update(f"{name}\0{facts}\0".encode("utf-8", "surrogatepass"))
                newest = max(newest, state.st_mtime_ns, state.st_ctime_ns)
            count += 1
    except OSError:
        return None
    return Signature(total.hexdigest()[:32], newest) if count else None
