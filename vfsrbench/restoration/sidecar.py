"""What is written beside a restored clip: by which method it was made, which weights, and how it went."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vfsrbench.io.atomic import atomic_file
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.restore import Restoration
from vfsrbench.runtime.versions import versions

NOTE = "restoration.json"
FORMAT = "vfsrbench-restoration-1"


def write_note(
    path: Path, use: MethodUse, report: Restoration, notes: Iterable[str] = (), **facts: Any
) -> None:
    """One JSON file.

    `notes`: how the clip was read, and what was not kept. `untrained` is true where the method's weights are
    random, or `facts` say so of the face tools; what was restored then means nothing.
    """
    untrained = use.weights.untrained or bool(facts.pop("untrained", False))
    note = {
        "format": FORMAT,
        "method": use.id,
        "title": use.method.card.title,
        "licence": use.method.card.licence,
        "options": dict(use.method.options),
        "weights": dict(use.weights.hashes),
        "untrained": untrained,
        **facts,
        "seconds": report.seconds,
        "window": report.window,
        "warnings": [*notes, *report.warnings],
        "versions": versions(),
    }
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")


def untrained_line(names: Iterable[str]) -> str:
    """The line for the user; "" when nothing is untrained."""
    listed = ", ".join(names)
    return f"warning: untrained weights ({listed}): the results mean nothing" if listed else ""
