"""`vfsrbench restore`: a method over clips of your own, frames or faces in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from degradations.reading.limits import MOST_SCALE, MOST_SEED
from vfsrbench.cli import options as o
from vfsrbench.cli.echo import note, say
from vfsrbench.cli.notes import tell_notes
from vfsrbench.errors import counted

if TYPE_CHECKING:
    from vfsrbench.faces.face_tools import FinderName
    from vfsrbench.io.clip import Clip
    from vfsrbench.restoration.faces import RestoredVideo
    from vfsrbench.restoration.files import Form, ProgressCallback, RestoredFile
    from vfsrbench.restoration.method_use import MethodUse

app = typer.Typer()

Faces = Literal["auto", "find", "whole"]


@app.command()
def restore(
    clips: Annotated[Path, typer.Argument(help="a folder of pictures, a video, or a folder of such")],
    out: Annotated[Path, typer.Argument(help="where restored clips go")],
    method: Annotated[
        str | None, typer.Option(help="a name, name\\[option=value], or a method's folder as ./FOLDER")
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
        Literal["auto", "parse", "square"],
        typer.Option(
            help="paste the face's regions (parse: ParseNet), or a square with soft borders; auto: the "
            "regions where ParseNet's weights are here"
        ),
    ] = "auto",
    finder: o.Finder = "auto",
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
    from vfsrbench.restoration.faces import needs_face_search
    from vfsrbench.restoration.files import RestoreOptions, open_clips, restore_files, usable_method
    from vfsrbench.restoration.sidecar import untrained_line

    check_out_folder(out, [clips])
    use = usable_method(o.one_method(method, method_path, "--method NAME"))
    sources, unreadable = open_clips(clips, frames)
    card = use.method.card
    with_faces = [
        clip for clip in sources if faces == "find" or (faces == "auto" and needs_face_search(card, clip))
    ]
    whole = [clip for clip in sources if clip not in with_faces]
    if use.weights.untrained:
        say(untrained_line([use.id]), err=True)
    with StepBar() as bar:
        failed = sum(_said(file.clip, None, file) for file in unreadable)
        if with_faces:
            how = _FaceChoice(form or "h264", scale or 1, seed, smooth, mask, finder)
            failed += _restore_faces(use, with_faces, out, how, bar.on_progress)
        if whole:
            options = RestoreOptions(form or "png", scale, seed)
            for file in restore_files(use, whole, out, options, bar.on_progress):
                failed += _said(file.clip, file.path, file)
    if failed:
        raise typer.Exit(3)


@dataclass(frozen=True)
class _FaceChoice:
    """What the command line says of faces."""

    form: Form
    upscale: int
    seed: int
    smooth: bool
    mask: Literal["auto", "parse", "square"]
    finder: FinderName


def _restore_faces(
    use: MethodUse, clips: list[Clip], out: Path, how: _FaceChoice, on_progress: ProgressCallback
) -> int:
    """The largest face of each clip; how many clips failed."""
    from vfsrbench.faces.face_tools import (
        PARSER,
        load_finder,
        load_masks,
        untrained_tools,
        why_no_masks,
    )
    from vfsrbench.faces.ffhq_align import SMOOTHING_SIGMA
    from vfsrbench.restoration.faces import FaceOptions, FaceTools, restore_videos
    from vfsrbench.restoration.sidecar import untrained_line
    from vfsrbench.runtime.device import choose_device

    device = choose_device()
    finder = load_finder(device, how.finder)
    no_masks = why_no_masks() if how.mask == "auto" else ""
    parse = how.mask != "square" and not no_masks
    untrained = [*finder.untrained, *(untrained_tools(PARSER) if parse else [])]
    if untrained:
        say(untrained_line(untrained), err=True)
    say(f"faces found by {finder.name}")
    if no_masks:
        say(f"faces are pasted as squares with soft borders (--mask square): {no_masks}", err=True)
    tools = FaceTools(finder, load_masks(device) if parse else None, untrained)
    sigma = SMOOTHING_SIGMA if how.smooth else 0.0
    options = FaceOptions(device, sigma, how.upscale, how.form, how.seed)
    failed = 0
    for file in restore_videos(use, clips, out, tools, options, on_progress):
        failed += _said(file.clip, file.video or file.path, file)
        if file.missing:
            note(f"{file.clip}: {counted(file.missing, 'frame')} without a face, interpolated")
    return failed


def pace(frames: int, seconds: float) -> str:
    """How fast frames were made; of slow methods how long one of them takes."""
    if frames and seconds > frames:
        return f"{seconds / frames:.1f} s/frame"
    return f"{frames / seconds if seconds else 0.0:.1f} frames/s"


def _said(clip: str, path: Path | None, file: RestoredFile | RestoredVideo) -> int:
    """Print the outcome of a clip; 1 if it failed."""
    report = file.report
    if path is None or report is None:
        say(f"{clip}: failed: {file.reason}", err=True)
        return 1
    say(f"{path}: {counted(file.frames, 'frame')}, {pace(file.frames, report.seconds)}")
    tell_notes((clip, note) for note in (*file.notes, *report.warnings))
    return 0
