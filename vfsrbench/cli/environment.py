"""Whether the packages around us are ours, and where the details of a crash go. Imports nothing of ours."""

from __future__ import annotations

import importlib.util
import os
import platform
import tempfile
import traceback
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

NEIGHBOURS = ("degradations", "baselines", "reports")
ROOT = Path(__file__).resolve().parents[2]


def shadowed() -> str:
    """One line when a folder elsewhere takes the place of one of our packages; empty if none does.

    Names this plain may stand in anybody's working directory, and Python looks there first.
    """
    for name in NEIGHBOURS:
        spec = importlib.util.find_spec(name)
        ours = ROOT / name / "__init__.py"
        if spec is None:
            return f"the package {name!r} is missing; install vfsrbench again"
        if spec.origin is None or Path(spec.origin).resolve() != ours:
            places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
            return (
                f"{places[0] if places else name} takes the place of our package {name!r}; "
                "start vfsrbench from another folder, or rename that one"
            )
    return ""


def write_crash(error: BaseException | str, arguments: Sequence[str]) -> str:
    """Write a traceback, an error's or as text, into a log file in the temporary folder; the file's path."""
    text = [
        f"vfsrbench {' '.join(arguments)}",
        f"{datetime.now():%Y-%m-%d %H:%M:%S}, Python {platform.python_version()}, {platform.platform()}",
        *([error] if isinstance(error, str) else traceback.format_exception(error)),
    ]
    name = f"vfsrbench-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.log"
    path = Path(tempfile.gettempdir()) / name
    try:
        path.write_text("\n".join(text), encoding="utf-8", errors="backslashreplace")
    except OSError:
        return "no log: the temporary folder cannot be written"
    return str(path)
