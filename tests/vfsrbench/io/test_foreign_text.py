"""Names as they come from disks: spelled so that nothing of them acts, told apart, found again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vfsrbench.io.clip import Clip
from vfsrbench.io.foreign_text import LONGEST_NAME, clean_name, many_lines, one_line, raw_name
from vfsrbench.io.names import file_name, slug
from vfsrbench.results.load import result_files
from vfsrbench.results.store import read_result

ODD = {
    b"bad\xff\xfe": "bad%FF%FE",
    b"esc\x1b[31m": "esc%1B[31m",
    b"two\nlines": "two%0Alines",
    "turn\u202eed".encode(): "turn%E2%80%AEed",
    b"back\\slash": "back%5Cslash",
    "中文 😀".encode(): "中文 😀",
    b"$x_1^2$ 50%": "$x_1^2$ 50%",
    b"=1+2": "=1+2",
    b"n" * 255: "n" * 255,
}


@pytest.mark.parametrize(("raw", "clean"), ODD.items())
def test_a_name_is_printable_and_leads_back(raw: bytes, clean: str) -> None:
    name = os.fsdecode(raw)
    assert clean_name(name) == clean
    assert clean.isprintable() and "\\" not in clean
    clean.encode()  # valid Unicode
    assert clean_name(clean) == clean
    if "50%" not in clean:
        assert os.fsencode(raw_name(clean)) == raw


def test_a_name_that_grows_is_cut_and_stays_apart() -> None:
    one, other = (clean_name(os.fsdecode(b"\xff" * 250 + end)) for end in (b"a", b"b"))
    assert one != other
    assert len(one.encode()) <= LONGEST_NAME and one.startswith("%FF%FF")


def test_slugs_of_any_name_are_short_and_apart() -> None:
    names = [os.fsdecode(raw) for raw in ODD] + ["é", "e\u0301", "\ud800", "a" * 254]
    slugs = [slug(name) for name in names]
    assert len({s.casefold() for s in slugs}) == len(names)
    assert all(s.isascii() and len(s) < 120 for s in slugs)


def test_what_every_disk_takes_keeps_its_name() -> None:
    kept = ["Anna Müller", "中文 😀", "a (2)", "it's", "e\u0301", "name.with.dots"]
    assert [file_name(name) for name in kept] == kept
    changed = ["", "a/b", "a:b", "..", ".x", "-x", "x.", " x", "x ", "con", "Aux.txt", "a\u202eb", "é" * 150]
    changed += [slug("a b")]  # what another name's slug may be
    assert [file_name(name) for name in changed] == [slug(name) for name in changed]
    names = [os.fsdecode(raw) for raw in ODD] + kept + changed
    assert len({file_name(name).casefold() for name in set(names)}) == len(set(names))


def test_a_line_is_a_line() -> None:
    assert one_line("a\x1b[2J\r\nb\u202ec\udcff\x7f\u2028") == r"a\x1b[2J\x0d\x0ab\u202ec\udcff\x7f\u2028"
    assert one_line("中文 😀 x\u00a0y") == "中文 😀 x\u00a0y"
    assert many_lines("a\tb\nc\x1b") == "a\tb\nc\\x1b"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set whose clips and frames have such names."""
    root = tmp_path_factory.mktemp("odd") / "clips"
    for number, raw in enumerate(ODD):
        folder = root / os.fsdecode(raw)
        try:
            folder.mkdir(parents=True)
        except OSError:  # a file system that takes valid Unicode only
            pytest.skip("this file system does not take such names")
        small = np.random.default_rng(number).integers(0, 255, (4, 4, 3), dtype=np.uint8)
        for frame in range(3):
            picture = Image.fromarray(np.roll(small, frame, 1)).resize((32, 32), Image.Resampling.BICUBIC)
            with (folder / os.fsdecode(b"f\xff\\%d.png" % frame)).open("wb") as file:
                picture.save(file, "PNG")
    return root


END = "-- ended with"
COMMANDS = """
import json, sys
from vfsrbench.cli.main import run
from vfsrbench.cli.streams import make_patient

make_patient()
for arguments in json.loads(sys.argv[1]):
    print("-- ended with", run(arguments), flush=True)
"""


def vfsrbench(*commands: tuple[str | Path, ...]) -> list[str]:
    """Commands in a process of their own, in the C locale; what each said, in which nothing may act on a
    terminal."""
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", COMMANDS, words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    text = done.stdout.decode("ascii")
    *said, last = re.split(rf"{END} 0\n", text)
    assert done.returncode == 0 and len(said) == len(commands) and not last, text[-600:]
    assert "Traceback" not in text and "\x1b" not in text and "\r" not in text
    return said


def test_frames_have_clean_names(clips: Path) -> None:
    clip = Clip.open(clips / "=1+2")
    assert clip.frame_names == tuple(f"f%FF%5C{n}" for n in range(3))
    assert Clip.open(clips / os.fsdecode(b"bad\xff\xfe")).name == "bad%FF%FE"


def test_a_board_of_such_clips(clips: Path, tmp_path: Path) -> None:
    """Run, report with its site, compare: every clip has its row under its clean name."""
    work, site = tmp_path / "work", tmp_path / "site"
    board: list[str | Path] = [
        "demo",
        "--dataset",
        clips,
        "--layout",
        "folder",
        "--metric",
        "psnr",
        "--workspace",
        work,
    ]
    board += ["--split", "vfhq-mild"]
    run = ("run", *board, "--only-method", "nearest")
    compare = ("compare", work / "results", "--format")
    *_, in_terminal, in_tex, again = vfsrbench(
        run,
        ("report", *board, "--html", site),
        (*compare, "terminal"),
        (*compare, "tex"),
        (*run, "--clip", os.fsdecode(b"bad\xff\xfe")),
    )
    found = [read_result(path) for path in result_files([work / "results"])]
    assert {r.record.clip for r in found} == set(ODD.values())
    assert {tuple(r.frame_names) for r in found} == {tuple(f"f%FF%5C{n}" for n in range(3))}
    pages = {p.read_text(encoding="utf-8") for p in (site / "clips" / "vfhq-mild").iterdir()}
    assert len(pages) == len(ODD)
    assert "Nearest" in in_terminal and "Nearest" in in_tex
    assert "0 to do" in again


def test_such_clips_are_degraded_verified_and_restored(clips: Path, tmp_path: Path) -> None:
    split = tmp_path / "lq" / "bi-x4"
    outs = {tmp_path / "restored": (), tmp_path / "video": ("--as", "h264")}
    vfsrbench(
        ("degrade", split.parent, "--dataset", clips, "--layout", "folder", "--split", split.name),
        ("verify", split),
        *(("restore", clips, out, "--method", "nearest", "--scale", "1", *how) for out, how in outs.items()),
    )
    assert {p.name for p in split.iterdir() if p.name[0] != "." and p.is_dir()} == set(ODD.values())
    for out in outs:
        assert len([p for p in out.iterdir() if p.suffix != ".json" and p.name[0] != "."]) == len(ODD)
