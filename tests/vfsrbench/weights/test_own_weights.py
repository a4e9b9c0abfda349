"""Checkpoints of the user's own: beside a card, or pointed to by the name on a card in reach."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from vfsrbench.cli.main import run
from vfsrbench.method_spec import choose_method
from vfsrbench.weights.resolve import Weights, resolve_weights

CARD = """
name = "mine"
title = "Mine"
kind = "image"
class = "method:Method"
description = "a test's method"
licence = "MIT"

[[weights]]
{first}

[[weights]]
name = "facenet"
role = "face"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def method(root: Path, first: str = 'file = "net.pth"') -> Path:
    folder = root / "mine"
    folder.mkdir()
    (folder / "card.toml").write_text(CARD.format(first=first))
    return folder


def weights_of(folder: Path) -> Weights:
    return resolve_weights(choose_method(str(folder)).card.weights_for({}))


def output(line: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert run(line.split()) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_a_file_beside_the_card_is_loaded_wherever_one_stands(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = method(here)
    (folder / "net.pth").write_bytes(b"net")
    (here / "face.pth").write_bytes(b"face")
    assert run(["weights", "path", "facenet=face.pth"]) == 0
    (here / "other").mkdir()
    monkeypatch.chdir(here / "other")
    for spelled in (folder, Path("../mine")):
        found = weights_of(spelled)
        assert found.missing == ""
        assert found.paths == {"net": folder / "net.pth", "face": here / "face.pth"}
        assert found.hashes["mine"] == hashlib.sha256(b"net").hexdigest()


def test_what_is_missing_is_told_with_both_ways(here: Path) -> None:
    folder = method(here)
    assert (
        f"`vfsrbench weights path mine=FILE`, or put it at {folder / 'net.pth'}" in weights_of(folder).missing
    )
    (folder / "net.pth").write_bytes(b"net")
    assert "`vfsrbench weights path facenet=FILE`" in weights_of(folder).missing


def test_another_file_takes_its_place_until_it_is_forgotten(here: Path) -> None:
    folder = method(here)
    (folder / "net.pth").write_bytes(b"net")
    (here / "better.pth").write_bytes(b"better")
    assert run(["weights", "path", "mine=better.pth"]) == 0
    (here / "face.pth").write_bytes(b"f")
    assert run(["weights", "path", "facenet=face.pth"]) == 0
    assert weights_of(folder).hashes["mine"] == hashlib.sha256(b"better").hexdigest()
    assert run(["weights", "path", "mine="]) == 0
    assert weights_of(folder).hashes["mine"] == hashlib.sha256(b"net").hexdigest()


def test_two_methods_may_call_their_checkpoints_alike(here: Path) -> None:
    """Sizes and dates are equal: a hash that is remembered by the name alone would be the other file's."""
    digests = set()
    for name in ("a", "b"):
        (here / name).mkdir()
        folder = method(here / name, 'name = "net"\nfile = "net.pth"')
        (folder / "net.pth").write_bytes(name.encode())
        os.utime(folder / "net.pth", (1e9, 1e9))
        digests.add(weights_of(folder).missing)
        uses = choose_method(str(folder)).card.weights_for({})[:1]
        digests.add(resolve_weights(uses).hashes["net"])
    assert {hashlib.sha256(name.encode()).hexdigest() for name in ("a", "b")} <= digests


def test_the_verbs_know_the_names_of_cards_in_reach(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = method(here)
    (folder / "net.pth").write_bytes(b"net")
    assert output("weights path mine", capsys) == f"mine: {folder / 'net.pth'}\n"
    rows = output("weights list", capsys)
    assert f"on its card: {folder / 'net.pth'}" in rows and "\nfacenet " in rows and "\nkeep-v1 " in rows
    assert "\nmine " in output("weights list mine", capsys)
    assert "mine " not in output("weights list --missing", capsys).replace("  mine\n", "")
    assert f"mine: here (nothing vouches for it) {hashlib.sha256(b'net').hexdigest()}" in output(
        "weights check", capsys
    )
    assert "facenet: not here" in output("weights check mine facenet", capsys, 2)
    fetch = output("weights fetch facenet", capsys, 2)
    assert "is on the card of mine and nowhere published; `vfsrbench weights path facenet=FILE`" in fetch


def test_a_method_s_name_stands_for_its_checkpoints(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = method(here, 'name = "other"\nfile = "net.pth"')
    (folder / "net.pth").write_bytes(b"net")
    (here / "face.pth").write_bytes(b"face")
    assert run(["weights", "path", "facenet=face.pth"]) == 0
    capsys.readouterr()
    checked = output("weights check mine", capsys)
    assert checked.startswith("other: here") and "facenet: here" in checked


def test_out_of_reach_a_name_needs_the_folder(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = method(here)
    (here / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(here / "deep" / "er")
    assert "--method-path FOLDER" in output("weights path facenet=x.pth", capsys, 2)
    (here / "face.pth").write_bytes(b"face")
    line = f"weights path facenet={here / 'face.pth'} --method-path {folder}"
    assert output(line, capsys) == f"facenet: {here / 'face.pth'}\n"


def test_a_run_says_how_one_s_own_weights_come(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = method(here)
    line = (
        f"run demo --method {folder} --only-method mine --clip demo-calm --frames 2 --dry-run --metric psnr"
    )
    assert run([*line.split(), "--split", "vfhq-mild"]) == 0
    out = capsys.readouterr().out
    assert "weights path mine=FILE facenet=FILE" in out and "weights fetch mine" not in out
