"""`vfsrbench status`: how far the workers of a workspace are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError

app = typer.Typer()


@app.command()
def status(
    workspace: Annotated[Path, typer.Argument(help="a workspace that `run --engine workers` planned into")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, a list of plans")] = False,
) -> None:
    """Units done, what runs where and for how long, what failed and why, and the time left."""
    from vfsrbench.fleet.status import status_of

    if not workspace.is_dir():
        raise InputError(f"workspace {workspace}: is not there; `vfsrbench run` makes one")
    plans = status_of(workspace)
    if as_json:
        say(json.dumps([plan.as_json() for plan in plans], indent=1))
        return
    if not plans:
        say(f"{workspace}: no plan; `vfsrbench run BOARD --engine workers` makes one")
    for plan in plans:
        for line in plan.lines():
            say(line)
