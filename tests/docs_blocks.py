"""The command blocks of the docs: found, cut down to a few frames, run in order."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer.main

from vfsrbench.cli.app import Verbs, app
from vfsrbench.cli.main import run

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
TOO_MUCH = re.compile(r"#.*\b(needs|takes)\b")
"""A comment that says what a line, or the whole block below it, needs: the test does not run that."""
SMALL = {
    "run": ["--engine", "serial", "--no-report", "--frames", "2"],
    "score": ["--engine", "serial", "--frames", "2"],
    "degrade": ["--engine", "serial", "--frames", "2"],
    "restore": ["--frames", "2"],
}
"""What keeps a verb's work small, unless the line says otherwise."""


@dataclass(frozen=True)
class Line:
    """A command of a block; `left_out`: the page says that it needs more than a test has."""

    words: tuple[str, ...]
    left_out: bool


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def lines(page: Path) -> list[Line]:
    """The commands of a page's blocks, in order."""
    found: list[Line] = []
    for indent, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        text = "\n".join(line.removeprefix(indent) for line in block.splitlines())
        whole = False
        for line in text.replace("\\\n", " ").splitlines():
            if line.startswith("#"):
                whole = whole or TOO_MUCH.search(line) is not None
                continue
            if words := shlex.split(line, comments=True):
                found.append(Line(tuple(words), whole or TOO_MUCH.search(line) is not None))
    return found


def follow(page: Path) -> Iterator[tuple[str, ...]]:
    """Run a page's commands in the current folder; those that are left out are yielded."""
    for line in lines(page):
        if line.left_out:
            yield line.words
        elif line.words[0] != "vfsrbench":
            subprocess.run(line.words, check=True)
        else:
            words = small(list(line.words[1:]))
            assert run(words) == 0, " ".join(words)


def small(words: list[str]) -> list[str]:
    """The command on a few frames of one clip, with what is quick."""
    verb, more = words[0], list(SMALL.get(words[0], []))
    if verb == "run" and "--dry-run" in words:
        more = ["--frames", "2"]
    if "--frames" in words:
        more = [word for word in more if word not in ("--frames", "2")]
    if verb == "run" and words[1] == "demo":
        more += [] if "--dataset" in words else ["--clip", "demo-calm"]
        more += [] if "--metric" in words else ["--metric", "psnr"]
        more += [] if "--only-method" in words else ["--only-method", "nearest"]
        more += [] if "real" in words else ["--split", "vfhq-mild"]
    if verb == "bundle" and words[1] == "demo":  # of what such a run made
        more += ["--clip", "demo-calm", "--metric", "psnr", "--split", "vfhq-mild"]
    if verb == "degrade" and "--dataset" not in words and "--clip" not in words:
        more += ["--clip", "demo-calm"]
    return [*words, *more]


def check_options(words: tuple[str, ...]) -> None:
    """A command that is not run: the verb, its options and what it names are there all the same."""
    command: Any = typer.main.get_command(app)
    given = list(words[1:])
    while isinstance(command, Verbs) or hasattr(command, "commands"):
        found = command.get_command(None, given[0])
        if found is None and hasattr(command, "default"):  # `bundle BOARD` is short for `bundle make BOARD`
            command = command.get_command(None, command.default)
            continue
        assert found is not None, words
        command, given = found, given[1:]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for word in given:
        assert not word.startswith("--") or word.partition("=")[0] in known, f"{' '.join(words)}: {word}"
    if words[1] == "run":
        _check_methods(given)


def _check_methods(given: list[str]) -> None:
    from vfsrbench.method_spec import choose_method
    from vfsrbench.plugins import find_board

    beside = [value for name, value in pairwise(given) if name == "--method"]
    ids = [choose_method(spec).id for spec in (*find_board(given[0]).methods, *beside)]
    assert len(ids) == len(set(ids)), f"{' '.join(given)}: a method is there twice"
