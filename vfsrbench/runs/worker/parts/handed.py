"""Restored clips on their way from the task that made them to the one that scores them."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vfsrbench.errors import DamagedFile
from vfsrbench.io.clip import Clip
from vfsrbench.io.raw import RawFrames
from vfsrbench.io.safety.sealed import read_note, reading, write_note
from vfsrbench.results.restored_store import KeptNote
from vfsrbench.runtime.versions import versions

_KIND = "handed-frames-1"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HandedFrames:
    """Raw frames in a folder that all workers see, by the key of the restoration, with a note of how they
    were made. The note comes last: with it, the frames are whole.

    Args:
        folder: The folder; it is there.
    """

    folder: Path

    def put(self, raw: RawFrames, note: KeptNote) -> None:
        """Hand over a restored clip; its file goes to another place."""
        place = self.place(note.restore_key)
        raw.path.replace(place)
        size = {"length": raw.length, "height": raw.height, "width": raw.width}
        names = None if raw.names is None else list(raw.names)
        content = {"note": asdict(note), **size, "names": names, "versions": versions()}
        write_note(self._note(note.restore_key), _KIND, content)

    def is_there(self, restore_key: str) -> bool:
        """Whether the clip was handed over."""
        return self._note(restore_key).is_file() and self.place(restore_key).is_file()

    def get(self, restore_key: str, name: str, fps: float) -> tuple[Clip, KeptNote, dict[str, str]] | None:
        """The clip, how it was made, and the versions of what made it; None if it is not there whole."""
        path, place = self._note(restore_key), self.place(restore_key)
        try:
            with reading(path):
                content: dict[str, Any] = read_note(path, _KIND)
                note = KeptNote(**content["note"])
                names = content["names"] and tuple(content["names"])
                raw = RawFrames(
                    place, content["length"], content["height"], content["width"], note.digest, names
                )
            if place.stat().st_size != raw.length * raw.height * raw.width * 3:
                raise DamagedFile(place, "it is cut off")
            clip = Clip(raw, name, fps)
            if note.restore_key != restore_key or clip.digest() != note.digest:
                raise DamagedFile(place, "its frames are not those that were written")
        except FileNotFoundError:
            return None
        except DamagedFile as damage:
            log.warning("%s", damage)
            self.remove(restore_key)
            return None
        return clip, note, dict(content["versions"])

    def remove(self, restore_key: str) -> None:
        """Free its place on the disk: it is scored, or no use."""
        for path in (self._note(restore_key), self.place(restore_key)):
            with suppress(OSError):
                path.unlink()

    def place(self, restore_key: str) -> Path:
        """The file of raw frames."""
        return self.folder / f"{restore_key[:40]}.raw"

    def _note(self, restore_key: str) -> Path:
        return self.folder / f"{restore_key[:40]}.json"
