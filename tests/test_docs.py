"""The blocks of docs/add-a-method.md, run as a reader would run them, on a few frames of a demo clip."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from vfsrbench.cli.main import run
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.results.frame_table import load_results

DOCS = Path(__file__).parents[1] / "docs"
FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
# the same job in small: two frames of one clip, one split, one metric, in this process
SMALL = "--clip demo-calm --frames 2 --split vfhq-mild --metric psnr --engine serial --keep none"


def blocks(section: str) -> list[tuple[str, str, str]]:
    """(language, file, text) of every fenced block in a section of the page."""
    page = (DOCS / "add-a-method.md").read_text()
    text = page.split(f"## {section}\n")[1].split("\n## ")[0]
    return FENCE.findall(text)


def follow(section: str) -> None:
    """Write the files and run the commands of a section, in order."""
    for language, file, text in blocks(section):
        if file:
            Path(file).write_text(text)
        elif language == "sh":
            for line in text.strip().splitlines():
                command = shlex.split(line)
                if command[0] != "vfsrbench":
                    subprocess.run(command, check=True)
                    continue
                arguments = command[1:]
                if arguments[0] == "run":
                    arguments += ["--no-report", "--only-method", "nearest", *shlex.split(SMALL)]
                elif arguments[0] == "degrade":
                    arguments += shlex.split("--clip demo-calm --frames 2 --workers 1")
                assert run(arguments) == 0, line


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(here: Path) -> set[str]:
    _, records, skipped = load_results([here / "workspace"])
    assert not skipped
    assert all(record.status == "ok" for record in records), [r.reason for r in records]
    return {record.method for record in records}


def test_a_folder_of_pictures_becomes_a_row(here: Path) -> None:
    truth = demo_clip("demo-calm", 2)
    write_png_folder(here / "restored" / "demo-calm", truth.frames(), truth.frame_names)
    follow("A folder of pictures that you already have")
    assert rows(here) == {"mine", "nearest"}
    assert len(Clip.open(here / "lq" / "vfhq-mild" / "demo-calm")) == 2


def test_an_image_network_becomes_a_row(here: Path) -> None:
    follow("An image network")
    assert rows(here) == {"mymethod", "nearest"}


def test_a_recurrent_network_becomes_a_row(here: Path) -> None:
    follow("A recurrent video network")
    assert rows(here) == {"myvideo", "nearest"}
