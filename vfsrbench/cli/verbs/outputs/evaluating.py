"""`vfsrbench evaluate`: a folder of restored clips against a folder of ground truth."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say
from vfsrbench.errors import counted

if TYPE_CHECKING:
    from vfsrbench.card import MetricCard
    from vfsrbench.scoring.folders import Evaluation

app = typer.Typer()
METRICS = ("psnr", "ssim", "ewarp_dis")
_ARROWS = {"higher": " ↑", "lower": " ↓", "none": ""}


@app.command()
def evaluate(
    outputs: Annotated[
        Path, typer.Argument(help="restored clips: a folder of pictures or a video each; or one of them")
    ],
    *,
    gt: Annotated[Path, typer.Option("--gt", help="the ground truth, likewise; clips are matched by name")],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help=f"default: {', '.join(METRICS)} (repeatable; see `list metrics`)"),
    ] = None,
    clip: o.Clips = None,
    frames: o.FrameCount = None,
    finder: o.Finder = "auto",
    fit: o.CropFit = None,
    crop_gt: o.CropGt = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="write the table: a row a clip, and the mean")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write everything, also the values by frame")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto: a GPU if there is one")
    ] = "auto",
) -> None:
    """Score restored clips against their ground truth, without a board or a workspace.

    A clip that is missing or does not fit its ground truth is named and left out; the others are scored, and
    the mean says of how many clips it is. Ends with 3 when a clip was left out.
    """
    from vfsrbench.cli.progress import StepBar
    from vfsrbench.io.safety.paths import expanded
    from vfsrbench.io.safety.targets import check_out_folder, check_own_file
    from vfsrbench.runtime.device import choose_device
    from vfsrbench.scoring.folders import evaluate_folders

    given, truth = expanded(outputs), expanded(gt)
    for file in (csv_file, json_file):
        if file is not None:  # before anything is computed
            check_out_folder(file.parent)
            check_own_file(file)
    with StepBar() as bar:
        found = evaluate_folders(
            given,
            truth,
            metric or METRICS,
            clips=tuple(clip or ()),
            frames=frames,
            finder=finder,
            multiple=o.crop_multiple(fit),
            crop_gt=crop_gt,
            device=choose_device(None if device == "auto" else device),
            on_progress=lambda what, done, total: bar.on_progress(f"scoring {what}", done, total),
        )
    say(_table(found))
    for name, reason in found.left_out.items():
        say(f"{name}: left out: {reason}", err=True)
    if found.beside:
        say(f"without ground truth, not scored: {', '.join(found.beside)}", err=True)
    for name, scores in found.clips.items():
        if scores.cropped:
            say(f"{name}: ground truth cropped to {scores.cropped}", err=True)
        for metric_id, why in scores.unavailable.items():
            say(f"{name}: no {metric_id}: {why}", err=True)
        for metric_id, count in scores.missing.items():
            if count:
                of = counted(len(scores.names), "frame")
                say(f"{name}: {metric_id} has no value for {count} of {of}", err=True)
    if csv_file is not None:
        _write(csv_file, _csv(found))
    if json_file is not None:
        _write(json_file, _json(found, given, truth))
    if found.left_out:
        raise typer.Exit(3)


def _of(found: Evaluation) -> str:
    """What the means are of."""
    return f"mean of {len(found.clips)} of {found.total} clip{'s' * (found.total > 1)}"


def _table(found: Evaluation) -> str:
    from tabulate import tabulate

    rows = [
        [name, str(len(scores.names)), *(_shown(scores.clip.get(card.id), card) for card in found.cards)]
        for name, scores in found.clips.items()
    ]
    frames = sum(len(scores.names) for scores in found.clips.values())
    rows.append([_of(found), str(frames), *(_shown(found.means[card.id], card) for card in found.cards)])
    heads = ["clip", "frames", *map(_head, found.cards)]
    return tabulate(
        rows, headers=heads, disable_numparse=True, colalign=("left", *["right"] * (len(heads) - 1))
    )


def _head(card: MetricCard) -> str:
    unit = f" ({card.unit})" if card.unit else ""
    return f"{card.id}{_ARROWS[card.direction]}{unit}"


def _shown(value: float | None, card: MetricCard) -> str:
    return "n/a" if value is None or math.isnan(value) else f"{value:.{card.digits}f}"


def _csv(found: Evaluation) -> str:
    """A row a clip, and the mean; values as they were computed, empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["clip", "frames", *(card.id for card in found.cards)])
    for name, scores in found.clips.items():
        writer.writerow([name, len(scores.names), *(_number(scores.clip.get(c.id)) for c in found.cards)])
    frames = sum(len(scores.names) for scores in found.clips.values())
    writer.writerow([_of(found), frames, *(_number(found.means[card.id]) for card in found.cards)])
    return text.getvalue()


def _json(found: Evaluation, outputs: Path, gt: Path) -> str:
    from vfsrbench.version import __version__

    facts = {
        "vfsrbench": __version__,
        "outputs": str(outputs),
        "gt": str(gt),
        "metrics": {
            c.id: {"unit": c.unit, "direction": c.direction, "version": c.version} for c in found.cards
        },
        "scored": len(found.clips),
        "of": found.total,
        "mean": _numbers(found.means),
        "clips": {
            name: {
                "frames": list(scores.names),
                "clip": _numbers(scores.clip),
                "by_frame": {m: [_number(v) for v in column] for m, column in scores.values.items()},
                "missing": scores.missing,
                "unavailable": scores.unavailable,
                "cropped": scores.cropped,
            }
            for name, scores in found.clips.items()
        },
        "left_out": found.left_out,
        "without_gt": list(found.beside),
    }
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def _numbers(values: dict[str, float]) -> dict[str, Any]:
    return {metric: _number(value) for metric, value in values.items()}


def _number(value: float | None) -> float | None:
    """None for what JSON and spreadsheets have no word for."""
    return value if value is not None and math.isfinite(value) else None


def _write(path: Path, text: str) -> None:
    from vfsrbench.io.safety.targets import own_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with own_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say(f"wrote {path}", err=True)
