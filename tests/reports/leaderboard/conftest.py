"""Bundles of laboratories that ran one board, and leaderboards of them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from reports.leaderboard.filing import add_board, submit
from reports.sharing.writing import write_bundle
from tests.reports.sharing import labs
from vfsrbench.cli.main import run

METHODS = ("bicubic", "oracle", "lanczos")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`north` and `east` ran the board apart from each other; a clip of `south` is another one."""
    found = {}
    shelf = tmp_path_factory.mktemp("bundles")
    again = tmp_path_factory.mktemp("again")
    roots = {"north": labs.lab(), "south": labs.lab("ben", METHODS), "east": again}
    rerun(again)
    for lab, methods in (("north", ("bicubic",)), ("south", ("lanczos",)), ("east", ("bicubic", "lanczos"))):
        root = roots[lab]
        board = labs.board(root / "data").replace(methods=("bicubic", "nearest", "lanczos", "oracle"))
        for method in methods:
            target = shelf / lab / f"{method}.vfsr.zip"
            target.parent.mkdir(exist_ok=True)
            write_bundle(board, root / "workspace", target, methods=[method])
            found[f"{lab}/{method}"] = target
    return found


def rerun(root: Path) -> None:
    """A laboratory of its own, which nothing is shared with."""
    from vfsrbench.runs.jobs import Options
    from vfsrbench.runs.run import run_board

    data = labs.write_data(root / "data")
    run_board(labs.board(data).replace(methods=METHODS), root / "workspace", Options(), engine="serial")


@dataclass
class Repository:
    """A leaderboard that is a repository, too."""

    root: Path

    def git(self, *words: str) -> str:
        names = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", "-C", self.root, *names, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, what: str = "change") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", what)

    def copy(self, place: Path) -> Path:
        """The files alone, as they are."""
        shutil.copytree(self.root, place, ignore=shutil.ignore_patterns(".git"))
        return place


@pytest.fixture
def board(bundles: dict[str, Path], tmp_path: Path) -> Repository:
    """The row of `north` stands on it."""
    root = tmp_path / "board"
    assert run(["new", "leaderboard", str(root)]) == 0
    add_board(root, bundles["north/bicubic"])
    submit(root, bundles["north/bicubic"], "north")
    made = Repository(root)
    made.git("init", "-q", "-b", "main")
    made.commit("begin")
    return made
