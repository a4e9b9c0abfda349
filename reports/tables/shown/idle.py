"""Methods that were not run, for lack of weights above all: one line instead of empty rows."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.errors import InputError
from vfsrbench.method_spec import choose_method

_WEIGHTS = "weights"


def idle_lines(board: Board, reasons: Mapping[str, str]) -> list[str]:
    """A line for all methods that lack weights, and one for each other reason.

    Args:
        board: Which the command names if it is installed.
        reasons: Why each method has no result.
    """
    lacking = [m for m, reason in reasons.items() if _WEIGHTS in reason]
    lines = (
        [f"not run: {', '.join(lacking)} ({_WEIGHTS}: `{fetch_command(board, lacking)}`)"] if lacking else []
    )
    others: dict[str, list[str]] = {}
    for method, reason in reasons.items():
        if method not in lacking:
            others.setdefault(reason or "no reason recorded", []).append(method)
    return lines + [f"not run: {', '.join(methods)} ({reason})" for reason, methods in others.items()]


def fetch_command(board: Board, methods: Sequence[str]) -> str:
    """The command that gets the weights of these methods."""
    known = board.name in plugins.board_files()
    own = set(board.methods) | {m.partition("[")[0] for m in board.methods} if known else set()
    words = dict.fromkeys(name for m in methods if m not in own for name in _checkpoints(m))
    by_board = ["--board", board.name] if any(m in own for m in methods) else []
    return shlex.join(["vfsrbench", "weights", "fetch", *words, *by_board])


def _checkpoints(method: str) -> list[str]:
    """What a method loads; what has no card here goes by its own name."""
    try:
        chosen = choose_method(method.partition(" @ ")[0], plugins.methods())
    except InputError:
        return [method]
    return [use.name for use in chosen.card.weights_for(dict(chosen.options)) if not use.optional] or [method]
