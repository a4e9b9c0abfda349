"""The blocks of docs/add-a-method.md, run as a reader would run them, on a few frames of a demo clip."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.docs_blocks import TOO_MUCH, check_options
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
    """Write the files and run the commands of a section, in order; faces of 512 pixels are as small ones."""
    for language, file, text in blocks(section):
        text = text.replace("512", "64")
        if file:
            Path(file).write_text(text)
        elif language == "sh":
            for line in text.strip().splitlines():
                if TOO_MUCH.search(line):
                    check_options(tuple(shlex.split(line, comments=True)))
                    continue
                command = shlex.split(line, comments=True)
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
    for folder in ("restored", "truth"):
        write_png_folder(here / folder / "demo-calm", truth.frames(), truth.frame_names)
    follow("A folder of pictures that you already have")
    assert (here / "scores.csv").read_text().splitlines()[-1].startswith("mean of 1 of 1 clip,2,100.0,1.0")
    assert rows(here) == {"mine", "nearest"}
    assert len(Clip.open(here / "lq" / "vfhq-mild" / "demo-calm")) == 2


@pytest.mark.slow
def test_a_command_becomes_a_row(here: Path) -> None:
    follow("A command line")
    assert rows(here) == {"mytool", "nearest"}
    assert any((here / "workspace" / "logs" / "commands" / "mytool").iterdir())


def test_windows_of_frames_become_a_row(here: Path) -> None:
    follow("Windows of frames")
    assert rows(here) == {"mywindows", "nearest"}


def test_an_image_network_becomes_a_row(here: Path) -> None:
    follow("An image network")
    assert rows(here) == {"mymethod", "nearest"}


def test_a_recurrent_network_becomes_a_row(here: Path) -> None:
    follow("A recurrent video network")
    assert rows(here) == {"myvideo", "nearest"}


def wishes() -> list[tuple[str, str]]:
    """(what a network wants, what to write) for the rows of the table that call a network."""
    page = (DOCS / "add-a-method.md").read_text().split("## My network wants\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| (.+?) \| `([^`]*net\(.*?)`", page, re.MULTILINE)
    assert len(found) >= 9
    return found


@pytest.mark.parametrize(("want", "code"), wishes(), ids=[want for want, _ in wishes()])
def test_what_a_network_wants_is_given_and_taken_back(want: str, code: str) -> None:
    """Each conversion and its way back around a network that changes nothing gives the frames again; the
    network sees what the row says."""
    import torch

    seen: list[Any] = []

    def net(x: Any) -> Any:
        seen.append(x)
        return x

    frames = torch.linspace(0, 1, 2 * 3 * 10 * 12).reshape(2, 3, 10, 12)
    names = {
        "torch": torch, "functional": torch.nn.functional, "net": net, "frames": frames, "h": 10, "w": 12,
        "size": (10, 12), "mean": torch.full((3, 1, 1), 0.4), "std": torch.full((3, 1, 1), 0.2),
    }  # fmt: skip
    out = eval(code, names)
    assert torch.allclose(out.float(), frames, atol=1 / 255), code
    shapes = {"(1, T, 3, h, w)": (1, 2, 3, 10, 12), "(1, 3, T, h, w)": (1, 3, 2, 10, 12)}
    shapes |= {"(T, h, w, 3)": (2, 10, 12, 3), "sides that are multiples of 8": (2, 3, 16, 16)}
    assert tuple(seen[0].shape) == shapes.get(want, (2, 3, 10, 12))
    ranges = {"[-1, 1]": (-1, 1), "0 to 255": (0, 255), "numpy, uint8": (0, 255)}
    low, high = ranges.get(want, (float(seen[0].min()), float(seen[0].max())))
    assert float(seen[0].min()) == pytest.approx(low) and float(seen[0].max()) == pytest.approx(high)
    if want == "BGR":
        assert torch.equal(seen[0][:, 0], frames[:, 2])
