"""How a task of an array ended, and what that means for its worker and its unit."""

from __future__ import annotations

import enum
import re
import signal
from dataclasses import dataclass
from pathlib import Path

from vfsrbench.fleet.slurm.commands import Details, TaskState

_OUT_OF_MEMORY = re.compile(
    r"exceeded (job |step )?memory limit|oom[-_ ]kill|out of memory handler", re.IGNORECASE
)
_TAIL = 4096
_STOPPED = (130, 143)
"""Exit codes of a worker that was told to stop, by our own count and by the shell's."""


class Ending(enum.Enum):
    """What is done about it."""

    FINAL = "it is not started again"
    INTERRUPTED = "its worker did nothing wrong: again"
    TIME = "again, but not for ever at one job"
    MEMORY = "again, with more memory"
    CRASH = "again; the unit's tries are counted"


@dataclass(frozen=True)
class End:
    """How a task ended. `well`: its unit is not to blame."""

    kind: Ending
    why: str
    well: bool


def ending_of(state: TaskState, details: Details, printed: str) -> End:
    """How a task ended.

    Args:
        state: What Slurm calls it.
        details: Its exit code and the like.
        printed: The end of what it printed.
    """
    where = f" on {state.node}" if state.node else ""
    if state.state == "OUT_OF_MEMORY" or (state.state == "FAILED" and _killed_for_memory(details, printed)):
        limit = f" of {details.memory} MB" if details.memory else ""
        return End(Ending.MEMORY, f"ran out of its memory{limit}{where}", False)
    if state.state in ("NODE_FAIL", "BOOT_FAIL"):
        return End(Ending.INTERRUPTED, f"lost its node{where}", True)
    if state.state == "PREEMPTED":
        return End(Ending.INTERRUPTED, f"was preempted{where}", True)
    if state.state == "TIMEOUT":
        return End(Ending.TIME, f"reached its time limit ({details.time_limit})", True)
    if state.state in ("CANCELLED", "DEADLINE", "REVOKED"):
        return End(
            Ending.FINAL, {"CANCELLED": "was cancelled"}.get(state.state, f"ended as {state.state}"), True
        )
    if state.state == "COMPLETED" or (details.code == 3 and not details.signal):
        return End(Ending.FINAL, "ended", True)
    said = f" ({printed})" if printed else ""
    if details.code == 2 and not details.signal:
        return End(Ending.FINAL, f"cannot work{where}{said}", False)
    if details.code in _STOPPED:
        return End(Ending.INTERRUPTED, f"was stopped{where}", True)
    return End(Ending.CRASH, f"ended by {_how(details)}{where}{said}", False)


def last_line(log: Path) -> str:
    """The last line of what a task printed that says anything; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    memory = [line for line in lines[-8:] if _OUT_OF_MEMORY.search(line)]
    said = [line.strip() for line in lines if line.strip()]
    return (memory or said or [""])[-1][:300]


def _killed_for_memory(details: Details, printed: str) -> bool:
    """Whether Slurm killed it for its memory, which some versions call a failed launch."""
    return details.signal == signal.SIGKILL and _OUT_OF_MEMORY.search(printed) is not None


def _how(details: Details) -> str:
    number = details.signal or (details.code - 128 if details.code > 128 else 0)
    if number:
        try:
            return signal.Signals(number).name
        except ValueError:
            return f"signal {number}"
    return f"exit code {details.code}"
