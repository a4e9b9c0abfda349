"""What `--engine-option` tells the Slurm engine: options of sbatch by their own names, and a few of ours."""

from __future__ import annotations

import datetime
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vfsrbench.errors import InputError, counted

SBATCH = (
    "account", "begin", "comment", "constraint", "cpus-per-gpu", "cpus-per-task", "exclude", "exclusive",
    "gpus", "gpus-per-node", "gpus-per-task", "gres", "job-name", "licenses", "mail-type", "mail-user", "mem",
    "mem-per-cpu", "mem-per-gpu", "nice", "nodelist", "partition", "qos", "reservation", "time", "time-min",
    "tmp", "wckey",
)  # fmt: skip
"""Options that sbatch is given as they are."""
OWN = ("array", "device", "file", "poll", "python", "setup", "silence")
"""`array`: tasks (`16`, or `16%4`: four at a time). `device`: of each worker. `file`: a TOML file of options.
`poll`: seconds between two questions to Slurm. `python`: what runs Python on the nodes. `setup`: shell lines
before that. `silence`: as for `--engine workers`."""
KNOWN = tuple(sorted({*SBATCH, *OWN}))
TASKS = 4
POLL = 10.0
MOST_TASKS = 10_000
_GPUS = ("gpus", "gpus-per-node", "gpus-per-task")
_GPU_KINDS = ("gpu", "mps", "shard")


@dataclass(frozen=True)
class SlurmOptions:
    """What was chosen.

    Attributes:
        sbatch: Options of sbatch, without their dashes; an empty value stands for none.
        tasks: Workers.
        at_once: Of these, at a time; None: all.
        device: What each computes on.
        python: What runs Python on the nodes, as the shell reads it.
        setup: Shell lines before it.
        poll: Seconds between two questions to Slurm.
        silence: Seconds after which a silent worker's unit may be taken over; empty: the default.
    """

    sbatch: Mapping[str, str] = field(default_factory=dict)
    tasks: int = TASKS
    at_once: int | None = None
    device: str = "cpu"
    python: str = ""
    setup: tuple[str, ...] = ()
    poll: float = POLL
    silence: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str], workers: int | None = None) -> SlurmOptions:
        """The options of a command line; those of a `file` count where it says nothing else.

        Args:
            given: By name.
            workers: `--workers`, which means the same as `array`.

        Raises:
            InputError: An option is unknown, or cannot have this value.
        """
        _check_names(given, "engine 'slurm'")
        file = given.get("file", "")
        found: dict[str, Any] = {**_from_file(file), **given}
        found.pop("file", None)
        tasks, at_once = _array(_text("array", found.pop("array", workers or TASKS)))
        if workers is not None and tasks != workers:
            raise InputError(f"--workers {workers} and engine option array={tasks} differ; give one of them")
        setup = found.pop("setup", ())
        lines = setup if isinstance(setup, list) else [setup] if setup else []
        own = {name: _text(name, found.pop(name, "")) for name in ("device", "poll", "python", "silence")}
        sbatch = {name: _text(name, value) for name, value in sorted(found.items()) if value is not False}
        if sbatch.get("exclusive") in ("yes", "true", "True"):
            sbatch["exclusive"] = ""
        gpu = _asks_for_gpu(sbatch)
        return cls(
            sbatch,
            tasks,
            at_once,
            own["device"] or ("cuda" if gpu else "cpu"),
            own["python"],
            tuple(_text("setup", line, lines=True) for line in lines),
            _seconds(own["poll"]) if own["poll"] else POLL,
            own["silence"],
        )


def _check_names(given: Mapping[str, object], where: str) -> None:
    unknown = sorted(set(given) - set(KNOWN))
    if unknown:
        raise InputError(f"{where} has no option {unknown[0]!r}; it has {', '.join(KNOWN)}")


def _from_file(name: str) -> dict[str, Any]:
    if not name:
        return {}
    path = Path(name)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"engine option file={name}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # TOML or UTF-8
        raise InputError(f"engine option file={name}: is no TOML ({error})") from error
    _check_names(content, f"{path}: engine 'slurm'")
    for option, value in content.items():
        kinds = str | int | float | bool | datetime.time | datetime.date
        texts = isinstance(value, list) and option == "setup" and all(isinstance(line, str) for line in value)
        if not isinstance(value, kinds) and not texts:
            raise InputError(f"{path}: {option}: must be text or a number, got {value!r}")
    if "file" in content:
        raise InputError(f"{path}: file: a file of options names no other one")
    return content


def _text(name: str, value: object, lines: bool = False) -> str:
    """An option's value as sbatch is given it."""
    if value is True:
        return ""
    text = str(value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text) or (not lines and re.search(r'["\\]', text)):
        raise InputError(
            f"engine option {name}={text!r}: may have no quotes, backslashes or control characters"
        )
    return text.strip()


def _array(text: str) -> tuple[int, int | None]:
    match = re.fullmatch(r"(\d{1,6})(?:%(\d{1,6}))?", text)
    tasks = int(match[1]) if match else 0
    at_once = int(match[2]) if match and match[2] else None
    if not 1 <= tasks <= MOST_TASKS or at_once == 0:
        raise InputError(
            f"engine option array={text}: give the number of tasks, 1 to {MOST_TASKS}, or 16%4 for four at a "
            "time"
        )
    return tasks, at_once


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise InputError(f"engine option poll={text}: give seconds from 0.1 to 3600")
    return seconds


def _asks_for_gpu(sbatch: Mapping[str, str]) -> bool:
    """Whether each task gets a GPU. InputError where it gets several: a worker uses one."""
    asked = [item for item in sbatch.get("gres", "").split(",") if item.split(":")[0] in _GPU_KINDS]
    asked += [f"gpu:{sbatch[name]}" for name in _GPUS if name in sbatch]
    for item in asked:
        kind, _, count = item.partition(":")
        number = count.rpartition(":")[2]
        if kind == "gpu" and number.isdigit() and int(number) > 1:
            raise InputError(
                f"engine option: {counted(int(number), 'GPU')} a task were asked for ({item}); a worker uses "
                "one: ask for one, and for more tasks (array=16)"
            )
    return bool(asked)


def this_python() -> str:
    """The Python of this process, for nodes that see the same disks."""
    return sys.executable
