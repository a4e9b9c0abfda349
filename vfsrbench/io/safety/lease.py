"""Where a process keeps what it has not finished in a workspace: a folder of `scratch/` that names it.

Everything half-written lies there and is renamed to its place when it is whole, so that what a killed process
leaves is found without a walk through the workspace. The folder's name says on which machine the process
runs, which one it is and when it started: there every process can see whether it still runs. Elsewhere
a lease runs out when nothing in the folder has changed for a day.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import time
import uuid
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

SCRATCH = "scratch"
LEASE_SECONDS = 24 * 3600.0
"""After so long without a change another machine's folder counts as abandoned."""
_NAME = re.compile(r"(?P<machine>\w*-[0-9a-f]{12})-(?P<pid>\d+)-(?P<start>\d+)")
_OURS = re.compile(rf"{_NAME.pattern}|\.[0-9a-f]{{12}}\.clock")
"""What we make in `scratch/`: anything else there is the user's."""
_BESIDE = ".beside"
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.part(\..*)?")
_NAMED = re.compile(rf"\.{_NAME.pattern}{_TEMPORARY.pattern}")
"""A temporary name outside a workspace: it says itself whose it is."""


def begin(root: Path) -> Path:
    """This process's folder below the workspace at `root`; dead processes' folders are removed.

    OSError when it cannot be made.
    """
    own = root / SCRATCH / _own_name(os.getpid())
    own.mkdir(parents=True, exist_ok=True)
    os.utime(own)
    sweep(root)
    return own


def end(root: Path) -> None:
    """Remove this process's folder, and those of its workers that have ended."""
    shutil.rmtree(root / SCRATCH / _own_name(os.getpid()), ignore_errors=True)
    sweep(root)


def sweep(root: Path) -> None:
    """Remove the folders below `root/scratch` whose processes are dead or whose leases have run out."""
    with suppress(OSError):
        entries = list((root / SCRATCH).iterdir())
        now = _disk_time(root / SCRATCH)
        for folder in entries:
            if _OURS.fullmatch(folder.name) and not _lives(folder, now):
                _remove(folder)


def temporary_for(target: Path) -> Path:
    """A new name for what will be renamed to `target`: in the folder that this process has in the workspace
    that `target` lies in, or beside it where there is none (see `sweep_beside`)."""
    name = f".{uuid.uuid4().hex[:12]}.part{target.suffix}"
    beside = target.parent / name
    own = _own_name(os.getpid())
    for parent in target.absolute().parents:
        folder = parent / SCRATCH / own
        if folder.is_dir():
            os.utime(folder)
            if folder.stat().st_dev == _disk(target.absolute().parent):
                return folder / name
            # on another disk (a linked folder), where renaming is impossible: note where it is
            (folder / f"{name}{_BESIDE}").write_text(str(beside.absolute()), encoding="utf-8")
            return beside
    return target.parent / f".{own}{name}"


def sweep_beside(folder: Path) -> None:
    """Remove the unfinished files of ended processes that lie in a folder outside a workspace; those of other
    machines, or of this one before it was started anew, after a day."""
    with suppress(OSError):
        for path in folder.iterdir():
            found = _NAMED.fullmatch(path.name)
            if found is None:
                continue
            if found["machine"] == _machine():
                lives = str(_start_of(int(found["pid"]))) == found["start"]
            else:
                lives = time.time() - _newest(path) < LEASE_SECONDS
            if not lives:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _disk(folder: Path) -> int:
    """The disk on which the folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return folder.stat().st_dev


def _own_name(pid: int) -> str:
    return f"{_machine()}-{pid}-{_start_of(pid)}"


@lru_cache(maxsize=1)
def _machine() -> str:
    """This machine, since it was started, and the container we are in: where process ids mean the same."""
    host = socket.gethostname()
    facts = [host, _read("/proc/sys/kernel/random/boot_id")]
    with suppress(OSError):
        facts.append(str(Path("/proc/self/ns/pid").readlink()))
    safe = re.sub(r"[^A-Za-z0-9]", "_", host)[:32]
    return f"{safe}-{hashlib.sha256('|'.join(facts).encode()).hexdigest()[:12]}"


def _start_of(pid: int) -> int | None:
    """When the process started, in the system's own ticks; None if there is none that runs."""
    stat = _read(f"/proc/{pid}/stat")
    if stat:
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in {"Z", "X"} else int(fields[19])
    if Path("/proc/self/stat").exists():
        return None
    import psutil  # systems without /proc

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time())
    except psutil.Error:
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _lives(folder: Path, now: float) -> bool:
    found = _NAME.fullmatch(folder.name)
    if found and found["machine"] == _machine():
        return str(_start_of(int(found["pid"]))) == found["start"]
    return now - _newest(folder) < LEASE_SECONDS


def _newest(folder: Path) -> float:
    """When something in the folder changed last."""
    times = [0.0]
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times)


def _disk_time(folder: Path) -> float:
    """The time by the clock that stamps files there, which may be a server's."""
    probe = folder / f".{uuid.uuid4().hex[:12]}.clock"
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    if not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    for note in folder.glob(f".*{_BESIDE}"):
        with suppress(OSError, ValueError):  # a damaged note leads nowhere
            path = Path(note.read_text(encoding="utf-8"))
            if _TEMPORARY.fullmatch(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
