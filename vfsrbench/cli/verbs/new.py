"""`vfsrbench new`: a method's folder to start from, a board's file, or a leaderboard's folder."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from vfsrbench.cli.echo import say
from vfsrbench.cli.verbs.new_leaderboard import new_leaderboard
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_directory, atomic_file
from vfsrbench.io.safety.targets import check_out_folder, check_path

app = typer.Typer()
TEMPLATES = Path(__file__).parents[2] / "templates"
_SHAPE = {
    "image": "# frames that are restored together; results must not depend on it\nbatch = 8\n",
    "video": (
        "# frames of a call at most (none: the whole clip), and how many neighbouring calls share\n"
        "window = 20\noverlap = 0\n# true if something is carried from call to call\nstateful = false\n"
        "# true if a frame's result depends on how many frames a call gets\nwindow_dependent = false\n"
    ),
}


_CODE = {"image": "method.py", "video": "method.py", "command": "infer.py"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
BOARD, LEADERBOARD = "board", "leaderboard"


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(help="the method's name: letters, digits, - and _; or `board`, `leaderboard`")
    ],
    file: Annotated[
        Path | None,
        typer.Argument(help="after `board`: its file (my.toml); `leaderboard`: its folder"),
    ] = None,
    kind: Annotated[
        Literal["image", "video", "command"],
        typer.Option(
            help="does it see one frame at a time, or several? command: its code is not imported, a command "
            "line gets folders of frames"
        ),
    ] = "image",
    into: Annotated[Path, typer.Option(help="where the folder goes")] = Path(),
) -> None:
    """A method's folder to start from: a card of facts, and code that runs already (bicubic).

    `vfsrbench new board my.toml` writes a board instead, with all its keys and what they mean, and
    `vfsrbench new leaderboard DIR` a leaderboard of many laboratories, to publish as a repository.
    """
    if name == BOARD:
        _new_board(into, file)
        return
    if name == LEADERBOARD:
        if file is None:
            raise InputError("say which folder the leaderboard goes into: vfsrbench new leaderboard DIR")
        folder = into / file
        title = _title(folder.resolve().name).replace("\\", "").replace('"', "")
        new_leaderboard(folder, TEMPLATES / "leaderboard", title, _fill)
        return
    if file is not None:
        raise InputError(f"{file}: a method has a name alone; `vfsrbench new board {file}` writes a board")
    if not _NAME.fullmatch(name):
        raise InputError(
            f"method name {name!r}: use letters, digits, - and _, and begin with a letter or digit"
        )
    folder = into / name
    check_out_folder(folder.parent)
    if os.path.lexists(check_path(folder)):
        raise InputError(f"{folder}: is there already; choose another name or --into another folder")
    words = {
        "name": name,
        "title": _title(name),
        "kind": kind,
        "year": str(datetime.now().year),
        "shape": _SHAPE.get(kind, ""),
        "place": f"./{folder.as_posix()}" if not folder.is_absolute() else folder.as_posix(),
    }
    card = "command.card.txt" if kind == "command" else "card.toml.txt"
    files = {"card.toml": card, _CODE[kind]: f"{kind}.py.txt"}
    with atomic_directory(folder, noted=False) as temporary:
        for written, template in files.items():
            (temporary / written).write_text(_fill((TEMPLATES / template).read_text(), words))
    place = words["place"]
    say(f"{folder}: {', '.join(files)}")
    say(f"next: vfsrbench check {place}   then: vfsrbench run demo --method {place}")


def _new_board(into: Path, file: Path | None) -> None:
    """Write a board with all its keys into a file that is not there yet."""
    if file is None:
        raise InputError("say which file the board goes into: vfsrbench new board my.toml")
    path = into / file
    name = path.stem
    if path.suffix != ".toml" or not _NAME.fullmatch(name):
        raise InputError(
            f"{path}: a board's file ends in .toml; use letters, digits, - and _ before, as they are its name"
        )
    check_out_folder(path.parent)
    if os.path.lexists(check_path(path)):
        raise InputError(f"{path}: is there already; choose another name")
    place = path.as_posix() if path.is_absolute() else f"./{path.as_posix()}"
    words = {"name": name, "title": _title(name), "place": place}
    with atomic_file(path) as temporary:
        temporary.write_text(_fill((TEMPLATES / "board.toml.txt").read_text(), words))
    say(f"{path}: every key, and what it means")
    say(f"next: vfsrbench run {place} --dry-run   then: vfsrbench run {place}")


def _title(name: str) -> str:
    return name.replace("-", " ").replace("_", " ").capitalize()


def _fill(text: str, words: dict[str, str]) -> str:
    """Replace {word}; braces around anything else stay."""
    return re.sub(r"\{(\w+)\}", lambda m: words.get(m[1], m[0]), text)
