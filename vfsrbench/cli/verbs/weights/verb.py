"""`vfsrbench weights`: which checkpoints there are, getting them, checking them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.cli.verbs.weights.fetch import fetch
from vfsrbench.cli.verbs.weights.find import find
from vfsrbench.cli.verbs.weights.tables import (
    commercial,
    expanded_names,
    megabytes,
    state_of,
    table,
    unreadable_lines,
)
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import check_regular_file, expanded

if TYPE_CHECKING:
    from vfsrbench.weights.manifest import WeightFile

app = typer.Typer(no_args_is_help=True, help="Checkpoints: list, fetch, check, or point to a local file.")

app.command()(fetch)
app.command()(find)

Names = Annotated[list[str] | None, typer.Argument(help="checkpoints; none: all that are meant")]


@app.command("list")
def list_weights(
    names: Names = None,
    missing: Annotated[bool, typer.Option("--missing", help="only those that are not here")] = False,
) -> None:
    """Every checkpoint: here or not, size, licence, what vouches for it, how it comes, who needs it."""
    from vfsrbench.weights.manifest import load_manifest, needed_by
    from vfsrbench.weights.receipts import weights_root
    from vfsrbench.weights.resolve import place_of

    manifest, users, root = load_manifest(), needed_by(), weights_root()
    asked = [manifest[name] for name in names] if names else list(manifest)
    listed = [e for e in asked if not missing or place_of(root, e.name, e) is None]
    rows = [
        [
            entry.name,
            state_of(root, entry),
            megabytes(entry.size or (entry.megabytes or 0) * 1e6),
            entry.provenance,
            entry.how,
            commercial(entry),
            entry.licence,
            ", ".join(users.get(entry.name, [])) or "-",
        ]
        for entry in listed
    ]
    heads = ["name", "here", "MB", "SHA-256", "how", "commercial", "licence", "needed by"]
    say(table(heads, rows))
    for line in unreadable_lines(listed):
        say(line)
    say(f"\nfolder: {root}")
    for problem in manifest.broken:
        say(f"skipped: {problem}", err=True)


@app.command()
def check(names: Names = None) -> None:
    """Read files again and hold them against the manifest; where no hash was published, some are opened and
    their tensors compared with the network's. A name may be a method or metric. Exit code 2 if a file is not
    what it should be."""
    from vfsrbench.weights.manifest import load_manifest
    from vfsrbench.weights.receipts import weights_root
    from vfsrbench.weights.resolve import hash_of, place_of, problem_with

    manifest, root = load_manifest(), weights_root()
    wanted = expanded_names(names, manifest) if names else [(entry.name,) for entry in manifest]
    problems = []
    seen = 0
    for group in wanted:
        here = [n for n in group if place_of(root, n, manifest[n]) is not None]
        if names and not here:
            problems.append(f"{group[0]}: not here{_by_hand(root, manifest[group[0]])}")
        for entry in [manifest[name] for name in here]:
            path = place_of(root, entry.name, entry)
            assert path is not None
            seen += 1
            problem = problem_with(root, entry.name, path, entry, again=True)
            if problem:
                problems.append(f"{entry.name}: {path} is not the published file: {problem}")
                continue
            try:
                how = _vouched(entry, path)
            except InputError as error:
                problems.append(f"{entry.name}: {error}")
                continue
            say(f"{entry.name}: ok ({how}) {hash_of(root, entry.name, path)} {path}")
    if not seen and not problems:
        say(f"no checkpoints in {root}")
    if problems:
        raise InputError("; ".join(problems))


@app.command()
def path(
    pairs: Annotated[list[str], typer.Argument(help="NAME=FILE; NAME= forgets; NAME prints the file in use")],
) -> None:
    """Point checkpoints to files of your own, or print where they are."""
    from vfsrbench.weights.manifest import load_manifest
    from vfsrbench.weights.receipts import update_receipt, weights_root
    from vfsrbench.weights.resolve import place_of

    manifest, root = load_manifest(), weights_root()
    for pair in pairs:
        name, equals, file = pair.partition("=")
        entry = manifest[name]
        if equals:
            given = expanded(file) if file else None
            if given is not None:
                check_regular_file(given, "checkpoint")
                given = given.resolve()
            update_receipt(root, name, path=str(given or ""), sha256="", size=0)
        found = place_of(root, name, entry)
        say(f"{name}: {found or 'not here'}")


def _by_hand(root: Path, entry: WeightFile) -> str:
    """How to get a file that no program can fetch."""
    from vfsrbench.weights.resolve import where_to_get

    return "" if entry.urls or entry.wheels else f": {where_to_get(root, entry)}"


def _vouched(entry: WeightFile, path: Path) -> str:
    """What vouches for a file; its tensors, if the manifest has no hash but the whole network. InputError
    when these do not fit."""
    from vfsrbench.weights.resolve import is_untrained
    from vfsrbench.weights.validate import count_fitting

    if is_untrained(path):
        return "untrained"
    if not entry.strict or entry.sha256 is not None:
        return entry.provenance
    return f"{entry.provenance}; {count_fitting(entry, path)} tensors fit by name and shape"
