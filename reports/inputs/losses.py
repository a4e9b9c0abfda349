"""What a report could not show: damaged files, set aside and named, while the report goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from vfsrbench.errors import DamagedFile
from vfsrbench.io.safety.damaged import DamagedPieces


@dataclass
class Losses:
    """Collects lines for the reader, each once."""

    pieces: DamagedPieces
    lines: list[str] = field(default_factory=list)

    def set_aside(self, error: DamagedFile) -> None:
        """Set a damaged file of the workspace aside, so that the next run makes it again, and name it."""
        self.pieces.set_aside(error)
        self.say(str(error))

    def say(self, line: str) -> None:
        """Name anything else that is missing from the report, and why."""
        if line not in self.lines:
            self.lines.append(line)
