"""`vfsrbench site`: the pages of a leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.errors import counted

app = typer.Typer()


@app.command()
def site(
    root: Annotated[Path, typer.Argument(help="the leaderboard's folder")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="where the pages go (default: DIR/public)")
    ] = None,
) -> None:
    """Pages of a leaderboard: all boards on one, and one a method. They need nothing from outside."""
    from reports.leaderboard.pages.build import build_site
    from vfsrbench.cli.progress import Paced

    tell = Paced()
    built = build_site(root, root / "public" if out is None else out, lambda what: tell(f"site: {what}"))
    for line in built.left_out:
        say(f"left out: {line}", err=True)
    sizes = ((built.boards, "board"), (built.methods, "method"), (built.rows, "row"))
    say(f"{built.index}: {', '.join(counted(*size) for size in sizes)}")
