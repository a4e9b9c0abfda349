"""A command that finds everything done reads each card once, parses no source again, and draws nothing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from degradations.reading import typed_toml
from reports import build_report
from tests.vfsrbench.boards import board_file, data_set, small_board
from vfsrbench import plugins
from vfsrbench.hashing.code import OWN_PACKAGES, SourceTree
from vfsrbench.runs.run import run_board
from vfsrbench.runs.sources.known_syntax import known_syntax

ROOT = Path(__file__).resolve().parents[3]
SEEN = """
import json, sys
from collections import Counter

from degradations.reading import typed_toml
from vfsrbench.hashing import code, syntax
from vfsrbench.cli.main import run

read, parsed = Counter(), []
load, parse = typed_toml.load, code.parse
typed_toml.load = lambda model, path: (read.update([str(path)]), load(model, path))[1]
code.parse = lambda source, package: (parsed.append(package), parse(source, package))[1]
code_of_run = run(sys.argv[1:])
heavy = [name for name in ("torch", "pandas", "matplotlib.figure") if name in sys.modules]
cards = [n for path, n in read.items() if path != sys.argv[2]]
print("SEEN " + json.dumps([code_of_run, max(cards), len(parsed), heavy]))
"""


def test_a_run_that_is_done_does_no_work_again(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data", clips=("one",), frames=2)
    board = small_board(data, ["nearest"], splits=["bi-x4"], metrics=["psnr"])
    file = board_file(tmp_path / "board.toml", board)
    (tmp_path / "seen.py").write_text(SEEN)
    line = [sys.executable, str(tmp_path / "seen.py"), "run", str(file), "-w", str(tmp_path / "w")]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    run_board(board, tmp_path / "w", engine="serial")
    summary = build_report(board, tmp_path / "w", tmp_path / "w" / "report" / "small", clips=("one",))
    assert summary.index.is_file()
    done = subprocess.run(line, capture_output=True, text=True, env=env)
    assert "SEEN" in done.stdout, done.stderr
    code, most_read, parsed, heavy = json.loads(done.stdout.split("SEEN ")[1])
    assert (code, most_read, parsed, heavy) == (0, 1, 0, [])


def test_each_state_of_a_card_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plugins.methods(), plugins.metrics()
    read: list[Path] = []
    load = typed_toml.load

    def counted(model: Any, path: Path) -> Any:
        read.append(path)
        return load(model, path)

    monkeypatch.setattr(typed_toml, "load", counted)
    assert len(plugins.methods().entries) > 10 and len(plugins.metrics().entries) > 10
    assert read == []
    card = tmp_path / "card.toml"
    original = plugins.methods()["nearest"].path.read_text()
    for title in ("One", "Two"):  # as long as each other
        card.write_text(original.replace('title = "Nearest neighbour"', f'title = "{title}"'))
        found: plugins.Registry[Any] = plugins.Registry("method")
        for _ in range(2):
            plugins._read(found, plugins.MethodCard, card, None)
        assert found["nearest"].card.title == title
    assert read == [card, card], "a changed card is read again"


def test_what_sources_say_is_kept_and_follows_their_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    module, note = tmp_path / "own" / "one.py", tmp_path / "syntax.json"
    (tmp_path / "own" / "facts.json").write_text("1")
    module.write_text("from own import two\nX = 'facts.json'\n")
    (tmp_path / "own" / "two.py").write_text("Y = 1\n")

    def tree() -> SourceTree:
        return SourceTree({"own": tmp_path / "own"})

    def digest() -> str:
        fresh = tree()
        with known_syntax(fresh, note):
            found = fresh.digest(["own.one"])
        assert found == tree().digest(["own.one"]), "the same with a note as without"
        return found

    first = digest()
    parsed: list[str] = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda source: (parsed.append(source), parse(source))[1])
    with known_syntax(again := tree(), note):
        assert again.digest(["own.one"]) == first
    assert b"Y = 1\n" not in parsed, "known by its content"
    monkeypatch.undo()
    (tmp_path / "own" / "facts.json").write_text("2")
    second = digest()
    (tmp_path / "own" / "two.py").write_text("Y = 2\n")
    third = digest()
    (tmp_path / "own" / "two.py").write_text("Y = 2  # a comment\n")
    assert len({first, second, third}) == 3 and digest() == third
    whole = note.read_text()
    for damaged in ("", "{}", whole[:-20], whole.replace('"one', '"two'), whole.replace("1", "2")):
        note.write_text(damaged)
        assert digest() == third, "a damaged note counts as none"
    assert OWN_PACKAGES, "of which the program keeps a note in its workspace"
