"""One file out of a zip archive from elsewhere. The whole archive is checked before anything is written."""

from __future__ import annotations

import errno
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath, PureWindowsPath

MOST_MEMBERS = 10_000
MOST_RATIO = 100
"""Times that a member may grow when it is unpacked; networks' weights hardly shrink at all."""
MOST_BYTES = 16 << 30
"""Bytes that all members may have together."""
CHUNK = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED, _STRONGLY, _HIDDEN = 0x1, 0x40, 0x2000
# what zipfile raises for damaged and odd archives
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # also UnicodeDecodeError
    OverflowError,
)


class ArchiveError(Exception):
    """Why nothing is taken out of an archive."""


def extract_member(archive: Path, member: str, target: Path, size: int | None = None) -> None:
    """Write the one file called `member` to `target`.

    Args:
        archive: The zip file.
        member: The file's path in the archive; without a folder it may lie in any.
        target: Where it goes; nothing else is written.
        size: Its exact size in bytes, if that is known.

    Raises:
        ArchiveError: the archive is damaged, encrypted, or holds names that leave a folder, links, the same
            name twice, overlapping or far too large members; the member is missing, there twice, or of
            another size.
        OSError: the disk is full or `target` cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            members = content.infolist()
            _check_all(members)
            chosen = _one(members, member)
            if size is not None and chosen.file_size != size:
                raise ArchiveError(f"{member} has {chosen.file_size} bytes in it, {size} are expected")
            _write(content, chosen, target)
    except _DAMAGE as error:
        reason = str(error).split("\n")[0][:100] or type(error).__name__
        raise ArchiveError(f"the archive is damaged or no zip file ({reason})") from None
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # offsets that lead nowhere
            raise ArchiveError(f"the archive is damaged ({error})") from None
        raise


def _check_all(members: Sequence[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_MEMBERS:
        raise ArchiveError(f"the archive holds {len(members)} files, at most {MOST_MEMBERS} are read")
    seen: set[str] = set()
    for member in members:
        problem = _problem_with(member)
        if problem:
            raise ArchiveError(f"the archive holds {member.orig_filename!r}, {problem}; it is not unpacked")
        name = member.filename.casefold()
        if name in seen:
            raise ArchiveError(f"the archive holds {member.orig_filename!r} twice; it is not unpacked")
        seen.add(name)
    total = sum(m.file_size for m in members)
    if total > MOST_BYTES:
        raise ArchiveError(f"the archive would unpack to {total} bytes, at most {MOST_BYTES} are allowed")
    if overlapping(members):
        raise ArchiveError("the archive's members overlap; it is not unpacked")


def overlapping(members: Sequence[zipfile.ZipInfo]) -> bool:
    """Whether two members share bytes of the archive, as in a zip bomb."""
    ordered = sorted(members, key=lambda m: m.header_offset)
    return any(a.header_offset + a.compress_size > b.header_offset for a, b in pairwise(ordered))


def _problem_with(member: zipfile.ZipInfo) -> str:
    name = member.orig_filename
    path = PurePosixPath(name.replace("\\", "/"))
    mode = member.external_attr >> 16
    if not name or "\0" in name or path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        return "a name that leads out of its folder"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or special file"
    if member.flag_bits & (_ENCRYPTED | _STRONGLY | _HIDDEN):
        return "which is encrypted"
    if member.compress_type not in _METHODS:
        return "which is packed in an unusual way"
    if member.file_size > MOST_RATIO * max(member.compress_size, 1 << 10):
        return f"which would grow more than {MOST_RATIO} times when unpacked"
    return ""


def _one(members: Sequence[zipfile.ZipInfo], name: str) -> zipfile.ZipInfo:
    wanted = (lambda m: m.filename) if "/" in name else (lambda m: PurePosixPath(m.filename).name)
    found = [m for m in members if not m.is_dir() and wanted(m) == name]
    if len(found) != 1:
        raise ArchiveError(f"the archive has {len(found) or 'no'} files named {name}")
    return found[0]


def _write(content: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    done = 0
    with content.open(member) as source, target.open("wb") as sink:
        while piece := source.read(CHUNK):
            done += len(piece)
            if done > member.file_size:
                raise ArchiveError(f"{member.filename!r} is larger than the archive says")
            sink.write(piece)
    if done != member.file_size:
        raise ArchiveError(f"{member.filename!r} ends early in the archive")
