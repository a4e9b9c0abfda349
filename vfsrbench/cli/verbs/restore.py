"""`vfsrbench restore`: a method over clips of your own, frames or faces in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from degradations.reading.limits import MOST_SCALE, MOST_SEED
from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say
from vfsrbench.cli.notes import tell_notes

if TYPE_CHECKING:
    from vfsrbench.io.clip import Clip
    from vfsrbench.restoration.files import Form, ProgressCallback
    from vfsrbench.restoration.method_use import MethodUse
    from vfsrbench.restoration.restore import Restoration

app = typer.Typer()

Faces = Literal["auto", "find", "whole"]


@app.command()
def restore(
    clips: Annotated[Path, typer.Argument(help="a folder of pictures, a video, or a folder of such")],
    out: Annotated[Path, typer.Argument(help="where restored clips go")],
    method: Annotated[
        str | None, typer.Option(help="a name, name[option=value], or a method's folder as ./FOLDER")
    ] = None,
    method_path: o.MethodPath = None,
    form: Annotated[
        Literal["png", "video", "h264"] | None,
        typer.Option(
            "--as",
            help="PNG pictures (default for whole frames), lossless video (.mkv), or H.264 (default with "
            "faces, beside the pictures)",
        ),
    ] = None,
    faces: Annotated[
        Faces,
        typer.Option(
            help="find: the largest face is found, aligned, restored and pasted back; whole: frames are "
            "restored as they are; auto: find, if the method takes faces and frames are no squares of 512, "
            "256, 128, ... pixels"
        ),
    ] = "auto",
    smooth: Annotated[
        bool, typer.Option("--smooth/--no-smooth", help="smooth the face's points over time, as KEEP does")
    ] = True,
    mask: Annotated[
        Literal["parse", "square"],
        typer.Option(help="paste the face's regions (ParseNet) or a square with soft borders"),
    ] = "parse",
    scale: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_SCALE, help="enlargement (default: the method's own; 1 with faces)"),
    ] = None,
    frames: o.FrameCount = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="of all that is drawn at random")] = 0,
) -> None:
    """Restore clips of your own, or the face in them. Exit code 3 when one of them failed.

    OUT/<clip>.restoration.json says by which method and weights a clip was made.

    With faces, OUT/<clip> holds cropped_faces, restored_faces, final_results, restoration.json and the
    full video.
    """
    from vfsrbench.cli.progress import StepBar
    from vfsrbench.io.safety.targets import check_out_folder
    from vfsrbench.restoration.faces import is_wild
    from vfsrbench.restoration.files import open_clips, usable_method
    from vfsrbench.restoration.sidecar import untrained_line

    check_out_folder(out, [clips])
    use = usable_method(o.one_method(method, method_path, "--method NAME"))
    assert use.method is not None
    sources, unreadable = open_clips(clips, frames)
    card = use.method.card
    wild = [clip for clip in sources if faces == "find" or (faces == "auto" and is_wild(card, clip))]
    whole = [clip for clip in sources if clip not in wild]
    if use.weights.untrained:
        say(untrained_line([use.id]), err=True)
    with StepBar() as bar:
        failed = sum(_said(file.clip, None, 0, None, file.reason, ()) for file in unreadable)
        if wild:
            parse = mask == "parse"
            failed += _restore_faces(
                use, wild, out, form or "h264", scale or 1, seed, bar.on_progress, smooth, parse
            )
        if whole:
            failed += _restore_whole(use, whole, out, form or "png", scale, seed, bar.on_progress)
    if failed:
        raise typer.Exit(3)


def _restore_whole(
    use: MethodUse,
    clips: list[Clip],
    out: Path,
    form: Form,
    scale: int | None,
    seed: int,
    on_progress: ProgressCallback,
) -> int:
    """Whole frames; how many clips failed."""
    from vfsrbench.restoration.files import restore_files

    failed = 0
    for file in restore_files(use, clips, out, form=form, scale=scale, seed=seed, on_progress=on_progress):
        failed += _said(file.clip, file.path, file.frames, file.report, file.reason, file.notes)
    return failed


def _restore_faces(
    use: MethodUse,
    clips: list[Clip],
    out: Path,
    form: Form,
    upscale: int,
    seed: int,
    on_progress: ProgressCallback,
    smooth: bool,
    parse: bool,
) -> int:
    """The largest face of each clip; how many clips failed."""
    from vfsrbench.faces.face_tools import (
        FINDER,
        PARSER,
        best_device,
        load_finder,
        load_masks,
        untrained_tools,
    )
    from vfsrbench.faces.ffhq_align import SMOOTHING_SIGMA
    from vfsrbench.restoration.faces import restore_videos
    from vfsrbench.restoration.sidecar import untrained_line

    device = best_device()
    untrained = untrained_tools(FINDER, *([PARSER] if parse else []))
    if untrained:
        say(untrained_line(untrained), err=True)
    done = restore_videos(
        use,
        clips,
        out,
        load_finder(device),
        load_masks(device) if parse else None,
        device=device,
        sigma=SMOOTHING_SIGMA if smooth else 0.0,
        upscale=upscale,
        form=form,
        seed=seed,
        untrained=untrained,
        on_progress=on_progress,
    )
    failed = 0
    for file in done:
        place = file.video or file.path
        failed += _said(file.clip, place, file.frames, file.report, file.reason, file.notes)
        if file.missing:
            say(f"{file.clip}: {file.missing} frames without a face, interpolated", err=True)
    return failed


def _said(
    clip: str,
    path: Path | None,
    frames: int,
    report: Restoration | None,
    reason: str,
    notes: tuple[str, ...],
) -> int:
    """Print the outcome of a clip; 1 if it failed."""
    if path is None or report is None:
        say(f"{clip}: failed: {reason}", err=True)
        return 1
    speed = frames / report.seconds if report.seconds else 0.0
    say(f"{path}: {frames} frames, {speed:.1f} frames/s")
    tell_notes((clip, note) for note in (*notes, *report.warnings))
    return 0
