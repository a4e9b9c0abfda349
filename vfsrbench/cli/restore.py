"""`vfsrbench restore`: a method over clips of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vfsrbench.cli import options as o

app = typer.Typer()


@app.command()
def restore(
    clips: Annotated[Path, typer.Argument(help="a folder of pictures, a video, or a folder of such")],
    out: Annotated[Path, typer.Argument(help="where restored clips go")],
    method: Annotated[str, typer.Option(help="a name, name[option=value], or a method's folder")],
    form: Annotated[
        Literal["png", "video"], typer.Option("--as", help="PNG pictures or a lossless video")
    ] = "png",
    scale: Annotated[int | None, typer.Option(min=1, help="enlargement (default: the method's own)")] = None,
    frames: o.FrameCount = None,
    seed: Annotated[int, typer.Option(min=0, help="of all that is drawn at random")] = 0,
) -> None:
    """Restore clips of your own. Exit code 3 when one of them failed."""
    from vfsrbench.cli.progress import StepBar
    from vfsrbench.restore_files import open_clips, restore_files, usable_method

    use = usable_method(method)
    sources = open_clips(clips)
    if frames is not None:
        sources = [clip.head(min(frames, len(clip))) for clip in sources]
    with StepBar() as bar:
        done = restore_files(use, sources, out, form=form, scale=scale, seed=seed, tell=bar.tell)
    for file in done:
        if file.path is None or file.report is None:
            typer.echo(f"{file.clip}: failed: {file.reason}", err=True)
            continue
        speed = file.frames / file.report.seconds if file.report.seconds else 0.0
        typer.echo(f"{file.path}: {file.frames} frames, {speed:.1f} frames/s")
        for warning in file.report.warnings:
            typer.echo(f"{file.clip}: {warning}", err=True)
    if any(file.reason for file in done):
        raise typer.Exit(3)
