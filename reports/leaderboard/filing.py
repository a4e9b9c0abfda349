"""Puts boards and submissions where a leaderboard has them. Nothing that is there is written over."""

from __future__ import annotations

import re
from pathlib import Path

from reports.bundles.reading import read_bundle
from reports.bundles.schema import SUFFIX
from reports.leaderboard.config import BOARDS, SUBMISSIONS, read_config, rules_from
from reports.leaderboard.fitting import method_of
from reports.leaderboard.standing import LAB
from reports.leaderboard.tree import FolderTree
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.names import slug

_LAB_TOML = """\
# who is told beside the rows, and (logins) who may change this folder
title = "{title}"
url = ""
owners = [{owners}]
"""


def add_board(root: Path, source: Path) -> Path:
    """Write the file of a board, with the protocol of a bundle.

    Returns:
        Its path.

    Raises:
        InputError: It is there already, `root` is no leaderboard, or `source` no bundle.
    """
    read_config(FolderTree(root))
    bundle = read_bundle(source)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", bundle.board.name):
        raise InputError(f"{source}: the board's name {bundle.board.name!r} can be no file's name here")
    path = root / BOARDS / f"{bundle.board.name}.toml"
    if path.exists():
        raise InputError(f"{path}: is there already; change it by hand")
    path.parent.mkdir(exist_ok=True)
    _write(path, rules_from(bundle).encode())
    return path


def submit(root: Path, source: Path, lab: str, replace: bool = False, owner: str = "") -> list[Path]:
    """Put a bundle into a laboratory's folder, which is made if it is not there.

    Returns:
        The files that were written.

    Raises:
        InputError: It holds several methods, or is there already and not to be replaced.
    """
    read_config(FolderTree(root))
    if not LAB.fullmatch(f"{SUBMISSIONS}/{lab}/lab.toml"):
        raise InputError(
            f"laboratory {lab!r}: use letters, digits, -, _, + and ., and begin with a letter or digit"
        )
    if owner and not re.fullmatch(r"[A-Za-z0-9-]+", owner):
        raise InputError(f"login {owner!r}: use letters, digits and -")
    bundle = read_bundle(source)
    method = method_of(bundle)
    if not method:
        raise InputError(
            f"{source}: has several methods; a submission has one: `vfsrbench bundle --method NAME`"
        )
    folder = root / SUBMISSIONS / lab
    names = [slug(method), f"{slug(method)}.{slug(bundle.board.name)}"]
    places = [folder / f"{name}{SUFFIX}" for name in names]
    if not places[0].exists() or read_bundle(places[0]).board.name == bundle.board.name:
        place = places[0]
    else:
        place = places[1]  # the same method on another board
    if place.exists() and not replace:
        raise InputError(f"{place}: is there already; --replace hands in anew")
    folder.mkdir(parents=True, exist_ok=True)
    written = [place]
    _write(place, source.read_bytes())
    about = folder / "lab.toml"
    if not about.exists():
        _write(about, _LAB_TOML.format(title=lab, owners=f'"{owner}"' if owner else "").encode())
        written.append(about)
    return written


def _write(path: Path, data: bytes) -> None:
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
