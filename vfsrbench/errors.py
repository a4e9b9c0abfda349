"""Errors: what a user caused (one line, exit code 2), and how one job of a run can end (recorded)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from degradations.errors import InputError, counted, did_you_mean

__all__ = [
    "DamagedFile",
    "DiskError",
    "InputError",
    "JobFailure",
    "PoisonedDevice",
    "all_of",
    "counted",
    "did_you_mean",
]


class DamagedFile(InputError):
    """A file that we wrote is not what was written: its checksum differs, or it cannot be read at all.

    Args:
        path: The file.
        what: What is wrong with it, a few words.
        remedy: What makes it good again.

    Example:
        >>> from pathlib import Path
        >>> str(DamagedFile(Path("a.parquet"), "checksum differs"))
        'a.parquet: is damaged (checksum differs); `vfsrbench run` makes it again'
    """

    def __init__(self, path: Path, what: str, remedy: str = "`vfsrbench run` makes it again") -> None:
        super().__init__(f"{path}: is damaged ({' '.join(what.split())}); {remedy}")
        self.path = path
        self.what = what
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[DamagedFile], tuple[Path, str, str]]:
        return type(self), (self.path, self.what, self.remedy)


class JobFailure(Exception):
    """One job cannot give a result. It is recorded with this reason; the run goes on.

    Args:
        reason: One line for records and tables.
        status: How the job ends: `failed`, `skipped` (it does not apply), or `oom` (memory ran out).

    Example:
        >>> JobFailure("no face found", "skipped").status
        'skipped'
    """

    def __init__(self, reason: str, status: Literal["failed", "skipped", "oom"] = "failed") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status: Literal["failed", "skipped", "oom"] = status


class PoisonedDevice(JobFailure):
    """A job left the GPU in a state that no call of this process recovers from (an illegal memory access,
    say). The job is recorded as failed; the process does no other.

    Args:
        reason: One line for records and tables.
        metric: The id of the metric that did it; empty where none did.
        own: Whether the job did it; not so where the card itself failed, or another process on it.

    Example:
        >>> PoisonedDevice("an illegal memory access was encountered").status
        'failed'
    """

    def __init__(self, reason: str, *, metric: str = "", own: bool = True) -> None:
        super().__init__(reason)
        self.metric = metric
        self.own = own


class DiskError(InputError):
    """A place of ours cannot be written or read (a full disk, no rights): it ends the run, as every job
    would fail.

    Example:
        >>> issubclass(DiskError, InputError)
        True
    """


MOST_REASONS = 20


def all_of(reasons: Iterable[str]) -> InputError:
    """One error for several things that are wrong, each said once.

    Args:
        reasons: What is wrong, in the order in which it is told; of more than 20 the rest is counted.

    Example:
        >>> str(all_of(["one is too small", "two is missing", "one is too small"]))
        'one is too small; two is missing'
    """
    each = list(dict.fromkeys(reasons))
    more = f"; and {len(each) - MOST_REASONS} more" if len(each) > MOST_REASONS else ""
    return InputError("; ".join(each[:MOST_REASONS]) + more)


def describe(error: BaseException) -> str:
    """An unexpected error in one line: its type, its message, and the line of code that raised it.

    Args:
        error: The error; without a traceback the line of code is left out.

    Returns:
        The line; the message is cut at 500 characters.

    Example:
        >>> describe(ValueError("no frames"))
        'ValueError: no frames'
    """
    text = " ".join(str(error).split()) or "no message"
    where = ""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        path = trace.tb_frame.f_code.co_filename.replace("\\", "/")
        where = f" ({'/'.join(path.split('/')[-2:])}, line {trace.tb_lineno})"
    return f"{type(error).__name__}: {text[:500]}{where}"
