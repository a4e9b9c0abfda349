"""`vfsrbench demo`: the whole job on the clips that come with vfsrbench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import note, say
from vfsrbench.cli.missing import missing_lines
from vfsrbench.cli.option_groups import BoardChanges, EngineChoice, HowToRun, MethodChoice, Without, grouped

if TYPE_CHECKING:
    from vfsrbench.board import Board

app = typer.Typer()


@app.command()
@grouped
def demo(
    *,
    workspace: o.WorkspacePath = Path("workspace"),
    engine: Annotated[EngineChoice, Without(("engine_option", "wait"))],
    keep: o.Keep = "video",
    frames: o.FrameCount = None,
    methods: Annotated[MethodChoice, Without(("only_method",))],
    force: o.Force = False,
) -> None:
    """The whole job on bundled clips: splits, methods, scores, and a site to look around in.

    Trained networks that are not here cost their rows and columns alone, which say how to get them.
    """
    from vfsrbench.cli.verbs.run import finish, run_with_display, write_report
    from vfsrbench.runs.needed_weights import board_weights

    board = _of_usable_clips(BoardChanges(frames=frames).of(o.find_board("demo"), methods))
    summary = run_with_display(board, workspace, engine, HowToRun(keep=keep, force=force).options())
    reporting = write_report(summary, {}, site=True)
    for line in missing_lines(board_weights(board), "demo"):
        note(line)
    finish(summary, reporting, skipped_is_well=True)


def _of_usable_clips(board: Board) -> Board:
    """The board without the clips that cannot be rendered here, each with a line that says why.

    InputError when none can be.
    """
    from vfsrbench.datasets.dataset import dataset_of

    rest, unusable = dataset_of(board.dataset).usable()
    for name, why in unusable.items():
        say(f"{name} is left out: {why}", err=True)
    return board.replace(dataset=board.dataset.replace(clips=rest.names)) if unusable else board
