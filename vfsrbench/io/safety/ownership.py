"""What we wrote into a folder: a hidden note that names our files, so that no other file is ever replaced.

`.vfsrbench.jsonl` is a journal. Its first line says that the folder is ours, every further one names a file
and the SHA-256 of what we wrote there, and has a checksum of its own. A line is written before its file takes
its name, so a program that is killed in between never leaves a file behind that the next run would not know
as its own. Of a damaged line either half of the SHA-256 still vouches for the file's content.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from degradations.errors import InputError

NOTE = ".vfsrbench.jsonl"
_FORMAT = "vfsrbench-folder-1"
_ABOUT = "files that vfsrbench made here, and may replace"
_HEAD = {"format": _FORMAT, "about": _ABOUT}


@dataclass
class Made:
    """What a note says. `files`: path relative to the folder, with forward slashes -> SHA-256 of everything
    that we ever wrote there. `damaged`: the lines whose checksum differs."""

    files: dict[str, set[str]] = field(default_factory=dict)
    damaged: str = ""


def read_made(folder: Path) -> Made | None:
    """The files that the folder's note names as ours; None if it carries no note of ours."""
    text = _note(folder)
    if text is None:
        return None
    made = Made()
    for line in text.split("\n"):
        entry = _parse(line)
        if entry is not None:
            made.files.setdefault(entry["file"], set()).add(entry["sha256"])
        elif line not in ("", json.dumps(_HEAD)):
            made.damaged += f"{line}\n"
    return made


def claim(folder: Path) -> None:
    """Write the note's first line into a folder that carries none; the folder is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    if _note(folder) is None:
        _append(folder, [_HEAD])


def note_file(folder: Path, path: Path, content: Path) -> None:
    """Name `path`, below `folder`, as ours, with what is in the file `content` and will be renamed to it."""
    claim(folder)
    _append(folder, [_entry(folder, path, sha256_of(content))])


def note_files(folder: Path, contents: Mapping[Path, Path]) -> None:
    """`note_file` of many: path below `folder` -> the file with what will be renamed to it. What the note
    says already is not said again."""
    claim(folder)
    made = read_made(folder) or Made()
    entries = [_entry(folder, path, sha256_of(content)) for path, content in contents.items()]
    _append(folder, [e for e in entries if e["sha256"] not in made.files.get(e["file"], ())])


def note_all(folder: Path) -> None:
    """Name every file that lies in a folder we have just filled."""
    claim(folder)
    files = [path for path in _entries(folder) if path.name != NOTE or path.parent != folder]
    _append(folder, [_entry(folder, path, sha256_of(path)) for path in files])


def is_made(path: Path, made: Made | None, root: Path, mend: bool = False) -> bool:
    """Whether the file at `path` is ours by the note of `root`: a regular file of a name and content that we
    wrote there. mend: the name is enough, and other content counts as damage."""
    if made is None:
        return False
    known = made.files.get(_relative(root, path))
    try:
        if (known is None and not made.damaged) or not stat.S_ISREG(path.lstat().st_mode):
            return False
        if known is not None and mend:
            return True
        sha256 = sha256_of(path)
        half = len(sha256) // 2
        return sha256 in (known or ()) or sha256[:half] in made.damaged or sha256[half:] in made.damaged
    except FileNotFoundError:  # another process has just replaced it: there is nothing to lose
        return True


def check_replaceable(folder: Path, mend: bool = False) -> None:
    """Do nothing if a folder may be replaced: it is missing or empty, or all in it is ours.

    Args:
        folder: The folder.
        mend: A file of ours whose content changed counts as damaged, not as the user's work.

    Raises:
        InputError: It is not ours, or holds something that we did not make. Says what to do.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        what = "a symbolic link" if folder.is_symlink() else "not a folder"
        raise InputError(f"{folder}: is there already, and is {what}; remove it or choose another folder")
    made = read_made(folder)
    for path in _entries(folder):
        made = read_made(folder) if made is None else made  # it may have come with a folder of this moment
        if made is None:
            raise InputError(
                f"{folder}: is there already and was not made by vfsrbench (it carries no {NOTE}); remove it "
                "or choose another folder"
            )
        if path != folder / NOTE and not is_made(path, made, folder, mend):
            named = _relative(folder, path)
            if path.name == NOTE and read_made(path.parent) is not None:
                place = _relative(folder, path.parent)
                raise InputError(
                    f"{folder}: holds figures or tables that vfsrbench put into {place!r}; move them away or "
                    "choose another folder"
                )
            what = "was changed since vfsrbench made it" if named in made.files else "vfsrbench did not make"
            raise InputError(
                f"{folder}: holds {named!r}, which {what}; move it away or choose another folder"
            )


def remove_made(folder: Path) -> bool:
    """Remove what the folder's note names, and the folder if nothing is left; whether it is gone."""
    made = read_made(folder)
    if made is None:
        return False
    for path in list(_entries(folder)):
        if path != folder / NOTE and is_made(path, made, folder, mend=True):
            path.unlink()
    if [path for path in _entries(folder) if not path.is_dir() or path.is_symlink()] == [folder / NOTE]:
        (folder / NOTE).unlink()
    for place, _, _ in os.walk(folder, topdown=False):
        if not any(Path(place).iterdir()):
            Path(place).rmdir()
    return not os.path.lexists(folder)


def discard(folder: Path, target: Path) -> None:
    """Remove our files from a folder that was moved aside from `target`. What else appeared in it meanwhile
    stays, under a name that can be seen."""
    if not remove_made(folder):
        folder.rename(target.with_name(f"{target.name}.left-{uuid.uuid4().hex[:6]}"))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(folder: Path) -> str | None:
    """The text of the folder's note; None if it carries none of ours."""
    try:
        if not (folder / NOTE).is_file():  # a pipe would be waited for
            return None
        text = (folder / NOTE).read_text(encoding="utf-8", errors="surrogateescape")
    except (OSError, ValueError):
        return None
    # a damaged first line still has one of the two
    return text if _FORMAT in text or _ABOUT in text else None


def _entries(folder: Path) -> Iterator[Path]:
    """All that lies below: files, links, and folders in which there is nothing."""
    for place, folders, files in os.walk(folder):
        inside = sorted([*files, *(name for name in folders if (Path(place) / name).is_symlink())])
        yield from (Path(place) / name for name in inside)
        if not folders and not files and Path(place) != folder:
            yield Path(place)


def _entry(folder: Path, path: Path, sha256: str) -> dict[str, str]:
    name = _relative(folder, path)
    return {"file": name, "sha256": sha256, "check": _check(name, sha256)}


def _check(name: str, sha256: str) -> str:
    """The checksum of a line."""
    return hashlib.sha256(json.dumps([name, sha256]).encode()).hexdigest()[:16]


def _relative(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _parse(line: str) -> dict[str, str] | None:
    """A file's line; None if it is damaged, cut off when a program was killed, or none of a file."""
    try:
        entry = json.loads(line)
        whole = entry["check"] == _check(entry["file"], entry["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if whole else None


def _append(folder: Path, entries: list[dict[str, str]]) -> None:
    if not entries:
        return
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    note = folder / NOTE
    with note.open("ab+") as file:  # one write: several processes may note files in one folder
        if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            text = "\n" + text  # the last line was cut off
        file.write(text.encode("ascii"))
