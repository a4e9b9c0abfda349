"""`vfsrbench worker`: work at what `run --engine workers` planned."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from vfsrbench.cli.echo import note, say
from vfsrbench.errors import counted

app = typer.Typer()
AGAIN = "VFSRBENCH_WORKER_AGAIN"
"""How often this worker started itself anew after its GPU was lost."""
MOST_STARTS = 20


@app.command()
def worker(
    workspace: Annotated[Path, typer.Argument(help="a workspace that `run --engine workers` planned into")],
    *,
    device: Annotated[
        str | None,
        typer.Option(help="cpu, cuda or cuda:N; default: a GPU that no other worker here has, else the CPU"),
    ] = None,
    idle: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="end after so long without a unit to take, though others are at work",
        ),
    ] = None,
) -> None:
    """Take units of a planned run until none is left; any number of workers, on any machines.

    Exit code 3 when a job failed, 2 when this machine cannot work at the plan.
    """
    from vfsrbench.fleet.devices import use_device

    given = dict(os.environ)
    chosen = use_device(device)
    from vfsrbench.engines.base import WorkerUnfit
    from vfsrbench.fleet.working import work_off

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what clusters stop a process with
    try:
        done = work_off(workspace, chosen, note, idle)
    except WorkerUnfit as unfit:
        _start_anew(unfit.reason, given)
    for line in done.refused:
        say(line, err=True)
    did = f"{counted(done.units, 'unit')} done, {counted(len(done.ends), 'job')}"
    note(f"nothing is left to take: {did}" + (f", {done.lost} lost to others" if done.lost else ""))
    if done.refused and not done.units:
        raise typer.Exit(2)
    if done.failed or done.refused:
        raise typer.Exit(3)


def _start_anew(reason: str, given: Mapping[str, str]) -> NoReturn:
    """Put a new process in this one's place: a lost GPU context goes away with the old one alone.

    Args:
        reason: Why.
        given: The environment that this one was started with, before it chose its GPU.
    """
    starts = int(os.environ.get(AGAIN, "0")) + 1
    note(f"starting anew: {reason}")
    if starts > MOST_STARTS:
        say(f"the GPU was lost {starts} times; this worker ends", err=True)
        raise typer.Exit(3)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**given, AGAIN: str(starts)})
