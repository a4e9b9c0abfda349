"""`vfsrbench align`: clips of people made into clips of aligned faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say
from vfsrbench.cli.notes import tell_notes
from vfsrbench.errors import counted

app = typer.Typer()


@app.command()
def align(
    clips: Annotated[Path, typer.Argument(help="a folder of pictures, a video, or a folder of such")],
    out: Annotated[Path, typer.Argument(help="where aligned clips go: OUT/<clip>/*.png")],
    smooth: Annotated[
        bool, typer.Option("--smooth/--no-smooth", help="smooth the face's points over time, as KEEP does")
    ] = True,
    frames: o.FrameCount = None,
    finder: o.Finder = "auto",
    replace: Annotated[
        bool, typer.Option("--replace", help="align again what is there already, and write over it")
    ] = False,
) -> None:
    """Find the largest face of each frame and bring it to 512x512, as KEEP and CodeFormer expect it.

    The transforms go beside the frames (OUT/<clip>.alignment.json). Frames without a face are interpolated
    from their neighbours and counted. Exit code 3 when a clip could not be aligned.
    """
    from vfsrbench.cli.progress import StepBar
    from vfsrbench.faces.align_clips import align_files
    from vfsrbench.faces.face_tools import load_finder
    from vfsrbench.faces.ffhq_align import SMOOTHING_SIGMA
    from vfsrbench.io.safety.targets import check_out_folder
    from vfsrbench.restoration.files import open_clips
    from vfsrbench.restoration.sidecar import untrained_line
    from vfsrbench.runtime.device import choose_device

    check_out_folder(out, [clips])
    sources, unreadable = open_clips(clips, frames)
    found_by = load_finder(choose_device(), finder)
    if found_by.untrained:
        say(untrained_line(found_by.untrained), err=True)
    sigma = SMOOTHING_SIGMA if smooth else 0.0
    with StepBar() as bar:
        done = align_files(
            sources,
            out,
            found_by,
            sigma=sigma,
            replace=replace,
            on_progress=bar.on_progress,
        )
    say(f"faces found by {found_by.name}")
    for bad in unreadable:
        say(f"failed: {bad.clip}: {bad.reason}", err=True)
    for file in done:
        if file.path is None:
            say(f"failed: {file.reason}", err=True)
            continue
        note = ", was there already" if file.kept else ""
        say(f"{file.path}: {counted(file.frames, 'frame')}, {file.missing} of them without a face{note}")
        tell_notes((file.clip, note) for note in file.notes)
    if unreadable or any(file.reason for file in done):
        raise typer.Exit(3)
