"""Zip files as bundles are: written with the same bytes each time, read as if a stranger had made them."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import check_regular_file
from vfsrbench.weights.zip_member import overlapping

MOST_FILES = 200_000
MOST_NAME = 400
MOST_JSON = 64 << 20
"""Bytes of one JSON file, unpacked."""
MOST_FRAME = 64 << 20
"""Bytes of one picture."""
MOST_TEXT = 2 << 30
"""Bytes of all JSON files together, unpacked."""
MOST_FRAMES = 64 << 30
"""Bytes of all pictures together."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
_PART = re.compile(r"[A-Za-z0-9_~+@=,\[\]-][A-Za-z0-9_~+@=,.\[\]-]*")
_UNREADABLE = (BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)
_REMEDY = "get the bundle again from whoever made it"


def write_archive(target: IO[bytes], files: Iterable[tuple[str, bytes]]) -> None:
    """Write a zip file: the files in this order, all of one time and mode. Pictures are stored as they are.

    Equal files give equal bytes wherever zlib packs alike.
    """
    with ZipFile(target, "w") as archive:
        for name, data in files:
            info = ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = _MODE
            info.compress_type = ZIP_STORED if name.endswith(".png") else ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=6)


@dataclass(frozen=True)
class Archive:
    """A zip file whose names and sizes were looked at. Nothing of it is ever unpacked to a place it names."""

    path: Path
    sizes: Mapping[str, int]

    @classmethod
    def open(cls, path: str | Path) -> Archive:
        """Look at a bundle's list of files.

        Raises:
            InputError: It is no zip file, or holds what no bundle does: names that lead outside, twice the
                same name, links, encrypted files, more than the limits allow.
        """
        place = Path(path)
        if not os.path.lexists(place):
            raise InputError(f"{place}: no such bundle; `vfsrbench bundle BOARD` makes one")
        if place.is_dir():
            raise InputError(f"{place}: is a folder, a bundle is one zip file: name that")
        check_regular_file(place, "bundle")
        try:
            with ZipFile(place) as archive:
                members = archive.infolist()
        except _UNREADABLE as error:
            raise InputError(f"{place}: is not a whole zip file ({error}); {_REMEDY}") from None
        _check_members(place, members)
        return cls(place, {member.filename: member.file_size for member in members})

    @cached_property
    def _zip(self) -> ZipFile:
        return ZipFile(self.path)

    def read(self, name: str) -> bytes:
        """The bytes of one file. InputError if it is not there, or not what the list of files says."""
        if name not in self.sizes:
            raise InputError(f"{self.path}: holds no {name}; {_REMEDY}")
        try:
            with self._zip.open(name) as file:
                data = file.read(self.sizes[name] + 1)
        except _UNREADABLE as error:
            raise InputError(f"{self.path}: {name} cannot be unpacked ({error}); {_REMEDY}") from None
        if len(data) != self.sizes[name]:
            raise InputError(f"{self.path}: {name} has another size than the zip file says; {_REMEDY}")
        return data

    def sha256(self, name: str) -> str:
        """The SHA-256 of one file's bytes. Raises what `read` raises."""
        return hashlib.sha256(self.read(name)).hexdigest()


def _check_members(place: Path, members: list[ZipInfo]) -> None:
    if len(members) > MOST_FILES:
        raise InputError(f"{place}: holds {len(members)} files, a bundle has at most {MOST_FILES}")
    seen: set[str] = set()
    for member in members:
        problem = _problem_with(member)
        if problem:
            raise InputError(f"{place}: its file {member.filename[:MOST_NAME]!a} {problem}; {_REMEDY}")
        if member.filename.casefold() in seen:
            raise InputError(f"{place}: holds {member.filename!a} twice; {_REMEDY}")
        seen.add(member.filename.casefold())
    for suffix, most, what in ((".json", MOST_TEXT, "text"), (".png", MOST_FRAMES, "pictures")):
        total = sum(member.file_size for member in members if member.filename.endswith(suffix))
        if total > most:
            raise InputError(
                f"{place}: would unpack to {total >> 20} MiB of {what}, at most {most >> 20} are allowed"
            )
    if overlapping(members):
        raise InputError(f"{place}: its files overlap, as in a zip bomb; {_REMEDY}")


def _problem_with(member: ZipInfo) -> str:
    """What a bundle's file may not be; empty if it is in order."""
    name = member.filename
    if member.orig_filename != name or len(name) > MOST_NAME:
        return "has a name that no bundle has"
    if name.startswith(("/", "\\")) or any(part in ("", ".", "..") for part in name.split("/")[:-1]):
        return "leads out of the bundle"
    if name.endswith("/"):
        return "is a folder"
    if not all(_PART.fullmatch(part) for part in name.split("/")):
        return "leads out of the bundle" if ".." in name.split("/") else "has a name that no bundle has"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link" if kind == stat.S_IFLNK else "is no regular file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "is packed in a way that bundles are not"
    if not name.endswith((".json", ".png")):
        return "is neither JSON nor a PNG picture"
    if member.file_size > (MOST_JSON if name.endswith(".json") else MOST_FRAME):
        return f"would unpack to {member.file_size >> 20} MiB, too much for a bundle"
    return ""
