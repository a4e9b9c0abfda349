"""`vfsrbench gate`: is this checkpoint better? An answer for CI."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
import typer.core

from reports.cli.table_options import Bundles
from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError, counted

if TYPE_CHECKING:
    from reports.gates.gate import Decision, Outcome

BAD_INPUT, BROKEN = 64, 70
"""`EX_USAGE` and `EX_SOFTWARE` of sysexits.h: 1 and 2 are verdicts here."""


class Gate(typer.core.TyperCommand):
    """A command of which wrong options are no verdict."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        try:
            return super().make_context(*args, **more)
        except Exception as error:
            if hasattr(error, "exit_code") and hasattr(error, "format_message"):
                error.exit_code = BAD_INPUT
            raise


app = typer.Typer()


@app.command(cls=Gate)
def gate(
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="a method here, a place with one, or METHOD@PLACE")
    ],
    against: Annotated[
        str, typer.Option("--against", metavar="OLD", help="what it is held against, likewise")
    ],
    policy: Annotated[Path, typer.Option("--policy", help="the rules, a TOML file (docs/gate.md)")],
    workspace: o.WorkspacePath = Path("workspace"),
    bundle: Bundles = None,
    board: Annotated[
        str | None, typer.Option("--board", help="on this board's splits alone: its name, or ./FILE")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option("--split", help="on these splits alone (repeatable)")
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="how it is printed")] = "text",
) -> None:
    """GO, NO-GO or INCONCLUSIVE, by rules on paired results: exit code 0, 1 or 2 (64: something given is
    wrong; 70: an error of ours)."""
    try:
        decision = _decided(new, against, policy, workspace, bundle or [], board, split or ())
    except InputError as error:
        say(f"vfsrbench: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except Exception as error:
        from vfsrbench.cli.environment import write_crash

        place = write_crash(error, sys.argv[1:])
        say(f"vfsrbench: {type(error).__name__}: {error} (details in {place})", err=True)
        raise typer.Exit(BROKEN) from None
    if form == "json":
        say(json.dumps({"verdict": decision.verdict, **_plain(asdict(decision))}, indent=1, allow_nan=False))
    else:
        for line in told(decision):
            say(line)
    from reports.gates.gate import EXIT_CODES

    raise typer.Exit(EXIT_CODES[decision.verdict])


def _decided(
    new: str,
    against: str,
    policy: Path,
    workspace: Path,
    bundles: list[Path],
    board: str | None,
    chosen: Sequence[str],
) -> Decision:
    from reports.gates.gate import decide
    from reports.gates.policy import load_policy
    from reports.gates.sides import find_side
    from vfsrbench import plugins

    rules = load_policy(policy)
    splits = tuple(chosen) or (() if board is None else o.find_board(board).splits)
    places = [*bundles, *([workspace] if workspace.is_dir() or not bundles else [])]
    old = find_side(against, places, splits)
    return decide(find_side(new, places, splits, like=old.method), old, rules, plugins.metrics().cards)


def told(decision: Decision) -> Iterator[str]:
    """A decision in lines: one a rule, then the verdict.

    Args:
        decision: What was decided.
    """
    for outcome in decision.outcomes:
        yield f"{outcome.verdict:12}  {_told(outcome)}"
    yield f"{decision.verdict}: {decision.new} against {decision.old}"


def _told(outcome: Outcome) -> str:
    asked = f"at least {outcome.bound:+g} is asked for"
    parts = [f"{outcome.metric}, {outcome.split}: gain {outcome.gain:+.4g}"]
    if outcome.reason:
        parts.append(f"{asked}; {counted(outcome.clips, 'clip')}: {outcome.reason}")
    else:
        parts[0] += f" [{outcome.low:+.4g}, {outcome.high:+.4g}]"
        parts.append(f"{asked}; {counted(outcome.clips, 'clip')}")
    if outcome.left_out:
        parts.append(f"{outcome.left_out} without a value on both sides")
    if outcome.needed is not None and outcome.needed > outcome.clips:
        parts.append(f"about {counted(outcome.needed, 'clip')} would decide it at the seen spread")
    return ", ".join(parts)


def _plain(value: Any) -> Any:
    """Without NaN, for which JSON has no word."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value
