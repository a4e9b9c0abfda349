"""Two clips never become one: every verb that makes one result a clip looks at their names first."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from tests.vfsrbench.clips import noise
from tests.vfsrbench.targets import refused, restore, working_place
from vfsrbench.cli.main import run
from vfsrbench.io.clip import write_video


@pytest.fixture()
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(working_place(tmp_path))
    return tmp_path


NFC, NFD = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("talk.mkv", "talk.avi", "two clips are called 'talk' ("),
        ("Talk.mkv", "talk.mkv", "'Talk' ("),
        (f"{NFC}.mkv", f"{NFD}.mkv", r"'caf\xe9' ("),
        ("ﬁlm.mkv", "film.mkv", r"'\ufb01lm' ("),
    ],
)
@pytest.mark.parametrize("verb", ["restore", "align", "degrade", "run", "score"])
def test_two_clips_that_would_be_one_are_refused_by_every_verb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, first: str, second: str, said: str
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in (first, second):
        write_video(clips / name, noise(2, 16, 16), 25)
    if len(list(clips.iterdir())) < 2:
        pytest.skip("this file system does not tell them apart either")
    place = ["--dataset", clips, "-w", tmp_path / "w"]
    arguments = {
        "restore": restore(clips, tmp_path / "o"),
        "align": ["align", clips, tmp_path / "o"],
        "degrade": ["degrade", tmp_path / "o", "--split", "bi-x4", "--dataset", clips],
        "run": ["run", "demo", *place, "--engine", "serial"],
        "score": ["score", "--outputs", f"x={clips}", *place, "--engine", "serial"],
    }
    assert run([str(a) for a in arguments[verb]]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.isascii() and said in line and "rename one" in line
    assert sum(name in line for name in (ascii(first)[1:-1], ascii(second)[1:-1])) == 2
    assert not (tmp_path / "o").exists()


def test_outputs_and_recipes_of_one_name_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[3] / "degradations" / "recipes" / "bi-x4.toml").read_text()
    for name in ("one", "two"):
        (here / f"{name}.toml").write_text(text)
    line = refused(
        capsys, here, "degrade", "o", "--dataset", "clips", "--split", "./one.toml", "--split", "./two.toml"
    )
    assert "two recipes are called 'bi-x4'" in line
    line = refused(
        capsys, here, "score", "--dataset", "clips", "--outputs", "Mine=clips", "--outputs", "mine=clips"
    )
    assert "'Mine'" in line and "'mine'" in line
