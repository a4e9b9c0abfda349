"""`vfsrbench degrade`: make degraded splits as folders with a manifest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from degradations.reading.limits import MOST_SEED
from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say
from vfsrbench.cli.environment import write_crash
from vfsrbench.cli.notes import tell_notes
from vfsrbench.cli.option_groups import EngineChoice, Without, grouped
from vfsrbench.errors import counted

app = typer.Typer()


@app.command()
@grouped
def degrade(
    out: Annotated[Path, typer.Argument(help="where the splits go: OUT/<split>/<clip>/*.png")],
    split: Annotated[
        list[str], typer.Option("--split", help="a recipe, or your own as ./FILE.toml (repeatable)")
    ],
    *,
    dataset: o.DatasetPath = None,
    layout: o.Layout = None,
    clip: o.Clips = None,
    frames: o.FrameCount = None,
    fit: o.Fit = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="of all that is drawn at random")] = 0,
    engine: Annotated[EngineChoice, Without(("engine_option", "wait"))],
    force: o.Force = False,
) -> None:
    """Degrade a data set (the demo clips, if none is given) and write a manifest for each split.

    Exit code 3 when a clip failed; the others and their manifest are there.
    """
    from degradations.recipe import load_recipe
    from vfsrbench.board import DatasetUse
    from vfsrbench.cli.progress import StepBar
    from vfsrbench.splits.export import degrade_splits
    from vfsrbench.splits.fit import fitted

    use = DatasetUse(
        layout=layout or ("demo" if dataset is None else "folder"),
        path=None if dataset is None else str(dataset),
        clips=tuple(clip or ()),
        frames=frames,
        fit=o.checked_fit(fit) or "alone",
    )
    recipes = [load_recipe(name) for name in split]
    use = fitted(use, split)
    with StepBar() as bar:
        made = degrade_splits(
            recipes,
            use,
            out,
            seed,
            engine.make(),
            lambda task, event: bar.on_progress(
                f"{task.recipe.name}: {event.step} {task.clip}", event.done, event.total
            ),
            force,
        )
    for name, manifest in made.manifests.items():
        frames_made = sum(entry.frames for entry in manifest.clips.values())
        sizes = f"{counted(len(manifest.clips), 'clip')}, {counted(frames_made, 'frame')}"
        say(f"{out / name}: {sizes}, {manifest.recipe.status}")
    tell_notes((name, note) for name, notes in made.notes.items() for note in notes)
    for clip_failed in made.failed:
        say(f"{clip_failed.split}, {clip_failed.clip}: failed: {clip_failed.reason}", err=True)
    crashes = "\n".join(clip_failed.details for clip_failed in made.failed if clip_failed.details)
    if crashes:
        say(f"details in {write_crash(crashes, sys.argv[1:])}", err=True)
    if made.failed:
        raise typer.Exit(3)
