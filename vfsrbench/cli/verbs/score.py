"""`vfsrbench score`: restored clips that are there already, against their ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.datasets.layouts import REAL, REAL_SPLIT
from vfsrbench.errors import InputError

app = typer.Typer()
METRICS = ("psnr", "ssim", "ewarp_dis")
METRICS_WITHOUT_TRUTH = ("niqe", "ewarp_self_dis")


@app.command()
def score(
    outputs: Annotated[
        list[str], typer.Option("--outputs", metavar="NAME=PATH", help="restored clips by name (repeatable)")
    ],
    dataset: o.DatasetPath = None,
    board: Annotated[
        str | None, typer.Option(help="take data set, splits and metrics from this board")
    ] = None,
    layout: o.Layout = None,
    clip: o.Clips = None,
    frames: o.FrameCount = None,
    metric: o.Metrics = None,
    split: o.Splits = None,
    scale: o.Scale = None,
    workspace: o.WorkspacePath = Path("workspace"),
    engine: o.EngineName = "local",
    workers: o.Workers = None,
    force: o.Force = False,
) -> None:
    """Score results that are there already; nothing is degraded or restored.

    With a board of several splits, PATH holds a folder for each. Clips without ground truth (--layout
    real) are scored by metrics that need none.
    """
    from vfsrbench.board import Board, DatasetUse, ScoreBoard
    from vfsrbench.cli.verbs.run import finish, run_and_tell, write_report

    given = o.parse_outputs(outputs)
    if board is None and dataset is None:
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
            splits=(REAL_SPLIT,) if layout == REAL else ("outputs",),
            methods=tuple(given),
            metrics=METRICS_WITHOUT_TRUTH if layout == REAL else METRICS,
        )
    changed = o.changed_board(
        base,
        splits=split,
        metrics=metric,
        dataset=dataset,
        layout=layout,
        clips=clip,
        frames=frames,
        scale=scale,
    )
    chosen = ScoreBoard.of(changed)
    o.check_metrics(chosen)
    summary = run_and_tell(chosen, workspace, engine=engine, workers=workers, force=force, outputs=given)
    write_report(summary, given)
    finish(summary)
