"""`vfsrbench score`: restored clips that are there already, against their ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.option_groups import BoardChanges, EngineChoice, HowToRun, Without, grouped
from vfsrbench.errors import InputError

app = typer.Typer()
METRICS = ("psnr", "ssim", "ewarp_dis")
METRICS_WITHOUT_TRUTH = ("niqe", "ewarp_self_dis")


@app.command()
@grouped
def score(
    outputs: Annotated[
        list[str], typer.Option("--outputs", metavar="NAME=PATH", help="restored clips by name (repeatable)")
    ],
    *,
    board: Annotated[
        str | None, typer.Option(help="take data set, splits and metrics from this board")
    ] = None,
    changes: Annotated[BoardChanges, Without(("seed",))],
    workspace: o.WorkspacePath = Path("workspace"),
    engine: Annotated[EngineChoice, Without(("engine_option", "wait"))],
    force: o.Force = False,
    crop_gt: o.CropGt = False,
) -> None:
    """Score results that are there already; nothing is degraded or restored.

    With a board of several splits, PATH holds a folder for each. Clips without ground truth (--layout
    real) are scored by metrics that need none.
    """
    from vfsrbench.board import Board, DatasetUse, ScoreBoard
    from vfsrbench.cli.verbs.run import finish, run_with_display, write_report
    from vfsrbench.datasets.layouts import REAL, REAL_SPLIT

    options = HowToRun(force=force, outputs=outputs, crop_gt=crop_gt).options()
    real = changes.layout == REAL
    if board is None and changes.dataset is None:
        raise InputError(
            "say what to score against: --dataset PATH (ground truth, or with --layout real the degraded "
            "clips), or --board NAME"
        )
    if board is not None:
        base = o.find_board(board)
    else:
        base = Board(
            name="score",
            title="Scores",
            version=1,
            dataset=DatasetUse(layout="folder"),
            splits=(REAL_SPLIT,) if real else ("outputs",),
            methods=tuple(options.outputs),
            metrics=METRICS_WITHOUT_TRUTH if real else METRICS,
        )
    chosen = ScoreBoard.of(changes.of(base))
    o.check_metrics(chosen)
    summary = run_with_display(chosen, workspace, engine, options)
    finish(summary, write_report(summary, options.outputs))
