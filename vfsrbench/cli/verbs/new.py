"""`vfsrbench new`: a method's folder to start from."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_directory
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


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="the method's name: letters, digits, - and _")],
    kind: Annotated[
        Literal["image", "video"], typer.Option(help="does it see one frame at a time, or several?")
    ] = "image",
    into: Annotated[Path, typer.Option(help="where the folder goes")] = Path(),
) -> None:
    """A method's folder to start from: a card of facts, and code that runs already (bicubic)."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise InputError(
            f"method name {name!r}: use letters, digits, - and _, and begin with a letter or digit"
        )
    folder = into / name
    check_out_folder(folder.parent)
    if os.path.lexists(check_path(folder)):
        raise InputError(f"{folder}: is there already; choose another name or --into another folder")
    words = {
        "name": name,
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "kind": kind,
        "year": str(datetime.now().year),
        "shape": _SHAPE[kind],
        "place": f"./{folder.as_posix()}" if not folder.is_absolute() else folder.as_posix(),
    }
    files = {"card.toml": "card.toml.txt", "method.py": f"{kind}.py.txt"}
    with atomic_directory(folder, noted=False) as temporary:
        for file, template in files.items():
            (temporary / file).write_text(_fill((TEMPLATES / template).read_text(), words))
    place = words["place"]
    say(f"{folder}: card.toml, method.py")
    say(f"next: vfsrbench check {place}   then: vfsrbench demo --method {place}")


def _fill(text: str, words: dict[str, str]) -> str:
    """Replace {word}; braces around anything else stay."""
    return re.sub(r"\{(\w+)\}", lambda m: words.get(m[1], m[0]), text)
