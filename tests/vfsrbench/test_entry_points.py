"""Verbs, boards, engines and layouts of another package: installed they are used like ours, broken they are
named and cost nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, data_set, method_folder, small_board
from vfsrbench import plugins
from vfsrbench.cli import main
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.errors import InputError
from vfsrbench.results.load import result_files
from vfsrbench.results.store import read_record

NAME = "thirdparty"
ENTRY_POINTS = """
[vfsrbench.commands]
greet = thirdparty.greet
listless = thirdparty.gone
empty = thirdparty.layouts
run = thirdparty.greet

[vfsrbench.engines]
backwards = thirdparty.engine:Backwards
engineless = thirdparty.engine:nothing
dead = thirdparty.dead:Engine
serial = thirdparty.engine:Backwards

[vfsrbench.layouts]
flat = thirdparty.layouts:flat
careless = thirdparty.layouts:careless
wrong = thirdparty.layouts:wrong
twice = thirdparty.layouts:twice
buried = thirdparty.dead:layout

[vfsrbench.boards]
thirdparty = thirdparty
boardless = thirdparty.layouts
"""
FILES = {
    "__init__.py": "",
    "dead.py": "raise RuntimeError('no licence key')",
    "greet.py": """
        import typer
        app = typer.Typer()

        @app.command()
        def greet(name: str) -> None:
            "Says good day."
            print(f"good day, {name}")
        """,
    "engine.py": """
        from functools import partial
        from vfsrbench.engines.base import Outcome

        class Backwards:
            "The last task first."
            name = "backwards"

            def __init__(self, workers=None):
                self.workers = workers

            def run(self, start, tasks, on_event, lost, /):
                work = start()
                for task in reversed(tasks):
                    print("backwards:", task.clip.name, self.workers)
                    yield Outcome(task, work(task, partial(on_event, task)))

        def nothing(workers):
            return None
        """,
    "layouts.py": """
        from vfsrbench.datasets.layouts import Found

        def flat(root):
            "Folders whose names begin with `clip-`."
            return [Found(p.name[5:], p) for p in sorted(root.glob("clip-*"))]

        def careless(root):
            return {}["key"]

        def wrong(root):
            return [str(root)]

        def twice(root):
            return [Found("a", root), Found("a", root)]
        """,
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with a package and what an installer writes beside it."""
    place = tmp_path / "site"
    package, info = place / NAME, place / f"{NAME}-1.0.dist-info"
    (package / "boards").mkdir(parents=True)
    info.mkdir()
    for name, code in FILES.items():
        (package / name).write_text(textwrap.dedent(code))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(place))
    yield place
    for name in [n for n in sys.modules if n.partition(".")[0] == NAME]:
        del sys.modules[name]


def said(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    assert main.run([str(a) for a in arguments]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out + err


def test_a_verb_of_another_package(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "good day, Ada" in said(capsys, "greet", "Ada")
    text = said(capsys, "--help")
    assert "greet" in text and "Says good day." in text
    assert said(capsys, "run", "--help").count("greet") == 0, "our verbs cannot be replaced"


@pytest.mark.parametrize(
    ("verb", "reason"), [("listless", "thirdparty.gone"), ("empty", "no attribute 'app'")]
)
def test_a_broken_verb_is_named_and_the_others_work(
    site: Path, capsys: pytest.CaptureFixture[str], verb: str, reason: str
) -> None:
    text = " ".join(said(capsys, "--help").replace("│", " ").split())
    assert "degrade" in text and f"'{verb}' cannot be used" in text
    line = said(capsys, verb, "--any", "thing", code=2)
    assert f"command '{verb}' cannot be used" in line and reason in line


def test_an_engine_of_another_package_runs_a_board(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = data_set(tmp_path / "data")
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    file = board_file(tmp_path / "board.toml", board)
    run = ("run", file, "-w", tmp_path / "w", "--no-report", "--engine")
    text = said(capsys, *run, "backwards", "--workers", 3)
    assert [line for line in text.splitlines() if "backwards" in line] == [
        "backwards: two 3",
        "backwards: one 3",
    ]
    records = [read_record(path) for path in result_files([tmp_path / "w" / "results"])]
    assert [(r.clip, r.status) for r in records] == [("one", "ok"), ("two", "ok")]
    assert "did you mean 'backwards'" in said(capsys, *run, "backward", code=2)
    assert "engine 'engineless' cannot be used" in said(capsys, *run, "engineless", code=2)
    assert "no licence key" in said(capsys, *run, "dead", code=2)


def test_engines_are_listed_and_ours_keep_their_names(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "list", "engines")
    assert "backwards" in text and "The last task first." in text and "local" in text
    assert "skipped dead: thirdparty.dead:Engine: RuntimeError: no licence key" in text
    assert "skipped serial" in text and "the name is taken by vfsrbench.engines.serial" in text
    assert plugins.get_engine("serial").name == "serial"


def test_a_layout_of_another_package(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    for clip in data_set(tmp_path / "outputs").iterdir():
        shutil.copytree(clip, data / f"clip-{clip.name}")
    found = open_dataset("flat", data)
    assert found.names == ("one", "two") and found.name == "flat"
    assert [len(clip.gt or ()) for clip in found.clips()] == [12, 11]
    outputs = f"same={tmp_path / 'outputs'}"
    score = ("score", "--outputs", outputs, "--dataset", data, "--layout", "flat", "--metric", "psnr")
    assert "2 ok" in said(capsys, *score, "-w", tmp_path / "w", "--engine", "serial")
    text = said(capsys, "list", "datasets")
    assert "Folders whose names begin with" in text and "vfhq-test" in text
    assert "skipped buried: thirdparty.dead:layout: RuntimeError: no licence key" in text


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("flatt", "did you mean 'flat'"),
        (
            "buried",
            "data set layout 'buried' cannot be used: thirdparty.dead:layout: RuntimeError: no licence",
        ),
        ("careless", "data set layout 'careless' failed: KeyError: 'key'"),
        ("wrong", "data set layout 'wrong' is broken: it must return"),
        ("twice", "'a'"),
        ("flat", "data set layout 'flat' finds no clips there"),
    ],
)
def test_a_broken_layout_is_one_line(site: Path, tmp_path: Path, layout: str, message: str) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError) as error:
        open_dataset(layout, tmp_path / "data")
    assert message in str(error.value)


def test_a_board_of_another_package(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = small_board(Path("elsewhere"), ["bicubic"])
    board_file(site / NAME / "boards" / "theirs.toml", board)
    board_file(site / NAME / "boards" / "demo.toml", board)
    (site / NAME / "boards" / "torn.toml").write_text("name = 'torn'\ntitel = 'x'\n")
    assert plugins.find_board("theirs").methods == ("bicubic",)
    assert plugins.find_board("demo").dataset.layout == "demo", "our boards cannot be replaced"
    text = said(capsys, "list", "boards")
    assert "theirs" in text and "keep-table1" in text
    assert "skipped torn:" in text and "titel" in text
    assert "skipped demo:" in text and "the name is taken by" in text
    assert "skipped boardless: thirdparty.layouts: nothing found in that package" in text


def test_listing_them_loads_no_torch(site: Path) -> None:
    code = (
        "import sys\nfrom vfsrbench import plugins\nfrom vfsrbench.datasets.layouts import describe_layouts\n"
        "print(len(describe_layouts()), *plugins.engines().load_all()[0], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False" and {"local", "serial"} <= set(done.stdout.split())
