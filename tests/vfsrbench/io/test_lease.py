"""What a killed process leaves half-written is found without a walk, and goes away; a living one's stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.vfsrbench.boards import data_set, method_folder, small_board
from vfsrbench.io.atomic import atomic_directory, atomic_file
from vfsrbench.io.safety import lease
from vfsrbench.io.safety.ownership import NOTE
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.run import run_board

CHILD = """
import sys, time
from pathlib import Path
from vfsrbench.io.atomic import atomic_directory, atomic_file
from vfsrbench.io.safety import lease
root = Path(sys.argv[1])
lease.begin(root)
with atomic_file(root / "results" / "a.parquet") as one, atomic_directory(root / "restored" / "clip") as two:
    one.write_bytes(b"half")
    (two / "0.png").write_bytes(b"half")
    print("ready", flush=True)
    time.sleep(60)
"""


def child(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def files(root: Path) -> list[str]:
    found = (p for p in root.rglob("*") if p.is_file() and p.name != NOTE)
    return sorted(str(p.relative_to(root)) for p in found)


def test_a_killed_process_leaves_nothing_for_long_and_a_living_one_is_left_alone(tmp_path: Path):
    root = tmp_path / "w"
    Workspace(root).claim()
    dead, alive = child(root), child(root)
    try:
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        assert len(files(root)) == 4 and all(f.startswith("scratch/") for f in files(root))
        Workspace.open(root)
        assert len(files(root)) == 2, "those of the living process"
        alive.kill()  # not waited for: a zombie is no living process either
        time.sleep(0.2)
        Workspace.open(root)
        assert not files(root) and not list((root / "scratch").iterdir())
    finally:
        for process in (dead, alive):
            process.kill()
            process.wait()


def test_another_machines_folder_goes_when_nothing_has_changed_in_it_for_a_day(tmp_path: Path):
    lease.begin(tmp_path)
    foreign = tmp_path / "scratch" / "node7-0123456789ab-4711-99"
    (foreign / "clip").mkdir(parents=True)
    (foreign / "clip" / "frames.raw").write_bytes(b"x")
    old = time.time() - lease.LEASE_SECONDS - 60
    os.utime(foreign, (old, old))
    os.utime(foreign / "clip", (old, old))
    lease.sweep(tmp_path)
    assert foreign.is_dir(), "its frames were written a moment ago"
    os.utime(foreign / "clip" / "frames.raw", (old, old))
    lease.sweep(tmp_path)
    assert not foreign.exists()
    lease.end(tmp_path)
    assert not list((tmp_path / "scratch").iterdir())


def test_a_process_id_that_was_given_again_is_another_process(tmp_path: Path):
    own = lease.begin(tmp_path)
    machine, pid, start = own.name.rsplit("-", 2)
    assert int(pid) == os.getpid()
    earlier = own.with_name(f"{machine}-{pid}-{int(start) - 1}")
    earlier.mkdir()
    lease.sweep(tmp_path)
    assert own.is_dir() and not earlier.exists()


def test_files_are_written_where_they_are_found_again(tmp_path: Path):
    root = tmp_path / "w"
    with atomic_file(tmp_path / "elsewhere" / "a.txt") as beside:
        assert beside.parent == tmp_path / "elsewhere", "no workspace: beside the file"
        beside.touch()
    own = lease.begin(root)
    with atomic_file(root / "cache" / "deep" / "a.npz") as temporary:
        assert temporary.parent == own and temporary.suffix == ".npz"
        temporary.write_bytes(b"whole")
    assert (root / "cache" / "deep" / "a.npz").read_bytes() == b"whole"
    with atomic_directory(root / "restored" / "c") as folder:
        assert folder.parent == own
    with atomic_directory(root / "restored" / "c", replace=True) as folder:
        (folder / "x").touch()
    assert files(root) == ["cache/deep/a.npz", "restored/c/x"]
    lease.end(root)
    with atomic_file(root / "b.txt") as beside:
        assert beside.parent == root
        beside.touch()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second disk")
def test_a_folder_linked_to_another_disk_is_written_there_and_cleaned(tmp_path: Path):
    shm = Path("/dev/shm") / f"vfsrbench-test-{os.getpid()}"
    if Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("the same disk")
    shm.mkdir()
    try:
        root = tmp_path / "w"
        Workspace(root).claim()
        (root / "results").symlink_to(shm)
        process = child(root)
        process.kill()
        process.wait()
        assert [p.name.partition(".part")[1] for p in shm.iterdir()] == [".part"]
        Workspace.open(root)
        assert not list(shm.iterdir()) and not list((root / "scratch").iterdir())
    finally:
        for path in shm.iterdir():
            path.unlink()
        shm.rmdir()


def test_what_somebody_keeps_in_scratch_stays(tmp_path: Path):
    Workspace.open(tmp_path / "w")
    mine = tmp_path / "w" / "scratch" / "run-2024-01"
    mine.mkdir()
    for path in (mine / "notes.txt", mine.parent / "notes.txt"):
        path.write_text("mine")
        os.utime(path, (0, 0))
    os.utime(mine, (0, 0))
    Workspace.open(tmp_path / "w")
    assert [p.name for p in sorted(mine.parent.iterdir())] == ["notes.txt", "run-2024-01"]
    assert (mine / "notes.txt").is_file()


def test_a_start_does_not_walk_through_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = tmp_path / "w"
    Workspace(root).claim()
    for number in range(3):
        (root / "restored" / "split" / "m" / str(number)).mkdir(parents=True)
    walked: list[str] = []
    for name in ("rglob", "iterdir", "glob", "walk"):
        real = getattr(Path, name, None)
        if real is not None:

            def spied(self: Path, *more: object, real=real, **how: object):
                walked.append(str(self))
                return real(self, *more, **how)

            monkeypatch.setattr(Path, name, spied)
    Workspace.open(root)
    assert walked and not any("restored" in place or place == str(root) for place in walked)


def test_scratch_of_a_killed_run_goes_although_its_clip_is_done(tmp_path: Path):
    data = data_set(tmp_path / "data", ["one"], frames=4)
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"])
    place = tmp_path / "w"
    assert run_board(board, place, engine="serial").exit_code == 0
    process = child(place)
    process.kill()
    process.wait()
    assert list((place / "scratch").iterdir())
    summary = run_board(board, place, engine="serial")
    assert summary.counts == {"ok": 1} and not list((place / "scratch").iterdir())


def test_a_run_leaves_no_scratch_behind(tmp_path: Path):
    data = data_set(tmp_path / "data", ["one", "two"], frames=4)
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"])
    assert run_board(board, tmp_path / "w", engine="local", workers=1).exit_code == 0
    assert not list((tmp_path / "w" / "scratch").iterdir())
    assert not [f for f in files(tmp_path / "w") if ".part" in f]
