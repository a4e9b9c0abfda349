"""`vfsrbench check-outputs`: whether restored clips lie where and when their ground truth lies."""

from __future__ import annotations

from typing import Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError

app = typer.Typer()
OFF = 3


@app.command(name="check-outputs")
def check_outputs(
    outputs: Annotated[
        list[str], typer.Argument(metavar="NAME=PATH...", help="restored clips by name, a folder each")
    ],
    *,
    dataset: o.DatasetPath = None,
    layout: o.Layout = None,
    clip: o.Clips = None,
    frames: o.FrameCount = None,
    fit: o.CropFit = None,
    crop_gt: o.CropGt = False,
) -> None:
    """Compare restored clips with their ground truth before anything is scored: shift, scale, frames that
    come late or twice, colours, range, borders.

    Nothing is changed or scored. Ends with 3 when something is off.
    """
    from vfsrbench.cli.progress import Paced, StepBar
    from vfsrbench.datasets.crop import crop_to, cropped
    from vfsrbench.datasets.dataset import open_dataset
    from vfsrbench.datasets.stored_outputs import open_outputs
    from vfsrbench.geometry.clips import report_on
    from vfsrbench.geometry.guard import LEAST_SIDE

    kind = layout or ("demo" if dataset is None else "folder")
    opened = open_dataset(kind, dataset, tuple(clip or ()), frames, None, o.crop_multiple(fit))
    truths = {one.name: one for one in opened.clips()}
    without = [name for name, one in truths.items() if not one.reference]
    if without:
        raise InputError(f"clip {without[0]!r} has no ground truth: there is nothing to compare with")
    off, tell = 0, Paced()
    for name, path in o.parse_outputs(outputs, "outputs").items():
        problems: dict[str, str] = {}
        restored = open_outputs(path, opened, problems, crop_gt)
        for number, (clip_name, made) in enumerate(restored.items()):
            with StepBar(tell) as bar:
                bar.on_progress(f"looking at {clip_name}", number, len(restored))
                gt = truths[clip_name].gt_or_upscaled
                crop = crop_to(made, gt, name)
                report = report_on(made, gt if crop is None else cropped(gt, crop))
            off += bool(report.findings)
            cut = "" if crop is None else f"; against the ground truth's {crop}"
            passed = "nothing off" if report.numbers else f"not looked at, under {LEAST_SIDE} pixels a side"
            say(f"{name}, {clip_name}: {', '.join(report.findings) or passed}{cut}")
        for clip_name, problem in problems.items():
            off += 1
            say(f"{name}, {clip_name}: {problem}")
    if off:
        raise typer.Exit(OFF)
