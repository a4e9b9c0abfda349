"""`vfsrbench demo`: the whole job on the clips that come with vfsrbench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.option_groups import BoardChanges, EngineChoice, HowToRun, MethodChoice, Without, grouped

app = typer.Typer()


@app.command()
@grouped
def demo(
    *,
    workspace: o.WorkspacePath = Path("demo"),
    engine: EngineChoice,
    keep: o.Keep = "none",
    frames: o.FrameCount = None,
    methods: Annotated[MethodChoice, Without(("only_method",))],
    force: o.Force = False,
) -> None:
    """The whole job on bundled clips, no download: splits, methods, scores, report."""
    from vfsrbench.cli.verbs.run import finish, run_with_display, write_report

    board = BoardChanges(frames=frames).of(o.find_board("demo"), methods)
    summary = run_with_display(board, workspace, engine, HowToRun(keep=keep, force=force).options())
    write_report(summary, {})
    finish(summary)
