"""`vfsrbench report`: tables, figures and the page from results that are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reports.cli.table_options import Bundles, TableOptions
from vfsrbench.cli import options as o
from vfsrbench.cli.echo import note, say
from vfsrbench.cli.option_groups import BoardChanges, Without, grouped

if TYPE_CHECKING:
    from vfsrbench.board import Board

app = typer.Typer()


@app.command()
@grouped
def report(
    board: o.BoardName,
    *,
    workspace: o.WorkspacePath = Path("workspace"),
    out: Annotated[Path | None, typer.Option(help="the report's folder (default: in the workspace)")] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option("--results", help="files or folders of results instead of the workspace's (repeatable)"),
    ] = None,
    outputs: o.Outputs = None,
    bundle: Bundles = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="into this folder, with a page a clip and the worst clips"),
    ] = None,
    changes: Annotated[BoardChanges, Without(("finder", "fit"))],
    only_method: Annotated[
        list[str] | None, typer.Option("--only-method", help="these methods alone (repeatable)")
    ] = None,
    versus: Annotated[str | None, typer.Option(help="the method that the others are tested against")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="means over incomplete rows, too")] = False,
    table: TableOptions,
    pdf: Annotated[bool, typer.Option("--pdf", help="figures as PDF, too")] = False,
) -> None:
    """Tables, curves, slices and a static page from all results of a board that fit together.

    Data set, frames and seed are those of the board's last run, unless they are given here.
    """
    from vfsrbench.io.names import slug

    chosen = table.of(changes.of(o.find_board(board)))
    if versus is not None:
        chosen = chosen.replace(versus=versus)
    folder = html or out or workspace / "report" / slug(chosen.name)
    given = o.parse_outputs(outputs)
    report_and_tell(
        chosen,
        workspace,
        folder,
        given,
        results=results or (),
        bundles=bundle or (),
        partial=partial,
        formats=("png", "pdf") if pdf else ("png",),
        site=html is not None,
        only=only_method or (),
        said=changes.given("dataset", "frames", "seed", "scale"),
    )


def report_and_tell(
    board: Board,
    workspace: Path,
    out: Path,
    outputs: Mapping[str, Path],
    *,
    partial: bool = False,
    **how: Any,
) -> None:
    """Write the report (`how`: options of `build_report`); print its tables to stdout, and to stderr where it
    is and what was left out."""
    from reports import build_report
    from reports.tables.terminal import print_tables
    from vfsrbench.cli.progress import Paced
    from vfsrbench.engines.cores import cores
    from vfsrbench.results.workspace import Workspace

    tell = Paced()
    with Workspace(workspace).at_work():
        made = build_report(
            board,
            workspace,
            out,
            outputs=outputs,
            partial=partial,
            workers=cores(),
            progress=lambda what: tell(f"report: {what}"),
            **how,
        )
    print_tables(made.tables, partial=partial)
    for line in made.skipped:
        say(f"report: {line}", err=True)
    note(f"report: {made.index}")
