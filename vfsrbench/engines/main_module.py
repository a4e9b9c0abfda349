"""The user's script and our worker processes: a worker imports it only where a task needs it.

A spawned process begins by importing the parent's main module again. Our tasks live in modules of their own,
so a script that calls us needs no `if __name__ == "__main__":`; one whose own classes are the tasks does.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.reduction import ForkingPickler
from types import ModuleType
from typing import Any

from vfsrbench.errors import InputError

UNGUARDED = 77
"""The exit code of a worker whose import of the script tried to start workers."""
_MAIN = b"__main__"


def needs_main(*values: Any) -> bool:
    """Whether any of these, pickled, refers to the main module."""
    return any(_MAIN in bytes(ForkingPickler.dumps(value)) for value in values)


def stop_if_imported() -> None:
    """Ends a worker that is still importing the script, and was led to start workers itself."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(UNGUARDED)


def unguarded() -> InputError:
    """What the parent says when a worker ended so."""
    script = getattr(sys.modules.get("__main__"), "__file__", None) or "the script"
    return InputError(
        f"{script}: starts workers while they import it; put what it does below "
        'if __name__ == "__main__":, or use workers=1 with engine="serial"'
    )


@contextmanager
def main_module(wanted: bool) -> Iterator[None]:
    """While the block lasts, processes that are started import the main module only if it is wanted."""
    main = sys.modules["__main__"]
    if wanted:
        yield
        return
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
