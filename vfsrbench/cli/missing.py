"""What a board needs and is not here, and the commands that get it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vfsrbench.runs.needed_weights import NeededWeights


def missing_lines(needed: Sequence[NeededWeights], board: str = "") -> list[str]:
    """A line for the libraries that are missing, one for the weights; none where nothing is.

    Args:
        needed: What a run or a board needs.
        board: The board as the user wrote it.
    """
    lines = []
    extras = sorted({w.extra for w in needed if w.extra})
    if extras:
        lines.append(f"a library is missing; get it with: pip install 'vfsrbench[{','.join(extras)}]'")
    command = _fetch_command(needed, board)
    if command:
        lines.append(f"weights are missing; get them with: {command}")
    own = [w.names[0] for w in needed if w.absent and not _published(w)]
    if own:
        words = shlex.join(["vfsrbench", "weights", "path", *(f"{name}=FILE" for name in own)])
        lines.append(f"weights of your own are missing; say where they are: {words}")
    return lines


def _published(needed: NeededWeights) -> bool:
    """Whether a manifest says how one of these checkpoints is got."""
    from vfsrbench.weights.manifest import load_manifest

    return not load_manifest().entries.keys().isdisjoint(needed.names)


def _fetch_command(needed: Sequence[NeededWeights], board: str) -> str:
    """The command that gets what is missing; empty if nothing is."""
    from vfsrbench.cli import options as o
    from vfsrbench.runs.needed_weights import board_weights

    missing = [w.names for w in needed if w.absent and _published(w)]
    own = {w.names for w in board_weights(o.find_board(board))} if board and missing else set()
    more = sorted(names[0] for names in missing if names not in own)
    words = [*more, *(["--board", board] if own.intersection(missing) else [])]
    return shlex.join(["vfsrbench", "weights", "fetch", *words]) if words else ""
