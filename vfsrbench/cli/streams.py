"""Standard output and error that never end a finished run: any encoding, a reader that has gone."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TextIO

from vfsrbench.errors import InputError


class PatientStream(io.TextIOWrapper):
    """A text stream that escapes what its encoding lacks, and drops what it gets after its reader has gone.

    InputError when it leads to a file that cannot be written (a full disk), unless it is `silent`.
    """

    silent = False

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._leave(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._leave(error)

    def _leave(self, error: OSError) -> None:
        """What is still buffered, and all that follows, goes nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, self.fileno())
        finally:
            os.close(nowhere)
        if not (self.silent or isinstance(error, BrokenPipeError)):
            raise InputError(f"standard output: cannot be written: {error.strerror}") from None


def make_patient() -> None:
    """Put patient streams in the place of the process's own; streams that were closed lead nowhere."""
    sys.stdout = _patient(sys.stdout)
    sys.stderr = _patient(sys.stderr)
    if isinstance(sys.stderr, PatientStream):
        sys.stderr.silent = True


def _patient(stream: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper) or isinstance(stream, PatientStream):
        return stream
    encoding, lines, through = stream.encoding, stream.line_buffering, stream.write_through
    return PatientStream(
        stream.detach(), encoding, "backslashreplace", line_buffering=lines, write_through=through
    )
