"""`vfsrbench report`: tables, figures and the page from results that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say

if TYPE_CHECKING:
    from vfsrbench.board import Board

app = typer.Typer()


@app.command()
def report(
    board: o.BoardName,
    workspace: o.WorkspacePath = Path("workspace"),
    out: Annotated[Path | None, typer.Option(help="the report's folder (default: in the workspace)")] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option("--results", help="files or folders of results instead of the last run's (repeatable)"),
    ] = None,
    outputs: o.Outputs = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="the whole site, with a page a clip, into this folder"),
    ] = None,
    dataset: o.DatasetPath = None,
    layout: o.Layout = None,
    split: o.Splits = None,
    metric: o.Metrics = None,
    scale: o.Scale = None,
    versus: Annotated[str | None, typer.Option(help="the method that the others are tested against")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="means over incomplete rows, too")] = False,
) -> None:
    """Tables, curves, slices and a static page from a board's results."""
    from vfsrbench.store import slug

    chosen = o.changed_board(
        o.find_board(board), dataset=dataset, layout=layout, splits=split, metrics=metric, scale=scale
    )
    if versus is not None:
        chosen = chosen.replace(versus=versus)
    folder = html or out or workspace / "report" / slug(chosen.name)
    given = o.parse_outputs(outputs)
    report_and_tell(chosen, workspace, folder, results or (), (), given, partial, html is not None)


def report_and_tell(
    board: Board,
    workspace: Path,
    out: Path,
    results: Sequence[Path],
    clips: Sequence[str],
    outputs: Mapping[str, Path],
    partial: bool = False,
    site: bool = False,
) -> None:
    """Write the report; print its tables to stdout and where it is to stderr."""
    from reports import build_report
    from reports.terminal import print_tables
    from vfsrbench.workspace import Workspace

    with Workspace(workspace).at_work():
        made = build_report(
            board,
            workspace,
            out,
            results=results,
            clips=clips,
            outputs=outputs,
            partial=partial,
            site=site,
            progress=lambda what: say(f"report: {what}", err=True),
        )
    print_tables(made.tables, partial=partial)
    for skipped in made.skipped:
        say(f"skipped: {skipped}", err=True)
    say(f"report: {made.index}", err=True)
