"""The command `weights`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vfsrbench import plugins
from vfsrbench.cli.main import run
from vfsrbench.cli.verbs.weights.verb import app
from vfsrbench.errors import InputError
from vfsrbench.weights.manifest import load_manifest, needed_by
from vfsrbench.weights.resolve import resolve_weights


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_list_says_what_is_here_what_vouches_for_it_and_who_needs_it(root: Path) -> None:
    (root / "alignment_WFLW_4HG.pth").write_bytes(b"x")
    (root / "codeformer.pth").write_bytes(b"not it")
    lines = call("list").output.splitlines()
    rows = {line.split()[0]: line for line in lines if line and not line.startswith("-")}
    assert " yes " in rows["fan_awing98"]
    assert "unverified" in rows["fan_awing98"]
    assert "WRONG FILE" in rows["codeformer"]
    assert rows["codeformer"].rstrip().endswith("codeformer")
    assert " no " in rows["vgg16"]
    assert "third-party" in rows["vgg16"]
    assert str(root) in lines[-1]


def test_the_list_fits_a_terminal_and_names_all_that_need_a_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = call("list").output.splitlines()
    assert max(len(line) for line in lines if not line.startswith("folder:")) <= 80
    told: dict[str, str] = {}
    last = ""
    for line in lines:
        if line.startswith("    "):
            told[last] += f" {line.strip()}"
        elif line:
            last = line.split()[0]
            told[last] = ""
    for name, users in needed_by().items():
        assert told[name] == f" needed by {', '.join(users)}"
    (row,) = (line for line in lines if line.startswith("codeformer "))
    assert row.split()[-2:] == ["fetched", "S-Lab*+"]


def test_the_list_takes_methods_and_metrics_and_prints_licences_in_full(root: Path) -> None:
    text = call("list", "codeformer", "psnr").output
    assert "  codeformer: NTU S-Lab License 1.0 (non-commercial) https://" in text and "vgg16" not in text
    about = call("list", "realesrgan", "pwcnet").output
    for name in ("realesrgan-x4plus-ncnn", "pwcnet"):
        entry = load_manifest()[name]
        assert f"  {name}: {entry.title}" in about and entry.note in about, "what the manifest has to say"
    assert f" By hand: get {load_manifest()['pwcnet'].file} from https://" in about
    assert isinstance(call("list", "codefromer").exception, InputError)


def test_fetch_refuses_without_the_licence(root: Path) -> None:
    result = call("fetch", "codeformer")
    assert isinstance(result.exception, InputError)
    assert "--accept-licence" in str(result.exception)


def test_fetch_takes_the_name_of_a_method(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    result = call("fetch", "edvr")
    assert isinstance(result.exception, InputError)
    assert "4 of 4 checkpoints were not fetched" in str(result.exception)


def test_fetch_suggests_near_names(root: Path) -> None:
    assert "did you mean 'codeformer'" in str(call("fetch", "codeformr").exception)


def test_path_points_shows_and_forgets(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    mine = tmp_path_factory.mktemp("mine") / "net.pth"
    mine.write_bytes(b"numbers")
    assert str(mine) in call("path", f"iresnet50={mine}").output
    assert str(mine) in call("path", "iresnet50").output
    assert "not here" in call("path", "iresnet50=").output
    missing = call("path", f"iresnet50={mine.parent / 'gone.pth'}").exception
    assert isinstance(missing, InputError)
    assert "no such file" in str(missing)


def test_check_reads_files_and_fails_on_a_wrong_one(root: Path) -> None:
    assert "no checkpoints" in call("check").output
    (root / "alignment_WFLW_4HG.pth").write_bytes(b"x")
    good = call("check")
    assert good.exit_code == 0
    assert "fan_awing98: ok (unverified)" in good.output
    (root / "vgg16-397923af.pth").write_bytes(b"x")
    bad = call("check").exception
    assert isinstance(bad, InputError)
    assert "vgg16-397923af.pth is not the published file" in str(bad)
    assert "alexnet: not here" in str(call("check", "alexnet").exception)


def test_files_that_nothing_here_reads_are_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """insightface's networks need onnxruntime, dlib's need dlib: each an installation extra."""
    find_spec = importlib.util.find_spec
    gone = {"onnxruntime", "dlib"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *to: None if n in gone else find_spec(n, *to))
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    names = ["w600k_r50", "glintr100", "landmarks_2d106", "dlib-face-recognition", "alexnet"]
    onnx = (
        "not readable here: w600k_r50, glintr100, landmarks_2d106: onnxruntime is not installed: run "
        "`pip install 'vfsrbench[onnx]'`"
    )
    assert run(["weights", "list", *names]) == 0
    said = capsys.readouterr().out.splitlines()
    assert onnx in said
    assert sum("dlib-face-recognition: dlib is not installed" in line for line in said) == 1
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "w600k_r50.onnx").write_bytes(b"x")
    assert run(["weights", "find", "w600k_r50", "--in", str(tmp_path / "here")]) == 0
    assert "not readable here: w600k_r50: onnxruntime" in capsys.readouterr().out
    assert run(["weights", "fetch", "w600k_r50", "glintr100"]) == 2  # their licences are not accepted
    assert "w600k_r50, glintr100: onnxruntime is not installed" in capsys.readouterr().err
    for metric in ("ids_w600k_r50", "ids_glintr100", "akd_2d106"):
        weights = resolve_weights(plugins.metrics()[metric].card.weights)
        assert weights.missing.startswith("onnxruntime is not installed") and weights.extra == "onnx"
