"""A report is built beside the old one and takes its place when all of it is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.io.safety.lease import sweep_beside, temporary_for
from vfsrbench.io.safety.ownership import NOTE, is_made, note_files, read_made
from vfsrbench.io.safety.targets import check_own_file


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A folder in `out` to build in; its files move to their places in `out` when the block ends well.

    Whatever goes wrong before (a full disk, Ctrl-C), `out` is as it was. The moves are renames: they need no
    room. Files of an earlier report that the new one does not have stay. What killed reports left goes away.

    Args:
        out: The report's folder, claimed before (`vfsrbench.io.safety.targets.claim_folder`).

    Raises:
        InputError: The disk is full, `out` cannot be written, or a file that we did not make is in the way.
    """
    stage = temporary_for(out / "report")
    try:
        sweep_beside(out)
        stage.mkdir()
        yield stage
        _publish(stage, out)
    except InputError as error:  # the user knows the file by the name that it was to have
        raise InputError(str(error).replace(str(stage), str(out))) from error
    except OSError as error:
        if error.errno is None:
            raise
        raise InputError(
            f"{out}: cannot be written: {os.strerror(error.errno)}; what was there is unchanged; make room, "
            "or choose another folder"
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _publish(stage: Path, out: Path) -> None:
    """All that can fail comes first, then nothing but renames; the page last, when what it shows is there."""
    names = [p.relative_to(stage) for p in stage.rglob("*") if p.is_file() and p.name != NOTE]
    names.sort(key=lambda name: (name.name == "index.html", name.as_posix()))
    made = read_made(out)
    for name in names:
        if not is_made(out / name, made, out):
            check_own_file(out / name)  # a figure that was put there alone has a note of its own
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
    note_files(out, {out / name: stage / name for name in names})
    for name in names:
        (stage / name).replace(out / name)
