"""`vfsrbench verify`: are degraded splits bit-identical to their manifests?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError

if TYPE_CHECKING:
    from degradations.manifest import Manifest

app = typer.Typer()


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="a degraded split, or a folder of several")],
    manifest: Annotated[
        Path | None, typer.Option(help="the published manifest (default: the folder's own)")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="the published frames, to measure a difference with")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="a difference after the codec is an error, too")
    ] = False,
) -> None:
    """Compare degraded clips with a manifest. Exit code 2 unless they are the split it describes."""
    from degradations.manifest import MANIFEST, read_manifest

    if reference is not None and not reference.is_dir():
        raise InputError(f"{reference}: no such folder of reference frames")
    splits = [folder] if manifest is not None or (folder / MANIFEST).is_file() else _splits(folder)
    good = True
    for split in splits:
        beside = reference / split.name if reference is not None and len(splits) > 1 else reference
        good &= _verify(split, read_manifest(manifest or split), beside, strict)
    if not good:
        raise typer.Exit(2)


def _splits(folder: Path) -> list[Path]:
    from degradations.manifest import MANIFEST

    found = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if not found:
        raise InputError(f"{folder}: holds no {MANIFEST}, nor do its folders; name one with --manifest")
    return found


def _verify(split: Path, manifest: Manifest, reference: Path | None, strict: bool) -> bool:
    from degradations.verify import verify_folder

    read_reference = None if reference is None else lambda name: _frames(reference, name)
    report = verify_folder(split, manifest, lambda name: _frames(split, name), read_reference)
    for line in report.lines():
        say(f"{split}: {line}")
    return report.canonical if strict else report.ok


def _frames(folder: Path, name: str) -> Iterable[Any]:
    from vfsrbench.io.clip import Clip

    path = folder / name
    if path.is_dir():
        return Clip.open(path).frames()
    video = next((p for suffix in (".mkv", ".mp4") if (p := folder / f"{name}{suffix}").is_file()), path)
    return Clip.open(video).frames()
