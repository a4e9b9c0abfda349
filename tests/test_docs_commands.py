"""Every command block of README.md and docs/*.md, run in order in a fresh folder (one a page).

What a page marks with `# needs ...` or `# takes ...` is not run; its verb, options and methods are checked.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from tests import docs_blocks
from tests.vfsrbench.boards import moving, write_clip
from vfsrbench.api.boards import report, run_board
from vfsrbench.board import Board, DatasetUse, Figures, PublishedUse, Restriction, TableStyle, load_board
from vfsrbench.cli.main import run
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.io.clip import write_png_folder
from vfsrbench.results.frame_table import load_results

DOCS = docs_blocks.ROOT / "docs"
ELSEWHERE = {"add-a-method.md": "tests/test_docs.py", "restore.md": "tests/test_docs_restore.py"}
"""Pages whose blocks another test runs, as they need more beside them."""
SLOW = {"run.md", "boards.md"}
PAGES = [page for page in docs_blocks.pages() if page.name not in ELSEWHERE and docs_blocks.lines(page)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / ".weights"))
    monkeypatch.setenv("HOME", str(tmp_path / ".home"))
    return tmp_path


def lay_out(here: Path, page: Path) -> None:
    """What the commands of a page name and do not make."""
    words = " ".join(word for line in docs_blocks.lines(page) if not line.left_out for word in line.words)
    if "CLIPS" in words:
        for number, name in enumerate("ab"):
            write_clip(here / "CLIPS" / name, moving(2, 96, number))
    if "truth" in words:
        clip = demo_clip("demo-calm", 2)
        for folder in ("restored", "truth"):
            write_png_folder(here / folder / "demo-calm", clip.frames(), clip.frame_names)
    if "published.json" in words:
        assert run(shlex.split("degrade .lq --split vfhq-mild --dataset CLIPS --engine serial")) == 0
        shutil.copy(here / ".lq" / "vfhq-mild" / "manifest.json", here / "published.json")


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, id=p.name, marks=[pytest.mark.slow] if p.name in SLOW else []) for p in PAGES],
)
def test_the_commands_of_a_page_work_in_order(page: Path, here: Path) -> None:
    lay_out(here, page)
    left_out = list(docs_blocks.follow(page))
    for words in left_out:
        if words[0] == "vfsrbench":
            docs_blocks.check_options(words)
    if page.name == "README.md":
        _, records, _ = load_results([here / "workspace"])
        assert {record.method for record in records} == {"nearest", "mine", "mymethod"}, "one workspace"


def test_no_page_has_commands_outside_of_blocks_that_are_run() -> None:
    wrong = [
        f"{page.name}: {line}"
        for page in docs_blocks.pages()
        for line in page.read_text(encoding="utf-8").splitlines()
        if re.match(r"^ {4,}(\$ )?(vfsrbench|make|pip) ", line)
    ]
    assert wrong == []
    for page, test in ELSEWHERE.items():
        assert page in (docs_blocks.ROOT / test).read_text(encoding="utf-8")


def test_most_commands_are_run() -> None:
    found = [
        line
        for page in docs_blocks.pages()
        for line in docs_blocks.lines(page)
        if line.words[0] == "vfsrbench"
    ]
    assert sum(not line.left_out for line in found) > len(found) / 2


def test_one_workspace_is_the_default_of_all() -> None:
    verbs = {"demo": "demo", "run": "run", "score": "score"}
    found = {
        name: inspect.signature(getattr(import_module(f"vfsrbench.cli.verbs.{module}"), name))
        .parameters["workspace"]
        .default
        for name, module in verbs.items()
    }
    found |= {
        f.__name__: Path(inspect.signature(f).parameters["workspace"].default) for f in (run_board, report)
    }
    found["report verb"] = (
        inspect.signature(import_module("reports.cli.report").report).parameters["workspace"].default
    )
    assert set(found.values()) == {Path("workspace")}, found
    tour = (DOCS / "tour.ipynb").read_text(encoding="utf-8")
    assert 'Path(\\"workspace\\")' in tour and "vfsrbench run demo --method ./mymethod" in tour


def test_new_prints_the_commands_of_the_pages(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "mymethod"]) == 0
    said = re.findall(r"vfsrbench (?:check|run) \S+(?: --method \S+)?", capsys.readouterr().out)
    assert said == ["vfsrbench check ./mymethod", "vfsrbench run demo --method ./mymethod"]
    for page in (docs_blocks.ROOT / "README.md", DOCS / "add-a-method.md"):
        text = page.read_text(encoding="utf-8")
        assert [command for command in said if command not in text] == []


def test_the_readme_says_first_how_a_shell_gets_to_know_vfsrbench() -> None:
    words = [line.words for line in docs_blocks.lines(docs_blocks.ROOT / "README.md")]
    first = next(number for number, line in enumerate(words) if line[0] == "vfsrbench")
    assert ("source", ".venv/bin/activate") in words[:first]
    assert "source .venv/bin/activate" in (DOCS / "README.md").read_text(encoding="utf-8"), "the docs' index"


KEYS: dict[str, type] = {
    "The board": Board,
    "`[dataset]`": DatasetUse,
    "`[figures]`": Figures,
    "`[table]`": TableStyle,
    "`[restrict.METHOD]`": Restriction,
    "`[[published]]`": PublishedUse,
}


@pytest.mark.parametrize("section", KEYS)
def test_the_page_of_boards_has_every_key_and_its_default(section: str) -> None:
    text = (DOCS / "boards.md").read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| ([^|]*?) ?\|$", text, re.MULTILINE))
    fields = KEYS[section].model_fields  # type: ignore[attr-defined]
    assert list(rows) == sorted(fields, key=list(rows).index) and set(rows) == set(fields)
    for key, said in rows.items():
        field = fields[key]
        assert field.is_required() == (said == ""), key
        if isinstance(field.default, int | float | str) and field.default != "":
            assert said.strip("`") == json.dumps(field.default), key


def test_a_new_board_has_every_key_and_is_one_with_all_of_them(here: Path) -> None:
    assert run(["new", "board", "my.toml"]) == 0
    text = Path("my.toml").read_text()
    board = load_board(Path("my.toml"))
    assert board.name == "my" and board.dataset.clips == ("demo-calm",)
    whole = re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE)
    for model in KEYS.values():
        for key in model.model_fields:  # type: ignore[attr-defined]
            assert re.search(rf"^(\[+{key}[.\]]|{key} = )", whole, re.MULTILINE), key
    left_out = {"path", "scale"}  # of other layouts than the demo's
    lines = [line for line in whole.splitlines() if line.partition(" ")[0] not in left_out]
    Path("whole.toml").write_text("\n".join(lines))
    every = load_board(Path("whole.toml"))
    assert every.restrict["unsharp"].splits == ("vfhq-mild",) and every.published[0].table == "Table 1"
    assert every.figures.grids == 2 and every.dataset.fit == "refuse"
    assert run(["new", "board", "my.toml"]) == 2, "nothing is overwritten"
    assert Path("my.toml").read_text() == text
