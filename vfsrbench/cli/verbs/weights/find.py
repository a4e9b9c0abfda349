"""`vfsrbench weights find`: files that other tools have brought, used where they lie."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.cli.verbs.cards.cells import FOOTNOTE, licence_word, table
from vfsrbench.cli.verbs.weights.tables import (
    expanded_names,
    licence_lines,
    megabytes,
    unreadable_lines,
)
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import expanded

if TYPE_CHECKING:
    from vfsrbench.weights.finding.search import FoundFile


def find(
    names: Annotated[
        list[str] | None, typer.Argument(help="checkpoints, methods or metrics; none: all that are missing")
    ] = None,
    folders: Annotated[
        list[str] | None, typer.Option("--in", metavar="DIR", help="look here first (repeatable)")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="use what fits, where it lies")] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", "--accept-license", help="you have read the licences")
    ] = False,
) -> None:
    """Look for checkpoints that are on this machine already: where torch hub, insightface, facexlib, gfpgan,
    ComfyUI and checkouts of the methods keep them. Nothing is copied or moved."""
    from vfsrbench.weights.finding.places import usual_places
    from vfsrbench.weights.finding.search import Walk, find_files
    from vfsrbench.weights.manifest import load_manifest
    from vfsrbench.weights.receipts import weights_root
    from vfsrbench.weights.resolve import is_untrained, place_of

    manifest, root = load_manifest(), weights_root()
    groups = expanded_names(names or ["all"], manifest)
    wanted = {name: manifest[name] for group in groups for name in group}
    places = {name: place_of(root, name, entry) for name, entry in wanted.items()}
    missing = [e for n, e in wanted.items() if (path := places[n]) is None or is_untrained(path)]
    given = [_folder(folder) for folder in folders or ()]
    home = Path.home() if os.environ.get("HOME") or os.name == "nt" else None
    searched = [*given, *usual_places(home, Path.cwd(), os.environ)]
    walk = Walk()
    found = find_files(missing, searched, walk)
    _show(found, len(missing), searched, walk.cut)
    for line in unreadable_lines(result.entry for result in found):
        say(line)
    fitting = [result for result in found if result.how]
    if not fitting:
        return
    if not yes:
        licences = " --accept-licence" if any(r.entry.needs_consent for r in fitting) else ""
        say(f"\nto use what fits where it lies, once you have read the licences: add --yes{licences}")
        return
    _use(fitting, root, accept_licence)


def _folder(text: str) -> Path:
    path = expanded(text)
    if not path.is_dir():
        raise InputError(f"--in {text}: no such folder")
    return path.absolute()


def _show(found: Sequence[FoundFile], missing: int, searched: Sequence[Path], cut: bool) -> None:
    rows = []
    for result in found:
        entry, size = result.entry, result.path.stat().st_size
        fits = result.how or f"no: {result.problem}"
        licence = licence_word(entry.licence, entry.commercial)
        rows.append([entry.name, fits, megabytes(size), licence, str(result.path)])
    if rows:
        say(table(["name", "fits", "MB", "licence", "file"], rows, folded=(1,)))
        say(f"\n{FOOTNOTE}")
        for line in licence_lines(result.entry for result in found):
            say(line)
        say("")
    count = sum(bool(result.how) for result in found)
    say(f"{missing} checkpoints are missing, {count} of them were found in {len(searched)} folders")
    if cut:
        say(
            "the folders are deep or large, and were not looked through to the end; name one with --in",
            err=True,
        )


def _use(fitting: Sequence[FoundFile], root: Path, accept: bool) -> None:
    """Point to the files; those whose licence is not accepted stay out."""
    from vfsrbench.weights.receipts import accept_licence, is_accepted, read_receipt, update_receipt

    refused = []
    for result in fitting:
        entry, path = result.entry, result.path
        if entry.needs_consent and not is_accepted(read_receipt(root, entry.name), entry):
            if not accept:
                refused.append(entry.name)
                continue
            accept_licence(root, entry)
        status = path.stat()
        facts: dict[str, str | int] = {"size": status.st_size, "modified": status.st_mtime_ns}
        update_receipt(root, entry.name, path=str(path), sha256=result.sha256, **facts)
        say(f"{entry.name}: {path}")
    if refused:
        raise InputError(
            f"not used, as their licences are not accepted: {', '.join(refused)}; read them in the list, and "
            f"add --accept-licence"
        )
