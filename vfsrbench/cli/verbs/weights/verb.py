"""`vfsrbench weights`: which checkpoints there are, getting them, checking them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.cli.verbs.cards.cells import FOOTNOTE
from vfsrbench.cli.verbs.weights.fetch import fetch
from vfsrbench.cli.verbs.weights.find import find
from vfsrbench.cli.verbs.weights.tables import (
    Alternatives,
    ListedWeight,
    about_lines,
    check_names,
    expanded_names,
    licence_lines,
    listed,
    named_checkpoints,
    remedy_of,
    unreadable_lines,
)
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import check_regular_file, expanded

if TYPE_CHECKING:
    from vfsrbench.weights.manifest import Manifest, WeightFile
    from vfsrbench.weights.of_cards.reach import Reach

app = typer.Typer(no_args_is_help=True, help="Checkpoints: list, fetch, check, or point to a local file.")

app.command()(fetch)
app.command()(find)

Names = Annotated[list[str] | None, typer.Argument(help="checkpoints; none: all that are meant")]
Folders = Annotated[
    list[str] | None,
    typer.Option(
        "--method-path",
        metavar="FOLDER",
        help="also the checkpoints on this method's card; those of folders in the current one are known "
        "(repeatable)",
    ),
]


def _known(folders: Sequence[str] | None) -> tuple[Manifest, Reach]:
    """Published checkpoints, and those that cards in reach name."""
    from vfsrbench.weights.manifest import load_manifest
    from vfsrbench.weights.of_cards.reach import weights_in_reach

    manifest = load_manifest()
    return manifest, weights_in_reach(manifest, [expanded(folder) for folder in folders or ()])


@app.command("list")
def list_weights(
    names: Names = None,
    missing: Annotated[bool, typer.Option("--missing", help="only those that are not here")] = False,
    method_path: Folders = None,
) -> None:
    """Every checkpoint: here or not, size, licence, what vouches for it, how it comes, who needs it.

    A name may be a checkpoint, or a method or metric: then all that it needs.
    """
    from vfsrbench.weights.manifest import needed_by
    from vfsrbench.weights.receipts import weights_root
    from vfsrbench.weights.resolve import place_of

    (manifest, reach), users, root = _known(method_path), needed_by(), weights_root()
    wanted = named_checkpoints(names, manifest, reach)
    asked = [manifest[name] for name in wanted if name in manifest.entries] if names else list(manifest)
    own = [reach.weights[name] for name in (wanted if names else reach.weights) if name in reach.weights]
    shown = [e for e in asked if not missing or place_of(root, e.name, e) is None]
    rows = [ListedWeight.published(root, entry, users.get(entry.name, [])) for entry in shown]
    rows += [ListedWeight.own(root, w) for w in own if not missing or w.place(root) is None]
    say(listed(rows))
    say(f"\n{FOOTNOTE}\n  all of its text: `vfsrbench weights list NAME`")
    if names:
        for line in (*about_lines(root, shown), *licence_lines(shown)):
            say(line)
    for line in unreadable_lines(shown):
        say(line)
    say(f"\nfolder: {root}")
    for problem in manifest.broken:
        say(f"skipped: {problem}", err=True)


@app.command()
def check(names: Names = None, method_path: Folders = None) -> None:
    """Read files again and hold them against the manifest; where no hash was published, some are opened and
    their tensors compared with the network's. A name may be a method or metric. Exit code 2 if a file is not
    what it should be."""
    from vfsrbench.weights.receipts import weights_root
    from vfsrbench.weights.resolve import hash_of, place_of, problem_with

    (manifest, reach), root = _known(method_path), weights_root()
    groups: list[Alternatives] = [] if names else [(entry.name,) for entry in manifest]
    own = [] if names else list(reach.weights)
    for name in names or ():
        mine = reach.of.get(name, (name,) if name in reach.weights else ())
        own += mine
        published = expanded_names([name], manifest, reach.weights)
        groups += [group for group in published if not mine or group != (name,)]
    problems = []
    seen = 0
    for group in groups:
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
    for weight in [reach.weights[name] for name in dict.fromkeys(own)]:
        path = weight.place(root)
        if path is None:
            problems += [f"{weight.name}: not here: {remedy_of(root, weight)}"] if names else []
            continue
        seen += 1
        say(f"{weight.name}: here (nothing vouches for it) {weight.sha256(root, path, again=True)} {path}")
    if not seen and not problems:
        say(f"no checkpoints in {root}")
    if problems:
        raise InputError("; ".join(problems))


@app.command()
def path(
    pairs: Annotated[list[str], typer.Argument(help="NAME=FILE; NAME= forgets; NAME prints the file in use")],
    method_path: Folders = None,
) -> None:
    """Point checkpoints to files of your own, or print where they are. A name is a published checkpoint's, or
    one on the card of an installed method or of one in the current folder."""
    from vfsrbench.weights.receipts import update_receipt, weights_root
    from vfsrbench.weights.resolve import place_of

    (manifest, reach), root = _known(method_path), weights_root()
    check_names([pair.partition("=")[0] for pair in pairs], manifest, reach)
    for pair in pairs:
        name, equals, file = pair.partition("=")
        if equals:
            given = expanded(file) if file else None
            if given is not None:
                check_regular_file(given, "checkpoint")
                given = given.resolve()
            update_receipt(root, name, path=str(given or ""), sha256="", size=0)
        own = reach.weights.get(name)
        found = place_of(root, name, manifest[name]) if own is None else own.place(root)
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
