"""What libtiff has to say of a file: it would print it on the terminal, and Pillow does not hear it."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_heard = threading.local()


@contextmanager
def libtiff_errors() -> Iterator[list[str]]:
    """The errors of the TIFFs that this thread decodes in the block, in the order in which they come.

    libtiff goes on after some of them with pixels that it made up. Where Pillow's libtiff is not a file
    of its own (Windows, some distributions) nothing is heard, and libtiff prints its lines itself.
    """
    _listen()
    found: list[str] = []
    _heard.errors = found
    try:
        yield found
    finally:
        _heard.errors = None


@lru_cache(maxsize=1)
def _listen() -> Any:
    """Have libtiff tell us instead of the terminal. The handler is one for all threads of the process: it
    stays, and what other threads decode is dropped, not printed."""
    import PIL

    logging.getLogger("PIL").addHandler(logging.NullHandler())  # else Python prints what it logs of a file
    pillow = Path(PIL.__file__).parent
    places = [*pillow.parent.glob("pillow.libs/libtiff*"), *pillow.glob(".dylibs/libtiff*")]
    try:
        set_handler = ctypes.CDLL(str(places[0])).TIFFSetErrorHandler  # loaded already: the same one
    except (OSError, AttributeError, IndexError):
        return None
    set_handler.argtypes, set_handler.restype = [_HANDLER], ctypes.c_void_p
    set_handler(_take)
    return set_handler


@_HANDLER
def _take(module: bytes | None, form: bytes | None, arguments: int | None) -> None:
    """What is to be said stands in `form`; the values in it cannot be had from Python, and are left out."""
    errors = getattr(_heard, "errors", None)
    if errors is not None:
        errors.append(_plain(form) or _plain(module))


def _plain(text: bytes | None) -> str:
    return (text or b"").decode("utf-8", errors="replace").partition("%")[0].strip(" :;,.(")
