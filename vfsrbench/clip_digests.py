"""Digests of clips without decoding them again: decoded-frame digests, remembered by the files' content."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vfsrbench.clip import Clip
from vfsrbench.files import whole_file
from vfsrbench.pictures import list_pictures

_DECODERS = ("pillow", "av", "numpy")


class ClipDigests:
    """Remembers the digest of decoded frames under the hash of the encoded files they came from.

    Hashing files costs a fraction of decoding them. The decoders' versions are part of the hash. Neither
    names of folders nor dates are: a file that changes is decoded again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._decoders = " ".join(f"{name}={_version(name)}" for name in _DECODERS)

    def of(self, clip: Clip) -> str:
        """The clip's digest (`Clip.digest`). InputError when a frame cannot be read."""
        files = clip_files(clip)
        if not files:
            return clip.digest()
        note = self._folder / f"{self._content(files, len(clip))}.txt"
        try:
            known = note.read_text().strip()
        except OSError:
            known = ""
        if len(known) == 64:
            return known
        digest = clip.digest()
        with whole_file(note) as temporary:
            temporary.write_text(digest)
        return digest

    def _content(self, files: list[Path], frames: int) -> str:
        total = hashlib.sha256(f"{self._decoders} frames={frames}\0".encode())
        for path in files:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        return total.hexdigest()


def clip_files(clip: Clip) -> list[Path]:
    """The files that a clip's frames are read from; none for clips in memory."""
    if clip.path is None:
        return []
    return list_pictures(clip.path)[: len(clip)] if clip.path.is_dir() else [clip.path]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
