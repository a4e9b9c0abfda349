"""The sbatch script: an array whose tasks are workers. It is made to be read, and to be used by hand."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.fleet.carried import carried
from vfsrbench.fleet.plan.leases import replace_file
from vfsrbench.fleet.slurm.options import SlurmOptions, this_python
from vfsrbench.io.names import slug

FOLDER = "slurm"
_NAME = "worker.sbatch"
_PLAIN = re.compile(r"[\w.,:/=+@%*&|\[\]()-]*", re.ASCII)

_SCRIPT = """\
#!/bin/bash
{directives}
#
# Each task of this array is a worker: it takes units of what is planned in the workspace until none is left.
# `vfsrbench run --engine slurm` wrote this file, and writes it anew; change a copy. By hand, also
# beside a run, as often as you like:
#   sbatch {script}
#   sbatch --array=0-7 {script}
#   vfsrbench status {workspace}
# A task may be cancelled, requeued or started again at any time: results do not depend on it.

{environment}# as many threads as Slurm gave processors
export OMP_NUM_THREADS="${{SLURM_CPUS_PER_TASK:-${{SLURM_CPUS_ON_NODE:-1}}}}"
{setup}
# tells the run which process this task is: what it had is free at once when Slurm ends it
echo "$(uname -n) $$" >> {started}/"${{SLURM_ARRAY_JOB_ID:-${{SLURM_JOB_ID:-0}}}}_${{SLURM_ARRAY_TASK_ID:-0}}"

exec {python} -m vfsrbench worker {workspace} --device {device}
"""


@dataclass(frozen=True)
class Script:
    """The script of a workspace, and where its tasks write.

    Attributes:
        workspace: The workspace, as an absolute path.
        board: The board's name.
        options: What was chosen.
    """

    workspace: Path
    board: str
    options: SlurmOptions

    @property
    def path(self) -> Path:
        """The script."""
        return self.workspace / FOLDER / _NAME

    @property
    def started(self) -> Path:
        """The folder in which tasks say which processes they are."""
        return self.workspace / FOLDER / "started"

    def log(self, job: int, index: int) -> Path:
        """What a task printed."""
        return self.workspace / "logs" / f"slurm-{job}_{index}.log"

    def directives(self) -> list[str]:
        """Options of sbatch, as its command line has them."""
        options = self.options
        throttle = f"%{options.at_once}" if options.at_once else ""
        log = str(self.workspace / "logs").replace("%", "%%") + "/slurm-%A_%a.log"
        chosen = {
            "job-name": f"vfsrbench-{slug(self.board)}",
            "array": f"0-{options.tasks - 1}{throttle}",
            "nodes": "1",
            "ntasks": "1",
            **options.sbatch,
            "requeue": "",
            "open-mode": "append",
            "output": log,
            "chdir": str(Path.cwd()),
        }
        return [f"--{name}={value}" if value else f"--{name}" for name, value in chosen.items()]

    def text(self, environment: Mapping[str, str] | None = None) -> str:
        """The script. `environment`: this process's, of which a few variables are carried over."""
        found = os.environ if environment is None else environment
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in carried(found).items())
        options = self.options
        return _SCRIPT.format(
            directives="\n".join(f"#SBATCH {_quoted(line)}" for line in self.directives()),
            script=shlex.quote(str(self.path)),
            workspace=shlex.quote(str(self.workspace)),
            environment=f"# where vfsrbench finds what it found where the run was planned\n{exports}"
            * bool(exports),
            setup="".join(f"{line}\n" for line in options.setup),
            started=shlex.quote(str(self.started)),
            python=options.python or shlex.quote(this_python()),
            device=shlex.quote(options.device),
        )

    def write(self) -> Path:
        """Write the script and make the folders that it needs."""
        unusable = re.search(r'["\\\x00-\x1f\x7f]', f"{self.workspace}{Path.cwd()}")
        if unusable:
            raise InputError(f"workspace {self.workspace}: sbatch takes no path with {unusable[0]!r} in it")
        self.started.mkdir(parents=True, exist_ok=True)
        (self.workspace / "logs").mkdir(exist_ok=True)
        replace_file(self.path, self.text().encode())
        return self.path


def _quoted(option: str) -> str:
    """An option as a line of the script has it. sbatch reads double quotes as a shell does."""
    if _PLAIN.fullmatch(option):
        return option
    name, _, value = option.partition("=")
    return f'{name}="{value}"'
