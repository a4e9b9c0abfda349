"""Files and folders that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from vfsrbench.errors import DiskError, InputError
from vfsrbench.io.safety.lease import temporary_for
from vfsrbench.io.safety.ownership import check_replaceable, discard, note_all

Item = TypeVar("Item")

# what makes a place useless for every file; others (an encoder that refuses a size) concern the file alone
_DISK_TROUBLE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}
    | {errno.ENOTDIR, errno.EMFILE, errno.ENFILE}
)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """A temporary path (`io.lease.temporary_for`) that takes its place when the block ends without an error.

    The temporary name keeps the suffix. What stood at `target` is replaced (`io.safety.targets.own_file`
    asks first whose it is). InputError when the disk is full or the folder cannot be written; a block that
    reads something wraps that in `read_through`, so that a failed read is not called a failed write.
    """
    temporary = temporary_for(target)
    with _disk_errors(target, temporary):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(target)
        finally:
            _unlink(temporary)


@contextmanager
def atomic_directory(
    target: Path, replace: bool = False, mend: bool = False, noted: bool = True
) -> Iterator[Path]:
    """A temporary folder (`io.lease.temporary_for`) that takes its name when the block ends without an error.

    It then carries a note of all files in it (see `io.safety.ownership`; unless it is not to be `noted`,
    as what we make for others to go on with). `replace`: a folder that we
    made takes the place of an earlier one that we made, if there is nothing else in it; `mend`: also where
    our files in it were changed. InputError when something else is there; when the disk is full; when the
    place cannot be written.
    """
    temporary = temporary_for(target)
    with _disk_errors(target, temporary):
        if replace:
            check_replaceable(target, mend)
        elif os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
            raise InputError(f"{target}: is there already; remove it or choose another folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        try:
            yield temporary
            if noted:
                note_all(temporary)
            _swap_in(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def read_through(items: Iterable[Item], what: object) -> Iterator[Item]:
    """The items one by one. An OSError of their source becomes an InputError that says what was read."""
    source = iter(items)
    while True:
        try:
            item = next(source)
        except StopIteration:
            return
        except OSError as error:
            place = error.filename or what
            raise InputError(f"{place}: cannot be read: {_why(error)}") from error
        yield item


def _unlink(temporary: Path) -> None:
    """Remove a temporary file, if it is there; the error that came before says why it could not be made."""
    with suppress(OSError):
        temporary.unlink()


def _swap_in(folder: Path, target: Path) -> None:
    """Rename over `target`. A folder that is not empty cannot be renamed over, so it steps aside first."""
    old: list[Path] = []
    while True:
        try:
            folder.rename(target)
            break
        except OSError:
            if not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir())):
                raise
        check_replaceable(target, mend=True)  # what is in the files was looked at before the work began
        aside = temporary_for(target)
        with suppress(FileNotFoundError):  # another process moved it first
            target.rename(aside)
            old.append(aside)
    for aside in old:
        discard(aside, target)


@contextmanager
def _disk_errors(target: Path, temporary: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        if _elsewhere(error, target, temporary):
            raise InputError(f"{error.filename}: cannot be read: {_why(error)}") from error
        kind = DiskError if error.errno in _DISK_TROUBLE else InputError
        raise kind(f"{target}: cannot be written: {_why(error)}") from error


def _elsewhere(error: OSError, target: Path, temporary: Path) -> bool:
    """Whether the error names a file that has nothing to do with the target."""
    if not isinstance(error.filename, str):
        return False
    named = Path(error.filename).absolute()
    ours = (target.absolute(), temporary.absolute())
    below = any(named.is_relative_to(place) for place in ours)
    return not (below or named in target.absolute().parents)


def _why(error: OSError) -> str:
    return error.strerror or os.strerror(error.errno or 0)
