"""`vfsrbench bundle`: results in one file that others can check; and checking one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import typer.core

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import note, say
from vfsrbench.cli.option_groups import BoardChanges, Without, grouped
from vfsrbench.errors import counted
from vfsrbench.io.safety.paths import expanded

MAKE, CHECK = "make", "check"


class BoardFirst(typer.core.TyperGroup):
    """`bundle BOARD` is short for `bundle make BOARD`."""

    default = MAKE

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = [self.default, *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


app = typer.Typer(
    cls=BoardFirst,
    no_args_is_help=True,
    help="Results of a board in one file that others can check: `bundle BOARD -o lab.vfsr.zip`.",
)


@app.command(MAKE)
@grouped
def make(
    board: o.BoardName,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="the bundle, as lab.vfsr.zip")],
    workspace: o.WorkspacePath = Path("workspace"),
    method: Annotated[
        list[str] | None, typer.Option("--method", help="these methods alone (repeatable)")
    ] = None,
    with_frames: Annotated[
        int, typer.Option("--with-frames", min=0, metavar="K", help="restored frames of K clips, too")
    ] = 0,
    outputs: o.Outputs = None,
    replace: Annotated[bool, typer.Option("--replace", help="write over a bundle that is there")] = False,
    changes: Annotated[BoardChanges, Without(("finder", "fit"))],
) -> None:
    """Put all results of a board that fit together into one file (short: `bundle BOARD -o FILE`)."""
    from reports.sharing.writing import write_bundle
    from vfsrbench.cli.progress import Paced
    from vfsrbench.results.workspace import Workspace

    tell = Paced()
    with Workspace(workspace).at_work():
        made = write_bundle(
            changes.of(o.find_board(board)),
            workspace,
            out,
            methods=method or (),
            with_frames=with_frames,
            outputs=o.parse_outputs(outputs),
            said=changes.given("dataset", "frames", "seed", "scale"),
            replace=replace,
            progress=lambda what: tell(f"bundle: {what}"),
        )
    for line in made.left_out:
        say(f"bundle: {line}", err=True)
    for line in made.without:
        say(f"bundle: without the {line}", err=True)
    for line in made.doubts:
        say(f"bundle: {line}", err=True)
    size = f"{counted(made.results, 'result')}, {max(1, made.size >> 10)} KiB"
    say(f"{made.path}: {size}, content {made.digest[:16]}")


@app.command(CHECK)
def check(
    bundle: Annotated[Path, typer.Argument(help="the bundle")],
    dataset: o.DatasetPath = None,
    layout: o.Layout = None,
    degrade: Annotated[
        bool | None,
        typer.Option(
            "--degrade/--no-degrade",
            help="make degraded clips again (default: if the data set is here)",
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--outputs",
            metavar="[NAME=]FOLDER",
            help="restored clips, as a workspace keeps them, or of one row by its NAME: drawn ones are "
            "scored again (repeatable)",
        ),
    ] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="restore the drawn clips again, with the weights that are here")
    ] = False,
    audit: Annotated[
        int, typer.Option("--audit", min=0, metavar="K", help="draw so many clips (0: all, with --outputs)")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="of the draw")] = 0,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="part of the largest value that may differ")
    ] = 1e-3,
    save: Annotated[
        bool, typer.Option("--save", help="keep the verdicts beside the bundle, for boards to show")
    ] = False,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="how it is printed")] = "text",
) -> None:
    """Does a bundle hold? Exit code 2 if anything contradicts it."""
    from reports.bundles.reading import read_bundle
    from reports.bundles.verdicts import file_beside, write_check
    from reports.sharing.auditing import Auditor
    from reports.sharing.checking import check_bundle
    from reports.sharing.telling import told
    from vfsrbench.cli.progress import Paced

    tell = Paced()
    whole = read_bundle(bundle)
    auditor = Auditor(
        dataset=dataset,
        layout=layout,
        degrade=degrade,
        outputs=dict(_named(text) for text in outputs or ()),
        count=audit,
        seed=seed,
        restore=restore,
        tolerance=tolerance,
        progress=lambda what: tell(f"bundle: {what}"),
    )
    checked = check_bundle(whole, auditor)
    if form == "json":
        say(checked.model_dump_json(indent=1))
    else:
        for line in told(whole, checked):
            say(line)
    if save:
        write_check(file_beside(bundle), checked)
        note(f"bundle: {file_beside(bundle)}")
    if not checked.ok:
        raise typer.Exit(2)


def _named(text: str) -> tuple[str, Path]:
    """`NAME=FOLDER`, or a folder of many rows."""
    name, equals, folder = text.rpartition("=")
    if not equals or Path(text).exists():
        return "", expanded(text)
    return name, expanded(folder)
