"""`vfsrbench leaderboard`: boards, submissions, rules and exports of a leaderboard of many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vfsrbench.cli.echo import note, say

app = typer.Typer(
    no_args_is_help=True,
    help="A leaderboard of many laboratories, as `vfsrbench new leaderboard DIR` writes it.",
)
Root = Annotated[Path, typer.Argument(help="the leaderboard's folder")]
BundleFile = Annotated[Path, typer.Argument(help="a bundle, as `vfsrbench bundle` writes it")]


@app.command("add-board")
def add_board(root: Root, bundle: BundleFile) -> None:
    """Open a board: its rows will have the protocol of this bundle."""
    from reports.leaderboard.filing import add_board as add

    path = add(root, bundle)
    say(f"{path}: the board and its protocol; look at its divisions and metrics")


@app.command()
def submit(
    root: Root,
    bundle: BundleFile,
    *,
    lab: Annotated[str, typer.Option("--lab", help="the laboratory's folder in submissions/")],
    owner: Annotated[
        str, typer.Option("--owner", metavar="LOGIN", help="who may change the folder, if it is new")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="hand in anew what is there already")] = False,
) -> None:
    """Put a bundle into submissions/LAB/METHOD.vfsr.zip."""
    from reports.leaderboard.filing import submit as put

    for path in put(root, bundle, lab, replace, owner):
        say(str(path))


@app.command()
def check(
    root: Annotated[Path, typer.Argument(help="the leaderboard's folder, or its repository")],
    *,
    base: Annotated[
        str, typer.Option("--base", metavar="COMMIT|FOLDER", help="the leaderboard as it stands")
    ],
    head: Annotated[
        str | None,
        typer.Option(
            "--head", metavar="COMMIT|FOLDER", help="with the change (default: the folder as it is)"
        ),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="LOGIN", help="who proposes the change")] = "",
    comment: Annotated[
        Path | None,
        typer.Option("--comment", help="write a Markdown table of its rows among those that stand"),
    ] = None,
) -> None:
    """Is a submission within the rules? Exit code 2 if it is not. Nothing of it is run or checked out."""
    from reports.leaderboard.comment import comment as comment_of
    from reports.leaderboard.comment import lines_of
    from reports.leaderboard.rules import check_change
    from reports.leaderboard.tree import tree_of
    from vfsrbench.io.atomic import atomic_file

    before, after = tree_of(root, base), tree_of(root, head)
    done = check_change(before, after, by)
    for line in lines_of(done):
        say(line)
    if comment is not None:
        with atomic_file(comment) as temporary:
            temporary.write_text(comment_of(done, before), encoding="utf-8")
    if not done.ok:
        raise typer.Exit(2)


@app.command()
def export(
    root: Root,
    *,
    form: Annotated[
        Literal["hf", "csv", "latex"],
        typer.Option(
            "--format", help="hf: .eval_results of the Hugging Face Hub; csv: a row a result; latex"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="a file; with hf a folder")],
    board: Annotated[
        list[str] | None, typer.Option("--board", help="these boards alone (repeatable)")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="write over what is there")] = False,
) -> None:
    """Rows in a form that other places take in."""
    from reports.leaderboard.exports.writing import write_export

    for path in write_export(
        root, form, out, tuple(board or ()), replace, lambda what: note(f"export: {what}")
    ):
        say(str(path))
