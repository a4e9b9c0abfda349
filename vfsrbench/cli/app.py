"""The verbs. Each is one module with a Typer app, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import typer
import typer.core
import typer.main

from vfsrbench import __version__
from vfsrbench.cli.echo import say
from vfsrbench.errors import did_you_mean
from vfsrbench.plugins import command_modules

VERBS = {
    "demo": "demo",
    "run": "run",
    "degrade": "degrade",
    "verify": "verify",
    "align": "align",
    "restore": "restore",
    "score": "score",
    "list": "listing",
    "weights": "weights",
    "new": "new",
    "check": "check",
}
"""Our verbs -> modules of `vfsrbench.cli.verbs`. Packages add theirs through `plugins.COMMAND_GROUP`."""
STOPPED = 130


class UnexpectedEnd(RuntimeError):
    """An EOFError from somewhere inside: click would take it for Ctrl-D at a prompt, and we have none."""


# typer brings its own copy of click or uses the installed one: the class is the same either way
UsageProblem: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


class Verbs(typer.core.TyperGroup):
    """A group that imports a verb's module when the verb is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*VERBS, *(name for name in command_modules() if name not in VERBS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        known = command_modules() | {verb: f"vfsrbench.cli.verbs.{name}" for verb, name in VERBS.items()}
        if cmd_name not in known:
            raise did_you_mean("command", cmd_name, known)
        module = importlib.import_module(known[cmd_name])
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise UnexpectedEnd(f"a file ended too early ({error or 'EOFError'})") from error


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    help="The reference benchmark for video face super-resolution.",
    epilog="Start with `vfsrbench demo`: no download, a leaderboard in some minutes.",
)


@app.callback()
def _head(
    version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True),
) -> None:
    if version:
        say(f"vfsrbench {__version__}")
        raise typer.Exit


def invoke(arguments: Sequence[str]) -> int:
    """Run a command line; its exit code. InputError for what the user got wrong."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=list(arguments), prog_name="vfsrbench", standalone_mode=False)
    except UsageProblem as problem:
        text = " ".join(problem.format_message().split())
        context = getattr(problem, "ctx", None)
        if text and context is not None:
            text += f" (see `{context.command_path} --help`)"
        if text:
            say(f"vfsrbench: {text}", err=True)
        return int(problem.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if result == STOPPED:  # newer typer swallows Ctrl-C and gives this code, older ones raise Abort
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0
