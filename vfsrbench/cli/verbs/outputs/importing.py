"""`vfsrbench import`: what another tool made of the degraded clips, taken in to be scored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError, counted

if TYPE_CHECKING:
    from vfsrbench.card import MethodCard

app = typer.Typer()
_HEX = re.compile(r"[0-9a-fA-F]{64}")


@app.command(name="import")
def import_(
    name: Annotated[
        str, typer.Argument(help="the method: one of kind outputs (see `vfsrbench list methods`)")
    ],
    folder: Annotated[
        Path, typer.Argument(help="where its tool wrote the clips: videos, or folders of pictures")
    ],
    out: Annotated[Path, typer.Option(help="where the frames to score and import.json go")],
    *,
    undo: Annotated[
        list[str] | None,
        typer.Option(help="what the tool did: cropN, padN, framesAnB, as its card lists them (repeatable)"),
    ] = None,
    names: Annotated[
        str, typer.Option(help="how the tool calls a clip, such as {clip}_77; {clip} is its name")
    ] = "{clip}",
    dataset: o.DatasetPath = None,
    layout: o.Layout = None,
    clip: o.Clips = None,
    frames: o.FrameCount = None,
    scale: o.Scale = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="a file of its weights, whose SHA-256 is noted, or that SHA-256 (repeatable)"),
    ] = None,
    commit: Annotated[str, typer.Option(help="of the tool's repository")] = "",
    steps: Annotated[int | None, typer.Option(min=0, max=100_000, help="sampling steps")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="of the tool")] = None,
    gpu: Annotated[str, typer.Option(help="on which the tool ran")] = "",
) -> None:
    """Check outputs of another tool, undo what it did to size and length, write them with a manifest.

    Then `vfsrbench run BOARD --outputs NAME=OUT` scores them; the row says that they are imported.
    """
    from vfsrbench.cli.progress import StepBar
    from vfsrbench.datasets.dataset import open_dataset
    from vfsrbench.datasets.importing.outputs import HowMade, import_outputs

    card = _card(name)
    kind = layout or ("demo" if dataset is None else "folder")
    opened = open_dataset(kind, dataset, tuple(clip or ()), frames, scale)
    how = HowMade(_hashes(weights or ()), commit, steps, seed, gpu)
    with StepBar() as bar:
        made = import_outputs(
            card,
            folder,
            opened,
            out,
            undo=tuple(undo or ()),
            names=names,
            how=how,
            on_progress=lambda of, done, total: bar.on_progress(f"importing {of}", done, total),
        )
    undone = ", ".join(made.undone) or "nothing to undo"
    frames_there = sum(each.frames for each in made.clips.values())
    sizes = f"{counted(len(made.clips), 'clip')}, {counted(frames_there, 'frame')}"
    say(f"{out}: {sizes} of {made.title}; undone: {undone}")
    say(f"score them with: vfsrbench run BOARD --outputs {name}={out}")


def _card(name: str) -> MethodCard:
    """The card of a method that is scored by its outputs."""
    from vfsrbench.errors import did_you_mean
    from vfsrbench.plugins import methods

    known = methods()
    imported = {entry.card.name: entry.card for entry in known if entry.card.kind == "outputs"}
    if name in known.entries and name not in imported:
        raise InputError(
            f"method {name!r} is run here, not imported: `vfsrbench run BOARD --method {name}`; outputs of "
            "your own are scored as --outputs MYNAME=FOLDER"
        )
    if name not in imported:
        raise did_you_mean("method of kind outputs", name, imported)
    return imported[name]


def _hashes(given: Sequence[str]) -> dict[str, str]:
    """File name (or "given", "given 2") -> SHA-256."""
    from vfsrbench.io.safety.ownership import sha256_of
    from vfsrbench.io.safety.paths import check_regular_file, expanded

    found: dict[str, str] = {}
    for text in given:
        if _HEX.fullmatch(text):
            found[f"given {len(found) + 1}" if "given" in found else "given"] = text.lower()
            continue
        path = expanded(text)
        check_regular_file(path, "file of weights")
        if path.name in found:
            raise InputError(
                f"--weights: two files are called {path.name!r}; give one of them as its SHA-256"
            )
        found[path.name] = sha256_of(path)
    return found
