"""For tests of where results may go: a working directory, and commands that must leave it as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vfsrbench.clips import noise, picture_folder
from vfsrbench.cli.main import run
from vfsrbench.io.clip import write_video


def tree(root: Path) -> dict[str, bytes | str]:
    """Every file below, with its content, and every link, with where it leads."""
    found: dict[str, bytes | str] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def refused(capsys: pytest.CaptureFixture[str], root: Path, *arguments: object) -> str:
    """The one line of a command that ends with exit code 2 and leaves `root` as it was."""
    before = tree(root)
    assert run([str(a) for a in arguments]) == 2
    line = capsys.readouterr().err.strip()
    assert len(line.splitlines()) == 1 and line.startswith("vfsrbench: ")
    assert tree(root) == before
    return line


def works(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command prints that ends with exit code 0."""
    code = run([str(a) for a in arguments])
    said = capsys.readouterr()
    assert code == 0, said.err
    return said.out


def restore(source: object, out: object, *more: object) -> list[object]:
    return ["restore", source, out, "--method", "nearest", "--scale", "1", *more]


def working_place(root: Path) -> Path:
    """The folder with a clip as pictures in `clips/a`, and one as a video in `v/a.mkv`."""
    picture_folder(root / "clips" / "a", noise(7, 16, 16))
    (root / "v").mkdir()
    write_video(root / "v" / "a.mkv", noise(3, 16, 16), 25)
    return root
