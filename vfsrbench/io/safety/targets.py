"""Where results may go: never onto, into or around an input, and never over a file that is not ours."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.safety.lease import sweep_beside
from vfsrbench.io.safety.ownership import NOTE, Made, claim, is_made, note_file, read_made

_Id = tuple[int, int]


def refuse_overlap(target: Path, inputs: Iterable[str | Path | None]) -> None:
    """Do nothing if writing to `target` cannot touch an input.

    Places are compared by what the file system says of them, after links are followed: so links, hard links,
    `..` and file systems that do not tell `A` from `a` are seen through.

    Args:
        target: A file or folder that is to be written; it need not exist.
        inputs: Files and folders that are read; those that do not exist (and None) are left out.

    Raises:
        InputError: The target is an input, holds one, or lies inside one.
    """
    there = _way_up(target)
    itself = _id(target)
    for source in inputs:
        found = None if source is None else _id(Path(source))
        if source is None or found is None:
            continue
        if found == itself:
            how = "is an input itself" if Path(source) == target else f"is the input {source}"
        elif found in there:
            how = f"lies inside the input {source}"
        elif itself is not None and itself in _way_up(Path(source)):
            how = f"holds the input {source}"
        else:
            continue
        raise InputError(f"{target}: {how}; choose another place for the results, nothing was written")


def read_places(source: str | Path | None) -> list[Path]:
    """A source and, of a folder whose files are links, one file of each folder that they lead to: what
    `refuse_overlap` is to know of a clip. None is read from nowhere."""
    if source is None:
        return []
    source = Path(source)
    led_to: dict[str, Path] = {}
    if source.is_dir():
        with os.scandir(source) as entries:
            for entry in entries:
                if entry.is_symlink():
                    led_to.setdefault(str(Path(entry.path).resolve().parent), Path(entry.path))
    return [source, *led_to.values()]


def check_out_folder(out: Path, inputs: Iterable[str | Path | None] = ()) -> None:
    """Do nothing if results can be written below the folder `out`, which need not exist.

    Raises:
        InputError: It is a file, cannot be written, or overlaps an input (see `refuse_overlap`).
    """
    refuse_overlap(out, inputs)
    for step in (out, *out.parents):
        if _id(step) is None and step.is_symlink():
            raise InputError(f"{out}: {step} is a link that leads nowhere; choose another folder")
    place = Path(os.path.realpath(out))
    while _id(place) is None and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise InputError(f"{out}: {place} is a file, not a folder; choose another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{out}: cannot be written: {place} allows no new files; choose another folder")


def check_path(path: Path) -> Path:
    """The path back. InputError if nothing can have that name: it is too long, or holds a zero."""
    _id(path)
    return path


def check_own_file(
    path: Path, root: Path | None = None, mend: bool = False, made: Made | None = None
) -> None:
    """Do nothing if a file is not there, or is ours by the note of `root` (see `own_file`), which says
    `made` if it was read before.

    Raises:
        InputError: We did not make it, or it was changed since. Says what to do.
    """
    if not os.path.lexists(path):
        return
    place = root or _owner_of(path)
    if path.is_symlink():
        raise InputError(f"{path}: is there already, a symbolic link; remove it or choose another folder")
    made = made or read_made(place)
    if not is_made(path, made, place, mend):
        changed = made is not None and path.relative_to(place).as_posix() in made.files
        what = "was changed since vfsrbench made it" if changed else "vfsrbench did not make it"
        raise InputError(f"{path}: is there already, and {what}; move it away or choose another folder")


@contextmanager
def own_file(path: Path, root: Path | None = None, mend: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, as `atomic_file` gives it; the file is noted as ours in `root`.

    Args:
        path: The file. What was there is replaced only if we made it, by the note's name and SHA-256.
        root: The folder that carries the note; by default the one whose note names the file already, or the
            file's own.
        mend: A file of ours that was changed is replaced.

    Raises:
        InputError: A file that we did not make is there, or the disk is full.
    """
    place = root or _owner_of(path)
    check_own_file(path, place, mend)
    with atomic_file(path) as temporary:
        yield temporary
        check_own_file(path, place, mend)
        _note(place, path, temporary)


def claim_folder(folder: Path, names: Iterable[str], lasting: Iterable[str] = ()) -> None:
    """Take a folder into use, in which results are put beside whatever else is there; what killed processes
    left unfinished in it goes away.

    Args:
        folder: The folder; made if it is missing.
        names: What will be written into it. None of it may be there, unless our note is.
        lasting: Folders in it whose files are not written again, and so need no look.

    Raises:
        InputError: Something that is not ours would be written over.
    """
    check_out_folder(folder)
    made = read_made(folder)
    if made is None:
        taken = [name for name in names if os.path.lexists(folder / name)]
        if taken:
            raise InputError(
                f"{folder}: holds {taken[0]!r}, which vfsrbench did not make; choose another folder, or move "
                "it away"
            )
    names_of_ours = () if made is None else tuple(made.files)
    for place in sorted({(folder / name).parent for name in names_of_ours}):
        sweep_beside(place)
    kept = set(lasting)
    for name in names_of_ours:
        if name.partition("/")[0] not in kept:
            check_own_file(folder / name, folder, made=made)
    try:
        claim(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}; choose another folder") from None


def _note(folder: Path, path: Path, content: Path) -> None:
    try:
        note_file(folder, path, content)
    except OSError as error:
        note = folder / NOTE
        if error.filename is None or Path(error.filename) != note:
            raise
        raise InputError(
            f"{path}: the note of our files, {note}, cannot be written: {error.strerror}; "
            "choose another folder"
        ) from error


def _owner_of(path: Path) -> Path:
    """The nearest folder above a file whose note says that what is there is ours, else the nearest whose note
    names it, else the folder that it lies in.

    A note further up that does not name it says nothing of it: it may be somebody else's, of a shared folder.
    """
    there, named = os.path.lexists(path), []
    for folder in path.parents:
        made = read_made(folder)
        if made is None:
            continue
        if there and is_made(path, made, folder):
            return folder
        if path.relative_to(folder).as_posix() in made.files:
            named.append(folder)
    return named[0] if named else path.parent


def _way_up(path: Path) -> set[_Id]:
    """What the place is, where it is there, and all the folders around it."""
    real = Path(os.path.realpath(path))
    return {found for place in (real, *real.parents) if (found := _id(place)) is not None}


def _id(path: Path) -> _Id | None:
    """Device and inode, links followed; None where nothing is. InputError for what cannot be a path."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        shown = str(path) if len(str(path)) < 120 else f"{str(path)[:100]}..."
        raise InputError(f"{shown!r}: cannot be used as a path: {why}; choose another name") from None
    return found.st_dev, found.st_ino
