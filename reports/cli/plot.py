"""`vfsrbench plot`: one figure alone, for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from reports.cli.table_options import listed
from vfsrbench.cli import options as o
from vfsrbench.cli.echo import note, say

app = typer.Typer()
MANY = "A,B,..."


@app.command()
def plot(
    kind: Annotated[Literal["curves", "slices", "levels", "grid"], typer.Argument(help="which figure")],
    workspace: Annotated[Path, typer.Argument(help="the folder in which a board was run")] = Path(
        "workspace"
    ),
    *,
    clip: Annotated[
        list[str] | None, typer.Option(metavar=MANY, help="these clips (default: as in the report)")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar=MANY, help="curves: this metric; levels: these")
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(metavar=MANY, help="these methods, in this order (default: all)")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(metavar=MANY, help="this split (default: the first); levels: these")
    ] = None,
    highlight: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD", help="what stands out (default: methods of your own; none: nothing)"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE.pdf|FILE.png", help="the figure (default: named by content)"
        ),
    ] = None,
    board: Annotated[
        str | None, typer.Option(help="whose results, where several boards were run: a name or a file")
    ] = None,
) -> None:
    """One figure alone, as PDF or PNG: values over time, one column over time, values against the splits, or
    frames with magnified details."""
    from reports.plot import Wanted, noted_board
    from reports.plot import plot as draw
    from vfsrbench.io.names import slug

    names = [tuple(listed(given) or ()) for given in (clip, metric, method, split, highlight)]
    noted = board is None or (workspace / "boards" / f"{slug(board)}.json").is_file()
    chosen = noted_board(workspace, board) if noted else o.find_board(board or "")
    made = draw(Wanted(kind, *names), workspace, out, chosen)
    for line in made.skipped:
        say(f"plot: {line}", err=True)
    note(f"plot: {made.caption}")
    say(str(made.path))
