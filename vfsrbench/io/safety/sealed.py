"""Files with a seal: a SHA-256 over what they say, written with it and checked whenever they are read.

A note is JSON, `{"kind": ..., "sha256": ..., "content": {...}}`, its checksum taken over kind and content in
canonical form. Arrays are an `.npz` file that any numpy reads; the seal is the archive's comment, and covers
every byte before it, so that it is checked before anything is decoded.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import DamagedFile, DiskError, InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.formats import PICTURE_SUFFIXES

Arrays = dict[str, NDArray[Any]]
Note = dict[str, Any]
_MARK = b"vfsrbench sha256 "
_TAIL = len(_MARK) + 64
_BLOCK = 1 << 20

READ_ERRORS: tuple[type[Exception], ...] = (
    BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,  # UnicodeDecodeError, JSONDecodeError, pyarrow's ArrowInvalid, and InputError too
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,  # OverflowError: a shape that no array can have
    MemoryError,
    RuntimeError,  # a zip member that says it is encrypted, NotImplementedError, RecursionError
    SyntaxError,  # numpy parses array headers as Python
    OSError,
)
"""What zipfile, zlib, numpy, json, PyAV, Pillow and pyarrow raise for bytes that are not theirs."""


def write_note(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write a JSON note with its checksum, whole or not at all.

    Args:
        path: The note; what was there is replaced.
        kind: What sort of note it is, with a version (`kept-frames-1`): readers refuse any other.
        content: Anything that JSON can say; NaN and infinity are kept as Python writes them.

    Raises:
        InputError: The disk is full, or the folder cannot be written.
    """
    note = {"kind": kind, "sha256": _note_digest(kind, content), "content": content}
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(note, indent=1), encoding="utf-8")


def read_note(path: Path, kind: str, earlier: Collection[str] = ()) -> Note:
    """The content of a note.

    Args:
        path: The note.
        kind: What it must be, see `write_note`.
        earlier: Kinds that were written once and count as no note.

    Raises:
        FileNotFoundError: There is none, or one of an earlier kind.
        DamagedFile: It is not what was written, or of another kind.
        InputError: It may not be read.
    """
    with reading(path):
        note = json.loads(path.read_bytes().decode("utf-8"))
        if note["kind"] in earlier:
            raise FileNotFoundError(path)
        if note["kind"] != kind:
            raise DamagedFile(path, f"is of kind {note['kind']!r}, not {kind!r}")
        content = note["content"]
        if note["sha256"] != _note_digest(kind, content):
            raise DamagedFile(path, "its checksum differs")
    return dict(content)


def _note_digest(kind: str, content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], *, compressed: bool = False) -> None:
    """Write arrays as a sealed `.npz` file, whole or not at all.

    Raises:
        InputError: The disk is full, or the folder cannot be written.
    """
    with atomic_file(path) as temporary:
        with temporary.open("wb") as file:
            (np.savez_compressed if compressed else np.savez)(file, **arrays)  # type: ignore[arg-type]
        with temporary.open("r+b") as file:
            file.seek(-2, 2)  # the archive's last field: how long its comment is
            file.write(struct.pack("<H", _TAIL))
            file.seek(0)
            digest = _digest(file)
            file.seek(0, 2)
            file.write(_MARK + digest.encode())


def read_arrays(path: Path, names: Collection[str] | None = None) -> Arrays:
    """The arrays of a sealed `.npz` file, all or those of these names that it has.

    Raises:
        FileNotFoundError: There is none.
        DamagedFile: Its bytes are not those that were written, or it carries no seal.
        InputError: It may not be read.
    """
    with reading(path), path.open("rb") as file:
        check_seal(path, file)
        file.seek(0)
        with np.load(file, allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files if names is None or name in names}


def seal_of(path: Path) -> str:
    """The checksum that a sealed `.npz` file carries, compared with its bytes.

    Raises:
        FileNotFoundError, DamagedFile, InputError: As `read_arrays`.
    """
    with reading(path), path.open("rb") as file:
        return check_seal(path, file)


def check_seal(path: Path, file: BinaryIO) -> str:
    """The seal at the file's end; DamagedFile if it is not that of the bytes before it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    if not tail.startswith(_MARK):
        raise DamagedFile(path, "it carries no checksum")
    file.seek(0)
    seal = tail[len(_MARK) :]
    if seal != _digest(file, size - _TAIL).encode():
        raise DamagedFile(path, "its checksum differs")
    return seal.decode()


def content_digest(place: Path) -> str:
    """SHA-256 over a file's name and bytes, or over those of a folder's pictures."""
    total = hashlib.sha256()
    whole = place.is_dir()
    pictures = (p for p in place.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES) if whole else [place]
    for path in sorted(pictures):
        with path.open("rb") as file:
            total.update(f"{path.name}\0{_digest(file)}\0".encode())
    return total.hexdigest()


def _digest(file: BinaryIO, count: int | None = None) -> str:
    """SHA-256 over the next `count` bytes, or all that follow."""
    total = hashlib.sha256()
    left = count
    while left is None or left > 0:
        block = file.read(_BLOCK if left is None else min(left, _BLOCK))
        if not block:
            break
        total.update(block)
        left = None if left is None else left - len(block)
    return total.hexdigest()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """While one of our files is read: what its library raises becomes a DamagedFile that names it.

    FileNotFoundError and DamagedFile pass; a file that may not be read is an InputError.
    """
    try:
        yield
    except (FileNotFoundError, DamagedFile, DiskError):
        raise
    except (PermissionError, BlockingIOError) as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); change its permissions") from error
    except READ_ERRORS as error:
        raise DamagedFile(
            path, f"{type(error).__name__}: {str(error) or 'no more is known'}"[:200]
        ) from error
