"""The command line: every verb, one clear line for every mistake, quick where it must be."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import data_set, method_folder, moving, write_clip
from tests.vfsrbench.cli.commands import fails, works
from vfsrbench.cli import main
from vfsrbench.cli.app import VERBS
from vfsrbench.cli.verbs.restore import pace
from vfsrbench.io.clip import Clip
from vfsrbench.results.frame_table import load_results
from vfsrbench.version import __version__


def child_seconds(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "vfsrbench", *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_help_and_list_are_quick(arguments: list[str]):
    """Processor time, the best of some tries: a busy machine is not the program's fault."""
    assert min(child_seconds(arguments) for _ in range(4)) < 0.5


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]):
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"vfsrbench {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["list"], *([verb, "--help"] for verb in VERBS)])
def test_what_only_informs_does_not_import_torch(arguments: list[str]):
    code = (
        "import sys; from vfsrbench.cli.main import run; code = run(sys.argv[1:]);"
        "heavy = {'torch', 'pandas', 'matplotlib', 'cv2', 'scipy'} & set(sys.modules);"
        "assert code == 0 and not heavy, (code, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_list_names_everything_with_licence_and_weights(capsys):
    text = works(capsys, "list")
    for word in ("bicubic", "codeformer", "S-Lab*", "by hand", "psnr", "vfhq-mild", "official"):
        assert word in text
    assert "extrapolated" in text and "demo" in text and "celebv-hq" in text
    assert "vfhq-mild" not in works(capsys, "list", "methods")
    assert "did you mean 'methods'" in fails(capsys, "list", "metods")


def test_a_run_prints_its_table_and_writes_its_report(capsys, board: str, tmp_path: Path):
    text = works(capsys, "run", board, "-w", tmp_path / "w", "--engine", "serial")
    assert "PSNR" in text and "2 clips" in text
    assert (tmp_path / "w" / "report" / "small" / "index.html").is_file()
    assert (tmp_path / "w" / "report" / "small" / "leaderboard.csv").is_file()
    again = works(capsys, "report", board, "-w", tmp_path / "w", "--out", tmp_path / "r")
    assert again == text and (tmp_path / "r" / "index.html").is_file()


def test_a_dry_run_says_what_there_is_to_do_and_does_nothing(capsys, board: str, tmp_path: Path):
    weighty = method_folder(tmp_path, "weighty", more='[[weights]]\nname = "no-such-checkpoint"')
    run = ["run", board, "-w", tmp_path / "w", "--method", weighty]
    text = works(capsys, *run, "--dry-run")
    assert "4 jobs" in text and "no-such-checkpoint" in text and "nothing has run" in text and "MiB" in text
    assert not (tmp_path / "w" / "results").exists()
    works(capsys, "run", board, "-w", tmp_path / "w", "--engine", "serial")
    text = works(capsys, *run, "--split", "bi-x8", "--split", "bi-x4", "--dry-run")
    rows = [line.split() for line in text.splitlines() if line.startswith(("m ", "weighty"))]
    assert [r for r in rows if r[0] == "m"] == [["m", "bi-x8", "2"], ["m", "bi-x4", "2"]]
    assert "from 2 earlier jobs" in text and "not known for weighty" in text


def test_failures_are_told_and_exit_with_3(capsys, board: str, tmp_path: Path):
    bad = method_folder(tmp_path, "bad", "raise ValueError('no face today')")
    run = ["run", board, "-w", str(tmp_path / "w"), "--engine", "serial", "--method", bad]
    assert main.run(run) == 3
    said = capsys.readouterr()
    line = "bad, bi-x4, one and 1 more job: failed: ValueError: no face today"
    assert line in said.err and "2 failed, 2 ok" in said.err


def test_command_line_changes_of_a_board(capsys, board: str, tmp_path: Path):
    other = method_folder(tmp_path, "other")
    recipe = tmp_path / "mine.toml"
    shipped = Path(__file__).parents[3] / "degradations" / "recipes" / "bi-x4.toml"
    recipe.write_text(shipped.read_text().replace('name = "bi-x4"', 'name = "mine"'))
    works(
        capsys, "run", board, "-w", tmp_path / "w", "--engine", "serial", "--no-report",
        "--method", other, "--split", recipe, "--clip", "two", "--frames", "5", "--metric", "psnr",
        "--seed", "3",
    )  # fmt: skip
    _, records, _ = load_results([tmp_path / "w" / "results"])
    found = {(r.method, r.split, r.clip, r.frames, r.seed, tuple(r.metrics)) for r in records}
    assert found == {(m, "mine", "two", 5, 3, ("psnr",)) for m in ("m", "other")}
    line = fails(capsys, "run", board, "-w", tmp_path / "w", "--only-method", "n")
    assert "unknown method of board 'small' 'n'" in line


def test_degrade_writes_a_manifest_that_verify_checks(capsys, tmp_path: Path):
    data, out = data_set(tmp_path / "data"), tmp_path / "lq"
    degrade = ["degrade", out, "--split", "bi-x4", "--dataset", data, "--engine", "serial"]
    assert "2 clips, 23 frames" in works(capsys, *degrade)
    manifest = json.loads((out / "bi-x4" / "manifest.json").read_text())
    assert manifest["clips"]["one"]["digest"] == Clip.open(out / "bi-x4" / "one").digest()
    assert manifest["clips"]["one"]["truth_digest"] == Clip.open(data / "one").digest()
    assert manifest["clips"]["two"]["frames"] == 11
    assert "2 of 2 clips are bit-identical: canonical" in works(capsys, "verify", out)
    picture = out / "bi-x4" / "one" / "00000005.png"
    good, stamp = picture.read_bytes(), picture.stat().st_mtime_ns
    picture.write_bytes((out / "bi-x4" / "one" / "00000006.png").read_bytes())
    assert main.run(["verify", str(out)]) == 2
    assert "error: one: frames differ" in capsys.readouterr().out
    works(capsys, *degrade)
    assert picture.read_bytes() == good and picture.stat().st_mtime_ns != stamp, "damage is made good"
    whole = (out / "bi-x4" / "two" / "00000000.png").stat().st_mtime_ns
    works(capsys, *degrade)
    assert (out / "bi-x4" / "two" / "00000000.png").stat().st_mtime_ns == whole, "the rest is kept"
    assert "another recipe or seed" in fails(capsys, *degrade, "--seed", "1")
    works(capsys, *degrade, "--seed", "1", "--force")


def test_degraded_frames_do_not_depend_on_workers_or_order(capsys, tmp_path: Path):
    data = data_set(tmp_path / "data", ["one", "two", "three"], frames=4)
    digests = []
    for name, more in (("a", ["--engine", "serial"]), ("b", ["--workers", "2"])):
        works(capsys, "degrade", tmp_path / name, "--split", "vfhq-mild", "--dataset", data, *more)
        manifest = json.loads((tmp_path / name / "vfhq-mild" / "manifest.json").read_text())
        digests.append({clip: entry["digest"] for clip, entry in manifest["clips"].items()})
    works(
        capsys, "degrade", tmp_path / "c", "--split", "vfhq-mild", "--dataset", data,
        "--clip", "two", "--engine", "serial",
    )  # fmt: skip
    alone = json.loads((tmp_path / "c" / "vfhq-mild" / "manifest.json").read_text())["clips"]["two"]["digest"]
    assert digests[0] == digests[1] and digests[0]["two"] == alone


def test_a_run_is_held_against_a_published_manifest(capsys, board: str, tmp_path: Path):
    published = tmp_path / "lq" / "bi-x4"
    data = tmp_path / "data"
    works(capsys, "degrade", published.parent, "--split", "bi-x4", "--dataset", data, "--engine", "serial")
    run = ["run", board, "--engine", "serial", "--no-report", "--manifest", published / "manifest.json"]
    works(capsys, *run, "-w", tmp_path / "w")
    _, records, _ = load_results([tmp_path / "w" / "results"])
    assert [r.canonical for r in records] == [True, True]
    content = json.loads((published / "manifest.json").read_text())
    content["clips"]["one"]["digest"] = "0" * 64  # as if their codec had given other frames
    content["clips"]["two"]["before_codec_digest"] = content["clips"]["two"]["digest"] = "1" * 64
    (published / "manifest.json").write_text(json.dumps(content))
    assert main.run([str(a) for a in [*run, "-w", tmp_path / "v"]]) == 3
    capsys.readouterr()
    _, records, _ = load_results([tmp_path / "v" / "results"])
    one, two = sorted(records, key=lambda r: r.clip)
    assert (one.status, one.canonical) == ("ok", False) and "non-canonical" in one.warnings[0]
    assert two.status == "failed" and "before the codec" in two.reason
    assert "another recipe or seed" in fails(capsys, *run, "-w", tmp_path / "v", "--seed", "4")
    write_clip(tmp_path / "other" / "one", moving(12, seed=5))
    line = fails(capsys, *run, "-w", tmp_path / "v", "--dataset", tmp_path / "other")
    assert "'one' is not the one that the manifest of bi-x4 was made from" in line


@pytest.mark.parametrize(
    ("frames", "seconds", "said"),
    [
        (12, 3.0, "4.0 frames/s"),
        (12, 12.0, "1.0 frames/s"),
        (3, 210.0, "70.0 s/frame"),
        (0, 0.0, "0.0 frames/s"),
    ],
)
def test_slow_methods_have_seconds_a_frame(frames: int, seconds: float, said: str):
    assert pace(frames, seconds) == said


def test_restore_writes_frames_or_video(capsys, tmp_path: Path):
    data, method = data_set(tmp_path / "data"), method_folder(tmp_path, "m")
    text = works(capsys, "restore", data, tmp_path / "png", "--method", method)
    assert text.count("frames/s") == 2
    restored = Clip.open(tmp_path / "png" / "one")
    assert (len(restored), restored.height, restored.frame_names[3]) == (12, 128, "00000003")
    works(capsys, "restore", data / "one", tmp_path / "video", "--method", method, "--as", "video")
    assert Clip.open(tmp_path / "video" / "one.mkv").digest() == restored.digest()
    works(
        capsys, "restore", data / "one", tmp_path / "x2", "--method", method, "--scale", "2", "--frames", "3"
    )
    small = Clip.open(tmp_path / "x2" / "one")
    assert (len(small), small.width) == (3, 64)
    assert "fed the ground truth" in fails(capsys, "restore", data, tmp_path / "o", "--method", "oracle")
    bad = method_folder(tmp_path, "bad", "raise ValueError('no')")
    assert main.run(["restore", str(data), str(tmp_path / "bad_out"), "--method", bad]) == 3
    assert "one: failed: ValueError: no" in capsys.readouterr().err
    assert not list((tmp_path / "bad_out").iterdir())


def test_score_takes_clips_that_are_there(capsys, tmp_path: Path):
    data = data_set(tmp_path / "data")
    for name in ("one", "two"):
        frames = Clip.open(data / name).read(0, 11)
        write_clip(tmp_path / "theirs" / name, np.concatenate([frames, frames[-1:]])[: 12 - (name == "two")])
    text = works(
        capsys, "score", "--dataset", data, "--outputs", f"theirs={tmp_path / 'theirs'}", "--engine",
        "serial", "-w", tmp_path / "w", "--metric", "psnr", "--metric", "ssim",
    )  # fmt: skip
    assert "theirs" in text
    _, records, _ = load_results([tmp_path / "w" / "results"])
    assert {(r.method, r.clip, r.status) for r in records} == {("theirs", c, "ok") for c in ("one", "two")}
    by_clip = {r.clip: r for r in records}
    assert by_clip["two"].clip_values["psnr"] == 100.0 and by_clip["one"].clip_values["psnr"] < 100
    assert not (tmp_path / "w" / "splits").exists()
    line = fails(capsys, "score", "--outputs", f"x={tmp_path / 'theirs'}")
    assert "--dataset PATH" in line


def test_a_workspace_that_cannot_be_written_is_said_at_once(capsys, board: str, tmp_path: Path):
    (tmp_path / "file").touch()
    line = fails(capsys, "run", board, "-w", tmp_path / "file")
    assert "is not a folder" in line and "--workspace" in line
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        assert "cannot be written" in fails(capsys, "run", board, "-w", locked)
    assert "cannot be written" in fails(capsys, "run", board, "-w", "/proc/nowhere")


def test_a_folder_that_shadows_a_package_is_named(tmp_path: Path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "__init__.py").write_text("raise RuntimeError('the wrong package')")
    done = subprocess.run(
        [sys.executable, "-m", "vfsrbench", "list"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2 and not done.stdout
    (line,) = done.stderr.strip().splitlines()
    assert str(tmp_path / "reports") in line and "takes the place of our package 'reports'" in line


def test_an_error_of_ours_leaves_a_log(capsys, monkeypatch: pytest.MonkeyPatch):
    def broken(kinds):
        raise ZeroDivisionError("never meant to happen")

    monkeypatch.setattr("vfsrbench.plugins.methods", broken)
    line = fails(capsys, "list", "methods", code=1)
    assert "TypeError" in line or "ZeroDivisionError" in line
    log = Path(line.split("details in ")[1].rstrip(")"))
    assert "Traceback" in log.read_text() and "vfsrbench list methods" in log.read_text()
    log.unlink()


def test_a_reader_that_leaves_early_hears_no_complaint():
    done = subprocess.run(
        f"{sys.executable} -m vfsrbench list | head -1", shell=True, capture_output=True, text=True
    )
    assert done.stdout and not done.stderr
