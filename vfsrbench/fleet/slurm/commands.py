"""Slurm's commands, and what they answer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vfsrbench.errors import InputError

PATIENCE = 90.0
"""Seconds that a command may take."""
SOON = 2
"""Seconds until a task that ended starts again. Slurm counts whole ones: a node refuses a task that starts in
the second in which it ended, and Slurm calls that exit code 1. Two, as machines' clocks differ a little."""
_FORMAT = "%F|%K|%T|%r|%N"
_ENDED = frozenset(
    {
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
        *("PREEMPTED", "REVOKED", "SPECIAL_EXIT", "TIMEOUT"),
    }
)
_AT_WORK = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"})


@dataclass(frozen=True)
class TaskState:
    """A task of an array, as squeue or sacct has it.

    Attributes:
        job: The array's number.
        index: The task's number in it.
        state: In Slurm's words.
        reason: Why it is in that state; empty where nothing is said.
        node: Where it runs, or ran.
    """

    job: int
    index: int
    state: str
    reason: str = ""
    node: str = ""

    @property
    def ended(self) -> bool:
        """Whether it has ended, and waits for nothing."""
        return self.state in _ENDED

    @property
    def at_work(self) -> bool:
        """Whether its process may be there."""
        return self.state in _AT_WORK


@dataclass(frozen=True)
class Details:
    """What `scontrol show job` says of a task.

    Attributes:
        code: Its exit code.
        signal: What ended its process; 0: nothing did.
        time_limit: As Slurm writes it.
        memory: Megabytes that it may use; 0: all of its node, or not known.
        per_cpu: Processors, where its memory was asked for by processor; else 0.
    """

    code: int = 0
    signal: int = 0
    time_limit: str = ""
    memory: int = 0
    per_cpu: int = 0

    def more_memory(self, factor: int) -> str:
        """The change that gives it `factor` times the memory, as scontrol takes it; empty if it has all."""
        if not self.memory:
            return ""
        if self.per_cpu:
            return f"MinMemoryCPU={self.memory // self.per_cpu * factor}"
        return f"MinMemoryNode={self.memory * factor}"


class NoAnswer(Exception):
    """Slurm did not answer; its controller may be restarting."""


class Slurm:
    """The commands. InputError where there are none."""

    def __init__(self) -> None:
        if shutil.which("sbatch") is None:
            raise InputError(
                "engine 'slurm': there is no sbatch here; run it where jobs are submitted from (a login "
                "node), or use --engine workers and start `vfsrbench worker` by other means"
            )

    def submit(self, script: Path, options: Sequence[str]) -> int:
        """Submit the script; the job's number. InputError with sbatch's own words where it is refused."""
        done = _run(["sbatch", "--parsable", *options, str(script)])
        match = re.search(r"^(\d+)(?:;\S+)?$", done.stdout, re.MULTILINE)
        if done.returncode or match is None:
            raise InputError(f"sbatch refuses {script}: {said(done.stderr or done.stdout)}")
        return int(match[1])

    def tasks(self, jobs: Iterable[int]) -> dict[tuple[int, int], TaskState]:
        """The tasks of these arrays that Slurm still knows, by (job, index).

        Raises:
            NoAnswer: With what was said instead.
        """
        ids = ",".join(map(str, sorted(set(jobs))))
        done = _run(
            ["squeue", "--noheader", "--array", "--states=all", f"--jobs={ids}", f"--format={_FORMAT}"]
        )
        if done.returncode and "Invalid job id" not in done.stderr:
            raise NoAnswer(said(done.stderr))
        return read_squeue(done.stdout)

    def past(self, jobs: Iterable[int]) -> dict[tuple[int, int], TaskState]:
        """Tasks that the accounting knows; none where there is no accounting."""
        ids = ",".join(map(str, sorted(set(jobs))))
        done = _run(
            ["sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={ids}", "--format=JobID,State"]
        )
        return {} if done.returncode else read_sacct(done.stdout)

    def details(self, job: int, index: int) -> Details:
        """More on a task; all unknown where Slurm has forgotten it."""
        done = _run(["scontrol", "--oneliner", "show", "job", f"{job}_{index}"])
        return Details() if done.returncode else read_details(done.stdout)

    def requeue(self, job: int, index: int) -> str:
        """Put a task that ended into the queue again; why that cannot be, if so. It waits for two minutes, or
        for `start_soon`."""
        done = _run(["scontrol", "requeue", f"{job}_{index}"])
        return said(done.stderr or done.stdout) if done.returncode else ""

    def start_soon(self, job: int, index: int) -> None:
        """Let a task that was requeued start as soon as it can."""
        self.change(job, index, f"StartTime=now+{SOON}")

    def change(self, job: int, index: int, change: str) -> str:
        """Change a task that waits (`MinMemoryNode=2000`); why that cannot be, if so."""
        done = _run(["scontrol", "update", f"JobId={job}_{index}", change])
        return said(done.stderr or done.stdout) if done.returncode else ""

    def cancel(self, jobs: Iterable[int], waiting_only: bool = False) -> str:
        """Cancel these arrays and nothing else; with `waiting_only`, their tasks that have not started. Why
        that cannot be, if so."""
        ids = [str(job) for job in sorted(set(jobs))]
        if not ids:
            return ""
        done = _run(["scancel", "--quiet", *(["--state=PENDING"] if waiting_only else []), *ids])
        return said(done.stderr) if done.returncode and not waiting_only else ""


def read_squeue(text: str) -> dict[tuple[int, int], TaskState]:
    """The tasks in what `squeue --format=%F|%K|%T|%r|%N` printed."""
    found = {}
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) == 5 and fields[0].isdigit() and fields[1].isdigit():
            job, index = int(fields[0]), int(fields[1])
            reason = "" if fields[3] == "None" else fields[3]
            found[job, index] = TaskState(job, index, fields[2], reason, fields[4])
    return found


def read_sacct(text: str) -> dict[tuple[int, int], TaskState]:
    """The tasks in what `sacct --parsable2 --format=JobID,State` printed."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"(\d+)_(\d+)\|(\w+)", line)
        if match:
            job, index = int(match[1]), int(match[2])
            found[job, index] = TaskState(job, index, match[3])
    return found


def read_details(text: str) -> Details:
    """What `scontrol --oneliner show job` printed of one task."""
    facts = dict(re.findall(r"(\S+?)=(\S*)", text))
    code, _, signal = facts.get("ExitCode", "0:0").partition(":")
    cpus = int(facts["NumCPUs"]) if facts.get("NumCPUs", "").isdigit() else 1
    a_cpu, a_node = megabytes(facts.get("MinMemoryCPU", "")), megabytes(facts.get("MinMemoryNode", ""))
    return Details(
        int(code) if code.isdigit() else 0,
        int(signal) if signal.isdigit() else 0,
        facts.get("TimeLimit", ""),
        a_cpu * cpus or a_node,
        cpus if a_cpu else 0,
    )


def megabytes(text: str) -> int:
    """An amount of memory as Slurm writes it (`300M`, `1.50G`); 0 where it says none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGTP]?)[cn]?", text)
    if match is None:
        return 0
    return int(float(match[1]) * 1024 ** ("KMGTP".index(match[2] or "M") - 1))


def said(text: str) -> str:
    """What a command said, in one line."""
    lines = [re.sub(r"^\w+: (error: )?", "", line.strip()) for line in text.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line)) or "it said nothing"


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in plain words; user settings that filter or format its answer do not count."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer in {PATIENCE:.0f} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: {error.strerror}")


def _environment(found: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in found.items() if not name.startswith(("SQUEUE_", "SACCT_"))}
    return {**kept, "LC_MESSAGES": "C"}
