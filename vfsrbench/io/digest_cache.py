"""Digests of clips without decoding them again: decoded-frame digests, remembered by the files' content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.hashing.code import module_digest
from vfsrbench.io.clip import Clip
from vfsrbench.io.images.folder import list_pictures
from vfsrbench.io.safety.damaged import SetAside, leave
from vfsrbench.io.safety.sealed import read_note, write_note

_KIND = "clip-digest-1"
_DECODERS = ("pillow", "av", "numpy")
_READERS = ("vfsrbench.io.images.reader", "vfsrbench.io.video.reader")


class ClipDigests:
    """Remembers the digest of decoded frames under the hash of the encoded files they came from.

    Hashing files costs a fraction of decoding them. The decoders' versions and our own code that reads
    frames are part of the hash. Neither names of folders nor dates are: a file that changes is decoded again.
    """

    def __init__(
        self,
        folder: Path,
        set_aside: SetAside = leave,
        decode: Callable[[Clip], str] | None = None,
    ) -> None:
        """Digests lie in `folder`; `decode` finds those that do not (default: `Clip.digest`), and `set_aside`
        gets damaged ones."""
        self._folder = folder
        self._set_aside, self._decode = set_aside, decode
        versions = [f"{name}={_version(name)}" for name in _DECODERS]
        self._decoders = " ".join(versions + [f"{name}={module_digest(name)}" for name in _READERS])

    def of(self, clip: Clip) -> str:
        """The clip's digest (`Clip.digest`). InputError when a frame cannot be read."""
        files = clip_files(clip)
        if not files:
            return clip.digest()
        content = self._content(files, len(clip))
        note = self._folder / f"{content}.json"
        known = self._known(note)
        if known.get("content") == content:
            return str(known["digest"])
        digest = clip.digest() if self._decode is None else self._decode(clip)
        write_note(note, _KIND, {"content": content, "digest": digest})
        return digest

    def _known(self, note: Path) -> dict[str, str]:
        try:
            return read_note(note, _KIND)
        except FileNotFoundError:
            return {}
        except DamagedFile as error:
            self._set_aside(error)
            return {}

    def _content(self, files: list[Path], frames: int) -> str:
        total = hashlib.sha256(f"{self._decoders} frames={frames}\0".encode())
        for path in files:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        return total.hexdigest()


def check_unchanged(digests: ClipDigests, clip: Clip, planned: str, what: str) -> None:
    """InputError when the clip's files do not hold the frames any more that the run was planned with.

    Frames without files of their own (`clip_files`) are not looked at.
    """
    if clip_files(clip) and digests.of(clip) != planned:
        raise InputError(
            f"clip {clip.name!r}: {what} ({clip.path}) changed while the run was going on; run again"
        )


def clip_files(clip: Clip) -> list[Path]:
    """The files whose frames a clip has; none for clips in memory and for changed frames."""
    if clip.path is None or clip.changed:
        return []
    return list_pictures(clip.path)[: len(clip)] if clip.path.is_dir() else [clip.path]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
