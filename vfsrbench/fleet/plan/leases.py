"""Leases on the units of a plan: files in a shared folder, so that one worker at a time has a unit.

`UNIT.N` is the N-th lease on a unit. It is made by a link, which one process alone can make, also on NFS, and
it is never removed: whoever takes a unit over makes lease N + 1, and that is how its last holder learns that
the unit is no longer its own. Beside it lie `UNIT.N.at` (what its holder does) and `UNIT.N.left` (its holder
has given it back).

A holder gives a sign of life by the lease's time of change. How old that is, is told by the file system
alone: it is compared with a file that was touched just now in the same folder. No machine's clock counts.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vfsrbench.engines.base import Event

SILENCE = 120.0
"""Seconds without a sign of life after which a unit may be taken over, unless a plan says otherwise. NFS may
show what other machines wrote a minute late."""
BEATS = 8
"""Signs of life in that time."""
_NAME = re.compile(r"(?P<unit>\d+)\.(?P<number>\d+)(?P<suffix>\.left)?")


class LeaseLost(BaseException):
    """This process's lease has run out, and another process has the unit.

    It is no `Exception`: what methods and metrics raise is caught and recorded; this ends the unit.
    """


@dataclass(frozen=True)
class Owner:
    """Who holds a lease: the run that it works for, and the process."""

    run: str
    host: str
    pid: int
    device: str = ""

    def __str__(self) -> str:
        on = f" on {self.device}" if self.device else ""
        return f"{self.host}, process {self.pid}{on}"


@dataclass(frozen=True)
class Lease:
    """A lease as others see it.

    Attributes:
        unit: The unit's number.
        number: How many leases the unit has had, this one included.
        owner: None where the file is damaged.
        age: Seconds since the last sign of life.
        held: Seconds since it was made.
        since: When it was made, by the file system's clock.
        silent: Whether it may be taken over.
        event: What its holder does.
        damage: What is wrong with its file; empty if nothing is.
    """

    unit: str
    number: int
    owner: Owner | None
    age: float
    held: float
    silent: bool
    since: float
    event: Event | None = None
    damage: str = ""


@dataclass
class Listing:
    """What lies in the folder: the last lease of each unit, and those that were given back."""

    last: dict[str, int] = field(default_factory=dict)
    left: set[tuple[str, int]] = field(default_factory=set)

    def open_now(self, unit: str) -> bool:
        """Whether nobody has the unit: it was never taken, or given back."""
        return unit not in self.last or (unit, self.last[unit]) in self.left


class Leases:
    """The leases of one plan.

    Args:
        folder: Where they lie; it is there.
        silence: Seconds without a sign of life after which a lease has run out.
    """

    def __init__(self, folder: Path, silence: float = SILENCE) -> None:
        self.folder, self.silence = folder, silence

    def now(self) -> float:
        """The time by the clock that stamps files here."""
        probe = self.folder / f".{uuid.uuid4().hex[:12]}.clock"
        descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_RDWR)
        try:
            os.write(descriptor, b"\n")
            os.utime(probe)
            return os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
            with suppress(OSError):
                probe.unlink()

    def listing(self) -> Listing:
        """All leases, by one look into the folder."""
        found = Listing()
        for entry in os.scandir(self.folder):
            match = _NAME.fullmatch(entry.name)
            if match is None:
                continue
            unit, number = match["unit"], int(match["number"])
            if match["suffix"]:
                found.left.add((unit, number))
            else:
                found.last[unit] = max(number, found.last.get(unit, 0))
        return found

    def take(self, unit: str, number: int, owner: Owner) -> Held | None:
        """Make the `number`-th lease on a unit; None if another process was first."""
        path = self.folder / f"{unit}.{number}"
        content = json.dumps({"owner": asdict(owner), "since": self.now()})
        if not create(path, content.encode()):
            return None
        return Held(self, unit, number)

    def look(self, unit: str, number: int, now: float | None = None) -> Lease | None:
        """A lease as it stands; None if there is none. `now`: by `now()`, if it is known."""
        try:
            # opening it makes NFS ask the server: what `stat` says may be a minute old
            with (self.folder / f"{unit}.{number}").open("rb") as file:
                changed = os.fstat(file.fileno()).st_mtime
                content = file.read()
        except FileNotFoundError:
            return None
        now = self.now() if now is None else now
        # a time to come was stamped before the server's clock was set back
        age = abs(now - changed)
        owner, since, damage = _parsed(content)
        held = now - since if since is not None else age
        silent = age > self.silence
        path = self.folder / f"{unit}.{number}"
        damage = f"{path}: is damaged ({damage}); it runs out like any other" if damage else ""
        return Lease(unit, number, owner, age, held, silent, now - held, self.at(unit, number), damage)

    def at(self, unit: str, number: int) -> Event | None:
        """What the lease's holder said last that it does."""
        try:
            return Event(**json.loads((self.folder / f"{unit}.{number}.at").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def lost_tries(self, unit: str, number: int) -> int:
        """How many holders of the leases before this one died: none of those that gave theirs back."""
        return sum(not self._left(unit, n).get("well", False) for n in range(1, number))

    def why_left(self, unit: str, number: int) -> str:
        """Why a lease was given back; empty if it was not, or nothing was said."""
        return str(self._left(unit, number).get("why", ""))

    def _left(self, unit: str, number: int) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / f"{unit}.{number}.left").read_bytes()))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError):
            return {"well": True}


class Held:
    """A lease that this process holds. A thread gives the signs of life until `close`."""

    def __init__(self, leases: Leases, unit: str, number: int) -> None:
        self.unit, self.number = unit, number
        self._leases = leases
        self._path = leases.folder / f"{unit}.{number}"
        self._next = leases.folder / f"{unit}.{number + 1}"
        self._every = leases.silence / BEATS
        self._event: Event | None = None
        self._written: Event | None = None
        self._lost = False
        self._beaten = _running_time()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name=f"lease {unit}", daemon=True)
        self._thread.start()

    def on_event(self, event: Event) -> None:
        """An engine's `EventSink`: what this process does now.

        Raises:
            LeaseLost: Another process has the unit.
        """
        known, self._event = self._event, event
        if known is None or (known.job, known.step) != (event.job, event.step):
            self.confirm()
            self._write_event()
        elif self._lost or _running_time() - self._beaten > 2 * self._every:
            self.confirm()  # this process stood still

    def confirm(self) -> None:
        """LeaseLost if another process has the unit, or the plan is gone."""
        if self._lost or self._next.exists() or not self._path.exists():
            self._lost = True
            raise LeaseLost(self.unit)

    def leave(self, why: str = "", well: bool = True) -> None:
        """Give the unit back: it may be taken at once. `well`: this is no failed try."""
        self.close()
        with suppress(OSError):
            create(Path(f"{self._path}.left"), json.dumps({"why": why, "well": well}).encode())

    def close(self) -> None:
        """No more signs of life."""
        self._ended.set()
        self._thread.join()

    def _beat_on(self) -> None:
        while not self._ended.wait(self._every):
            with suppress(OSError):  # the file system does not answer: perhaps it will the next time
                if self._next.exists():
                    self._lost = True
                    return
                os.utime(self._path)
                self._beaten = _running_time()
                self._write_event()

    def _write_event(self) -> None:
        event = self._event
        if event is not None and event != self._written:
            with suppress(OSError):
                replace_file(Path(f"{self._path}.at"), json.dumps(asdict(event)).encode())
                self._written = event


def create(path: Path, content: bytes) -> bool:
    """Make a file with its content, whole, unless there is one; whether this process made it.

    A link is made or not made at once, on NFS too, where a lost answer is found out by the number of names.
    Where there are no links the file is opened with `O_EXCL`.
    """
    unfinished = path.with_name(f".{uuid.uuid4().hex[:12]}.part")
    unfinished.write_bytes(content)
    try:
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return unfinished.stat().st_nlink == 2
        except OSError:
            if unfinished.stat().st_nlink == 2:
                return True
            return _create_alone(path, content)
        return True
    finally:
        with suppress(OSError):
            unfinished.unlink()


def replace_file(path: Path, content: bytes) -> None:
    """Write a small file, whole or not at all."""
    unfinished = path.with_name(f".{uuid.uuid4().hex[:12]}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _create_alone(path: Path, content: bytes) -> bool:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


def _parsed(content: bytes) -> tuple[Owner | None, float | None, str]:
    """Owner, time, and what is wrong with the content."""
    try:
        facts = json.loads(content)
        return Owner(**facts["owner"]), float(facts["since"]), ""
    except (ValueError, TypeError, KeyError) as error:
        return None, None, f"{type(error).__name__}, {len(content)} bytes"


_clock_id: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def _running_time() -> float:
    """Seconds of this machine, those in which it or this process slept included."""
    read: Callable[[], float] = time.monotonic
    return read() if _clock_id is None else time.clock_gettime(_clock_id)
