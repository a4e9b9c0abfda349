"""The workflows' own commands, run here: a pull request of another laboratory, then the pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reports.leaderboard.filing import submit
from tests.reports.leaderboard.conftest import Repository

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


def commands(text: str) -> list[str]:
    """The `run` lines of a workflow. It has none of several lines: another form would be lost here."""
    assert not re.search(r"run: *[|>]", text)
    return [
        line for line in re.findall(r"^ *(?:- )?run: (.+)$", text, re.MULTILINE) if "pip install" not in line
    ]


def tools(folder: Path) -> Path:
    """`vfsrbench` of this tree, and a `gh` that writes down what it is told to post."""
    folder.mkdir()
    (folder / "vfsrbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vfsrbench "$@"\n')
    (folder / "gh").write_text(f'#!/bin/sh\necho "$*" > "{folder}/posted"\n')
    for name in ("vfsrbench", "gh"):
        (folder / name).chmod(0o755)
    return folder


def clone(board: Repository, place: Path) -> Path:
    """What the checkout of the base is: one commit."""
    words = ["git", "clone", "-q", "--depth=1", "--branch", "main", f"file://{board.root}", str(place)]
    subprocess.run(words, check=True)
    return place


def shell(line: str, place: Path, path: Path) -> int:
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(line, shell=True, cwd=place, env={**env, "NUMBER": "7", "AUTHOR": "eve"}).returncode


def test_a_pull_request_is_checked_commented_and_published(
    board: Repository, bundles: dict[str, Path], tmp_path: Path
) -> None:
    """As GitHub does it: the merge of a pull request is at refs/pull/7/merge of the remote."""
    workflows = board.root / ".github" / "workflows"
    path = tools(tmp_path / "bin")
    board.git("checkout", "-q", "-b", "change")
    submit(board.root, bundles["east/lanczos"], "east")
    board.commit("a row")
    board.git("checkout", "-q", "main")
    board.git("merge", "-q", "--no-ff", "-m", "merge", "change", "--into-name", "merged")
    board.git("update-ref", "refs/pull/7/merge", "HEAD")
    board.git("reset", "-q", "--hard", "HEAD^1")
    base = clone(board, tmp_path / "base")
    lines = commands((workflows / "submission.yml").read_text())
    assert [shell(line, base, path) for line in lines] == [0] * 3
    assert "7 --body-file comment.md" in (path / "posted").read_text()
    assert "Lanczos" in (base / "comment.md").read_text()
    assert not (base / "submissions" / "east").exists(), "nothing of the pull request was checked out"

    board.git("merge", "-q", "change")
    built = commands((workflows / "publish.yml").read_text())
    assert [shell(line, board.root, path) for line in built] == [0]
    home = (board.root / "public" / "index.html").read_text()
    assert "Lanczos" in home and "Bicubic" in home

    # a bad one: the clip of another laboratory differs
    board.git("checkout", "-q", "-b", "bad", "main")
    submit(board.root, bundles["south/lanczos"], "south")
    board.git("add", "submissions")
    board.git("commit", "-q", "-m", "another clip")
    board.git("checkout", "-q", "main")
    board.git(
        "update-ref", "refs/pull/7/merge", board.git("commit-tree", "bad^{tree}", "-p", "main", "-m", "merge")
    )
    base = clone(board, tmp_path / "again")
    assert [shell(line, base, path) for line in lines] == [0, 2, 0]
    assert "another ground truth of 1 clip" in (base / "comment.md").read_text()


def test_the_workflow_of_pull_requests_gives_strangers_nothing() -> None:
    text = (ROOT / "vfsrbench" / "templates" / "leaderboard" / "submission.yml.txt").read_text()
    jobs = text.split("jobs:\n")[1]
    assert "permissions: {}" in text and "persist-credentials: false" in text
    assert jobs.count("actions/checkout") == 1 and "ref: ${{ github.event.pull_request.base.sha }}" in jobs
    for line in commands(text):
        assert "${{" not in line, "what strangers write reaches the shell as a variable alone"
        assert not re.search(r"git (checkout|switch|merge|pull|worktree)", line)
    check, comment = jobs.split("  comment:\n")
    assert re.findall(r"(\S+): write", check) == [] and re.findall(r"(\S+): write", comment) == [
        "pull-requests"
    ]
    assert "checkout" not in comment and "vfsrbench" not in comment
