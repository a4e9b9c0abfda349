"""The verbs. Each is one module with a Typer app, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import typer
import typer.core
import typer.main

from vfsrbench.cli.echo import say
from vfsrbench.cli.verbosity import Verbosity, choose
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.registry import registered
from vfsrbench.version import __version__

VERBS = {
    "demo": "demo",
    "run": "run",
    "worker": "fleet.working",
    "status": "fleet.status",
    "degrade": "degrade",
    "verify": "verify",
    "align": "align",
    "restore": "restore",
    "score": "score",
    "import": "outputs.importing",
    "check-outputs": "outputs.checking",
    "evaluate": "outputs.evaluating",
    "list": "cards.listing",
    "show": "cards.show",
    "weights": "weights.verb",
    "new": "new",
    "check": "check",
}
"""Our verbs -> modules of `vfsrbench.cli.verbs`. Packages add theirs by the group `vfsrbench.commands`."""
COMMAND_GROUP = "vfsrbench.commands"
STOPPED = 130
COMPLETION = ("install_completion", "show_completion")
VERBOSE = (Verbosity.VERBOSE, ("--verbose", "-v"), "Say each step and job, and what the log has.")
QUIET = (Verbosity.QUIET, ("--quiet", "-q"), "Print results and what went wrong, no progress and no notes.")


class UnexpectedEnd(RuntimeError):
    """An EOFError from somewhere inside: click would take it for Ctrl-D at a prompt, and we have none."""


# typer brings its own copy of click or uses the installed one: the class is the same either way
UsageProblem: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


class Verbs(typer.core.TyperGroup):
    """A group that imports a verb's module when the verb is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*VERBS, *(name for name in registered("command", COMMAND_GROUP).points if name not in VERBS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in VERBS:
            module = importlib.import_module(f"vfsrbench.cli.verbs.{VERBS[cmd_name]}")
            return _named(module.app, cmd_name)
        known = registered("command", COMMAND_GROUP)
        if cmd_name not in known.points:
            raise did_you_mean("command", cmd_name, [*VERBS, *known.points])
        try:
            return _named(known.load(cmd_name).app, cmd_name)
        except InputError as error:
            return _named(_unusable(str(error)), cmd_name)
        except Exception as error:  # no `app`, or none that Typer can read
            reason = f"command {cmd_name!r} cannot be used: {known.points[cmd_name].value}: "
            return _named(_unusable(f"{reason}{type(error).__name__}: {error}"), cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise UnexpectedEnd(f"a file ended too early ({error or 'EOFError'})") from error


def _named(verb: typer.Typer, name: str) -> Any:
    command = typer.main.get_command(verb)
    command.name = name
    # completion is installed for the whole program: its options stand at the root alone
    command.params = [p for p in command.params if p.name not in COMPLETION]
    _with_verbosity(command)
    return command


def _with_verbosity(command: Any) -> None:
    """Let the command, or each one of a group, take --quiet and --verbose; names of its own go first."""
    if isinstance(command, typer.core.TyperGroup):
        for each in command.commands.values():
            _with_verbosity(each)
        return
    taken = {declared for param in command.params for declared in param.opts}
    command.params += [option for option in _level_options() if not taken.intersection(option.opts)]


@cache
def _level_options() -> tuple[Any, ...]:
    """--verbose and --quiet as Typer makes them of a command; choosing is all they do."""

    def chooser(level: Verbosity) -> Callable[[bool], None]:
        return lambda asked: choose(level) if asked else None

    def option(level: Verbosity, declared: tuple[str, ...], text: str) -> Any:
        return typer.Option(
            False, *declared, help=text, is_eager=True, expose_value=False, callback=chooser(level)
        )

    levels = typer.Typer(add_completion=False)

    @levels.command()
    def command(verbose: bool = option(*VERBOSE), quiet: bool = option(*QUIET)) -> None:
        """Never called."""

    return tuple(param for param in typer.main.get_command(levels).params if param.name != "help")


def _unusable(problem: str) -> typer.Typer:
    """A verb that stands in `--help` with its problem, and ends with it when it is used."""
    verb = typer.Typer()
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}

    @verb.command(help=problem, add_help_option=False, context_settings=anything)
    def refuse() -> None:
        raise InputError(problem)

    return verb


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    help="The reference benchmark for video face super-resolution.",
    epilog="Start with `vfsrbench demo`: no download, a leaderboard in some minutes.",
)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"vfsrbench {__version__}")
        raise typer.Exit


@app.callback()
def _head(
    # an eager callback: it comes before the complaint that no verb was given
    version: bool = typer.Option(
        False, "--version", help="Print the version.", is_eager=True, callback=_print_version
    ),
) -> None:
    pass


def invoke(arguments: Sequence[str]) -> int:
    """Run a command line; its exit code. InputError for what the user got wrong."""
    command = typer.main.get_command(app)
    command.params += _level_options()
    try:
        result = command.main(args=list(arguments), prog_name="vfsrbench", standalone_mode=False)
    except UsageProblem as problem:
        # newer typer lets pydantic check values, and that puts this before our words
        text = " ".join(problem.format_message().split()).replace(": Value error, ", ": ")
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
