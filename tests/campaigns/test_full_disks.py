"""A full disk at each stage of each verb: one line, exit code 2, what was there before is whole, and with
room the same command goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.small_disk import fill, mounted
from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, small_board
from tests.vfsrbench.clips import noise, picture_folder
from tests.vfsrbench.faces.known_finder import loads
from tests.vfsrbench.io.films import scene, write_film
from vfsrbench.cli.main import run
from vfsrbench.faces import face_tools
from vfsrbench.faces.ffhq_align import FFHQ_512
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.ownership import NOTE

MiB = 1 << 20
SIZE = 4 * MiB
PAGE = 4096
JOURNALS = (NOTE, "scratch", "locks", "logs", "filler")
Disk = Path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 4 MB of its own."""
    with mounted(tmp_path / "disk", SIZE) as place:
        yield place


@contextmanager
def filled(disk: Disk, left: int) -> Iterator[None]:
    """While the block lasts, so many bytes are free."""
    filler = fill(disk, left)
    try:
        yield
    finally:
        filler.unlink()


def tree(disk: Disk) -> dict[str, bytes]:
    """Every lasting file on the disk but journals, which only grow."""
    found = {}
    for path in disk.rglob("*"):
        name = path.relative_to(disk)
        if path.is_file() and not any(part in JOURNALS for part in name.parts):
            found[name.as_posix()] = path.read_bytes()
    return found


@dataclass(frozen=True)
class Stage:
    """A command that writes to the disk. `before` prepares what it needs elsewhere and gives the arguments;
    `again` are added for a second time, over what the first made; `patches` are set for the calls."""

    before: Callable[[Path, Disk], list[Any]]
    again: tuple[str, ...] = ()
    patches: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 6


def clips(root: Path) -> Path:
    for number, name in enumerate("ab"):
        picture_folder(root / "clips" / name, noise(6, 64, 64, seed=number))
    return root / "clips"


def degrade(root: Path, disk: Disk) -> list[Any]:
    return ["degrade", disk / "lq", "--dataset", clips(root), "--split", "bi-x4", "--engine", "serial"]


def degrade_with_workers(root: Path, disk: Disk) -> list[Any]:
    return ["degrade", disk / "lq", "--dataset", clips(root), "--split", "bi-x4", "--workers", "2"]


def restore(*more: str) -> Callable[[Path, Disk], list[Any]]:
    def before(root: Path, disk: Disk) -> list[Any]:
        return ["restore", clips(root), disk / "out", "--method", "bicubic", "--scale", "2", *more]

    return before


def restore_with_sound(root: Path, disk: Disk) -> list[Any]:
    (root / "clips").mkdir()
    film = write_film(root / "clips" / "talk.mp4", scene(8, 96, 128), sound="aac", seconds=3)
    return ["restore", film, disk / "out", "--method", "nearest", "--scale", "2", "--as", "video"]


def align(root: Path, disk: Disk) -> list[Any]:
    for name in "ab":
        picture_folder(root / "clips" / name, noise(1, 520, 520))
    return ["align", root / "clips", disk / "out"]


def finder(device: Any) -> Callable[[Any], Any]:
    return lambda frames: np.broadcast_to(FFHQ_512, (len(frames), 5, 2)).copy()


def benchmark(*more: str, engine: str = "serial") -> Callable[[Path, Disk], list[Any]]:
    def before(root: Path, disk: Disk) -> list[Any]:
        data = data_set(root / "data", ["one", "two"], frames=8, side=64)
        board = board_file(
            root / "board.toml", small_board(data, [method_folder(root, "m")], splits=["bi-x4"])
        )
        return ["run", board, "-w", disk / "w", "--engine", engine, "--no-report", *more]

    return before


def report(*more: str) -> Callable[[Path, Disk], list[Any]]:
    def before(root: Path, disk: Disk) -> list[Any]:
        arguments = benchmark("--keep", "png")(root, root)
        assert run([str(a) for a in arguments]) == 0
        out = ["--html", disk / "report"] if "--html" in more else ["--out", disk / "report"]
        return ["report", arguments[1], "-w", root / "w", *out]

    return before


def demo_cache(root: Path, disk: Disk) -> list[Any]:
    return [
        "degrade",
        root / "lq",
        "--split",
        "bi-x4",
        "--clip",
        "demo-calm",
        "--frames",
        "2",
        "--engine",
        "serial",
    ]


QUIET = {"vfsrbench.runs.run.check_disk": lambda plan, place: None}
"""Somebody else fills the disk after a run has looked how much there is."""
FACES = {f"{face_tools.__name__}.load_finder": loads(finder(None))}
STAGES = {
    "degrade": Stage(degrade, ("--force",)),
    "degrade with workers": Stage(degrade_with_workers, ("--force",), steps=3),
    "restore to pictures": Stage(restore("--as", "png")),
    "restore to video": Stage(restore("--as", "video")),
    "restore to H.264": Stage(restore("--as", "h264")),
    "restore with sound": Stage(restore_with_sound),
    "align": Stage(align, ("--replace",), FACES),
    "run": Stage(benchmark(), ("--force",), QUIET, steps=16),
    "run that keeps pictures": Stage(benchmark("--keep", "png"), ("--force",), QUIET, steps=16),
    "run that keeps videos": Stage(benchmark("--keep", "video"), ("--force",), QUIET, steps=16),
    "run with workers": Stage(benchmark("--workers", "2", engine="local"), ("--force",), QUIET, steps=2),
    "run that looks first": Stage(benchmark("--keep", "png"), steps=2),
    "report": Stage(report()),
    "site": Stage(report("--html")),
    "demo clips": Stage(demo_cache),
}
QUICK = {"degrade", "align", "run that keeps pictures"}


def one_line(capsys: pytest.CaptureFixture[str], command: list[str], about: str) -> int:
    """The exit code; a failure is one line that says that the disk is full."""
    code = run(command)
    said = [
        line for line in capsys.readouterr().err.splitlines() if not line.startswith("warning: untrained")
    ]
    if code:
        assert code == 2, f"{about}: {code}, {said}"
        (line,) = (text for text in said if text.startswith("vfsrbench: "))
        assert "Traceback" not in "".join(said)
        assert "No space left on device" in line or "free some" in line, f"{about}: {line}"
    return code


def sweep(
    name: str, disk: Disk, root: Path, capsys: pytest.CaptureFixture[str], steps: int
) -> tuple[int, int]:
    """Run a stage with ever more room, first on an empty disk, then over what was made. Tried, failed."""
    stage = STAGES[name]
    command = [str(part) for part in stage.before(root, disk)]
    capsys.readouterr()
    assert run(command) == 0, capsys.readouterr().err
    made = tree(disk)
    used = max(PAGE, SIZE - os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize)
    again = [*command, *stage.again]
    tried = failed = 0
    room = [2 * used * number // steps // PAGE * PAGE for number in range(steps + 2)]
    room = room if steps > 1 else [0, used // 3]
    for left in room:  # over what is there
        with filled(disk, left):
            code = one_line(capsys, again, f"{name} again, {left} bytes left")
            tried, failed = tried + 1, failed + bool(code)
            now = tree(disk)
            assert code == 0 or set(made) <= set(now), f"{left}: {sorted(set(made) - set(now))} lost"
        check_whole(disk, made)
    assert run(again) == 0, capsys.readouterr().err
    for left in room:  # and from nothing
        for path in sorted(disk.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        with filled(disk, left):
            code = one_line(capsys, command, f"{name}, {left} bytes left")
            tried, failed = tried + 1, failed + bool(code)
        assert not [p for p in disk.rglob("*") if ".part" in p.name], f"{left}: left unfinished files"
        assert run(command) == 0, f"{left}: the same with room: {capsys.readouterr().err}"
        assert set(tree(disk)) == set(made), left
        check_whole(disk, made)
    return tried, failed


def check_whole(disk: Disk, made: dict[str, bytes]) -> None:
    """All that was there is there: pictures to the byte, videos to the pixel, the rest readable."""
    now = tree(disk)
    for name, data in made.items():
        assert name in now, f"{name} is lost"
        if name.endswith((".mkv", ".mp4")):
            (disk.parent / f"old{Path(name).suffix}").write_bytes(data)
            old = Clip.open(disk.parent / f"old{Path(name).suffix}").digest()
            assert Clip.open(disk / name).digest() == old, f"{name} is not what it was"
        elif name.endswith(".json"):
            assert json.loads(now[name]).keys() == json.loads(data).keys(), name
        elif name.endswith((".png", ".npz")) and "report/" not in name:
            assert now[name] == data, f"{name} is not what it was"
        else:
            assert len(now[name]) > len(data) // 2, name
    if (disk / "w").is_dir():
        assert len(contents(disk / "w")) == 2


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in STAGES]
)
def test_a_full_disk_is_one_line_and_nothing_is_lost(
    name: str,
    disk: Disk,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    for target, value in STAGES[name].patches.items():
        monkeypatch.setattr(target, value)
    if name == "demo clips":
        monkeypatch.setenv("VFSRBENCH_CACHE", str(disk / "cache"))
    slow = "slow" in str(request.config.getoption("-m")).replace("not slow", "")
    (tmp_path / "root").mkdir()
    tried, failed = sweep(name, disk, tmp_path / "root", capsys, STAGES[name].steps if slow else 1)
    with capsys.disabled():
        print(f"{name}: {tried} tried, {failed} stopped by the disk, all held")
    assert failed >= 2
