"""The command line: every verb, one clear line for every mistake, quick where it must be."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import board_file, data_set, method_folder, moving, small_board, write_clip
from vfsrbench.cli import main
from vfsrbench.cli.app import VERBS
from vfsrbench.io.clip import Clip
from vfsrbench.results.frame_table import load_results


@pytest.fixture
def board(tmp_path: Path) -> str:
    data = data_set(tmp_path / "data")
    method = method_folder(tmp_path, "m")
    return str(board_file(tmp_path / "board.toml", small_board(data, [method], splits=["bi-x4"])))


def fails(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 2) -> str:
    """The one line on stderr with which the command ends."""
    assert main.run([str(a) for a in arguments]) == code
    said = capsys.readouterr()
    line = said.err.strip().splitlines()[-1]
    assert line.startswith("vfsrbench: ") and "Traceback" not in said.err
    return line


def works(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What the command writes to stdout."""
    assert main.run([str(a) for a in arguments]) == 0
    return capsys.readouterr().out


def child_seconds(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "vfsrbench", *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_help_and_list_are_quick(arguments: list[str]):
    """Processor time, the best of some tries: a busy machine is not the program's fault."""
    assert min(child_seconds(arguments) for _ in range(4)) < 0.5


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
    for word in ("bicubic", "codeformer", "NTU S-Lab", "missing: ", "psnr", "vfhq-mild", "official"):
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
    assert "bad, bi-x4, one: failed: ValueError: no face today" in said.err and "2 failed, 2 ok" in said.err


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


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_new_method_keeps_its_contract_and_runs_on_a_board(capsys, board: str, tmp_path: Path, kind: str):
    text = works(capsys, "new", "my-method", "--kind", kind, "--into", tmp_path / "mine")
    folder = tmp_path / "mine" / "my-method"
    assert f"vfsrbench check {folder}" in text
    checked = works(capsys, "check", folder, "--side", "16")
    assert checked.count("ok ") >= 9 and "FAILED" not in checked
    works(capsys, "run", board, "-w", tmp_path / "w", "--engine", "serial", "--no-report", "--method", folder)
    _, records, _ = load_results([tmp_path / "w" / "results"])
    assert {(r.method, r.status) for r in records} == {("m", "ok"), ("my-method", "ok")}
    assert "is there already" in fails(capsys, "new", "my-method", "--into", tmp_path / "mine")
    for name in ("../up", "", "a/b", "-x"):
        fails(capsys, "new", "--into", tmp_path, "--", name)


BROKEN = {
    "out = out * 255": "values in [0, 1]",
    "frames.mul_(0.5)": "leaves its input as it is",
    "out = torch.rand(out.shape)": "draws from its generator alone",
    "out = out if len(frames) > 1 else out[:0]": "restores one frame",
    "out = out - out.mean(0, keepdim=True) + 0.5": "frames do not see each other",
    "out = out + 0.1 * out.mean()": "frames do not see each other",
    "out = out + 0.1 * out.std()": "frames do not see each other",
    "import numpy; out = out * float(numpy.random.rand())": "numpy's global seed",
    "import random; out = out * random.random()": "Python's global seed",
    "out = out + (0.2 if getattr(self, 'seen', 0) else 0); self.seen = 1": "gives the same when loaded anew",
}


@pytest.mark.parametrize("act", BROKEN)
def test_check_finds_broken_promises(capsys, tmp_path: Path, act: str):
    folder = method_folder(tmp_path, "m", act, kind="image")
    assert main.run(["check", folder, "--side", "16"]) == 3
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]
    assert any(BROKEN[act] in line for line in failed), failed


WITH_WEIGHTS = """
import torch
from vfsrbench.predictor import ImagePredictor

class Method(ImagePredictor):
    def load(self, weights, device):
        super().load(weights, device)
        self.net = torch.nn.Conv2d(3, 3, 1)
        self.net.load_state_dict(torch.load(weights["net"], weights_only=True)["params"], strict={strict})

    def restore_batch(self, frames):
        size = (self.clip.out_height, self.clip.out_width)
        return torch.nn.functional.interpolate(self.net(frames), size=size)
"""


UNSTRICT = """
from vfsrbench.predictor import ImagePredictor

class Method(ImagePredictor):
    loaded = []

    def load(self, weights, device):
        super().load(weights, device)
        {more}

    def restore_batch(self, frames):
        return frames
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "self.loaded.append(1); assert len(self.loaded) < 2, 'one at a time'",
            "does not load the whole files",
        ),
        ("assert weights['net'].parent.name == 'weights', 'wrong folder'", "the error does not name it"),
    ],
)
def test_an_error_that_has_nothing_to_do_with_the_tensor_is_no_strictness(
    capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, said: str
):
    import torch

    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    folder = method_folder(tmp_path, "m", kind="image", more='[[weights]]\nname = "mine"')
    (tmp_path / "m" / "code.py").write_text(UNSTRICT.format(more=more))
    torch.save({"params": {"body.weight": torch.zeros(3)}}, tmp_path / "weights" / "mine.pth")
    assert main.run(["check", folder, "--side", "16"]) == 3
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("strict", [True, False])
def test_check_damages_a_checkpoint_and_expects_it_to_be_refused(
    capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strict: bool
):
    import torch

    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    folder = method_folder(tmp_path, "m", kind="image", more='[[weights]]\nname = "mine"')
    (tmp_path / "m" / "code.py").write_text(WITH_WEIGHTS.format(strict=strict))
    assert "nothing was checked: weights 'mine' are not here" in fails(capsys, "check", folder)
    state = {"weight": torch.full((3, 3, 1, 1), 1 / 3), "bias": torch.zeros(3)}
    torch.save({"params": state}, tmp_path / "weights" / "mine.pth")
    assert main.run(["check", folder, "--side", "16"]) == (0 if strict else 3)
    assert ("FAILED  loads mine.pth strictly" in capsys.readouterr().out) == (not strict)


def test_mistakes_on_the_command_line_are_one_line(capsys, board: str, tmp_path: Path):
    assert "did you mean 'run'" in fails(capsys, "rum")
    assert "--wrkspace" in fails(capsys, "run", board, "--wrkspace", "x")
    assert "'board'" in fails(capsys, "run")
    assert "did you mean 'demo'" in fails(capsys, "run", "deno")
    assert "must be NAME=PATH" in fails(capsys, "run", board, "--outputs", "x")
    assert "given twice" in fails(capsys, "run", board, "--outputs", "x=a", "--outputs", "x=b")
    assert "256" in fails(capsys, "run", board, "-w", tmp_path / "w", "--workers", "99999")
    assert "--workers" in fails(capsys, "run", board, "-w", tmp_path / "w", "--workers", "0")
    assert "did you mean 'local'" in fails(capsys, "run", board, "-w", tmp_path / "w", "--engine", "locl")
    assert "nowhere" in fails(capsys, "run", board, "-w", tmp_path / "w", "--dataset", tmp_path / "nowhere")
    assert "no such board file" in fails(capsys, "run", tmp_path / "none.toml")
    assert "`vfsrbench run BOARD` makes them" in fails(capsys, "report", board, "-w", tmp_path / "empty")


def test_mistakes_in_a_board_file_name_the_file_and_the_key(capsys, board: str, tmp_path: Path):
    text = Path(board).read_text()
    file = tmp_path / "bad.toml"
    file.write_text(text.replace("methods", "method"))
    assert "bad.toml: unknown key 'method', did you mean 'methods'?" in fails(capsys, "run", file)
    file.write_text(text.replace('title = "Small"', 'title = "Small'))
    assert "bad.toml: TOML syntax error" in fails(capsys, "run", file) and "line 2" in fails(
        capsys, "run", file
    )
    file.write_text(text.replace('/m"', '/m[w=1]"'))
    assert "has no options" in fails(capsys, "run", file, "-w", tmp_path / "w")


def _empty(data: Path) -> None:
    (data / "none").mkdir()
    for clip in ("one", "two"):
        shutil.rmtree(data / clip)


def _cut(data: Path) -> None:
    picture = data / "one" / "00000003.png"
    picture.write_bytes(picture.read_bytes()[:60])


def _mixed(data: Path) -> None:
    wide = write_clip(data.parent / "wide", moving(4, side=64))
    shutil.copy(wide / "00000003.png", data / "two" / "00000003.png")


SPOILT = {
    "zero-byte picture": (lambda data: (data / "one" / "00000002.png").write_bytes(b""), "00000002.png"),
    "truncated picture": (_cut, "00000003.png"),
    "no picture": (lambda data: (data / "one" / "00000004.png").write_text("hello"), "00000004.png"),
    "sizes differ": (_mixed, "64x64"),
    "video without frames": (lambda data: (data / "three.mp4").write_bytes(b"\0" * 64), "three.mp4"),
    "pictures of a kind we cannot read": (lambda data: (data / "one" / "x.webp").touch(), "webp"),
}


@pytest.mark.parametrize(("spoil", "named"), [(shutil.rmtree, "no such folder"), (_empty, "holds no clips")])
def test_data_that_cannot_be_used_is_named_before_any_work(
    capsys, board: str, tmp_path: Path, spoil, named: str
):
    spoil(tmp_path / "data")
    line = fails(capsys, "run", board, "-w", tmp_path / "w", "--engine", "serial")
    assert named in line and not list((tmp_path / "w" / "results").iterdir())


@pytest.mark.parametrize("what", SPOILT)
def test_a_clip_that_cannot_be_used_is_named_and_the_others_go_on(
    capsys, board: str, tmp_path: Path, what: str
):
    spoil, named = SPOILT[what]
    spoil(tmp_path / "data")
    assert main.run(["run", board, "-w", str(tmp_path / "w"), "--engine", "serial"]) == 3
    said = capsys.readouterr().err
    assert f"failed: {tmp_path / 'data'}" in said and named in said and "Traceback" not in said
    assert "1 failed, " in said and " ok; " in said


def test_outputs_that_do_not_fit_are_named(capsys, board: str, tmp_path: Path):
    run = ["run", board, "-w", tmp_path / "w", "--engine", "serial", "--outputs"]
    assert "no such folder" in fails(capsys, *run, f"x={tmp_path / 'nowhere'}")
    empty = write_clip(tmp_path / "partial" / "other", moving(12)).parent
    assert "no output for clip 'one'" in fails(capsys, *run, f"x={empty}")
    assert "its ground truth has 12" in fails(capsys, *run, f"x={data_set(tmp_path / 'short', frames=10)}")
    assert "its ground truth is 32x32" in fails(capsys, *run, f"x={data_set(tmp_path / 'wide', side=64)}")
    shifted = data_set(tmp_path / "shifted")
    (shifted / "one" / "00000000.png").rename(shifted / "one" / "00000099.png")
    assert main.run([str(a) for a in (*run, f"x={shifted}")]) == 3
    said = capsys.readouterr().err
    assert "x, bi-x4, one: failed: " in said and "frames are paired by name" in said
    assert "1 failed, 3 ok" in said


def test_manifests_that_lead_outside_are_refused(capsys, tmp_path: Path):
    data, out = data_set(tmp_path / "data", frames=3), tmp_path / "lq"
    works(capsys, "degrade", out, "--split", "bi-x4", "--dataset", data, "--engine", "serial")
    manifest = out / "bi-x4" / "manifest.json"
    content = json.loads(manifest.read_text())
    for name in ("../one", "/etc/passwd", "a/../../b", "C:/x", "a\\b"):
        changed = {**content, "clips": {name: content["clips"]["one"]}}
        manifest.write_text(json.dumps(changed))
        assert "plain relative name" in fails(capsys, "verify", out)
    manifest.write_text("{")
    assert "is not JSON" in fails(capsys, "verify", out)
    assert "no such manifest" in fails(capsys, "verify", out, "--manifest", tmp_path / "none.json")
    assert "holds no manifest.json" in fails(capsys, "verify", tmp_path / "data")


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
