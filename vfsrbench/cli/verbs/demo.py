"""`vfsrbench demo`: the whole job on the clips that come with vfsrbench."""

from __future__ import annotations

from pathlib import Path

import typer

from vfsrbench.cli import options as o

app = typer.Typer()


@app.command()
def demo(
    workspace: o.WorkspacePath = Path("demo"),
    engine: o.EngineName = "local",
    workers: o.Workers = None,
    keep: o.Keep = "none",
    frames: o.FrameCount = None,
    method: o.Methods = None,
    method_path: o.MethodPaths = None,
    force: o.Force = False,
) -> None:
    """The whole job on bundled clips, no download: splits, methods, scores, report."""
    from vfsrbench.cli.verbs.run import finish, run_and_tell, write_report

    board = o.changed_board(o.find_board("demo"), methods=o.all_methods(method, method_path), frames=frames)
    summary = run_and_tell(board, workspace, engine=engine, workers=workers, keep=keep, force=force)
    write_report(summary, {})
    finish(summary)
