"""Checkpoints that other tools have brought: where they are looked for, what counts, using them in place."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner, Result

from vfsrbench.cli.verbs.weights.verb import app
from vfsrbench.errors import InputError
from vfsrbench.weights import manifest as manifests
from vfsrbench.weights.finding.places import usual_places
from vfsrbench.weights.finding.search import Walk, examined, find_files
from vfsrbench.weights.manifest import WeightFile
from vfsrbench.weights.receipts import read_receipt

BODY = b"\x80\x02numbers"
SHA = hashlib.sha256(BODY).hexdigest()


class Small(nn.Module):
    """What the entry without a hash fits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)


def entry_of(name: str, **facts: object) -> WeightFile:
    known: dict[str, object] = {"title": "a network", "page": "a page", "licence": "MIT", "commercial": True}
    known |= {"name": name, "file": f"official-{name}.pth"}
    return WeightFile(**(known | facts))  # type: ignore[arg-type]


HASHED = entry_of("hashed", sha256=SHA, hash_source="published", size=len(BODY))
PREFIXED = entry_of("prefixed", prefix=SHA[:8])
TENSORS = entry_of("tensors", network=f"{__name__}:Small", strict=True)
UNKNOWN = entry_of("unknown")


def put(path: Path, content: bytes = BODY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_file_is_known_by_its_name_or_its_size_and_shown_by_its_content(tmp_path: Path) -> None:
    put(tmp_path / "a" / "official-hashed.pth", b"\x80\x02 others")  # the right name and size
    renamed = put(tmp_path / "b" / "renamed.pth")
    prefixed = put(tmp_path / "c" / "Official-Prefixed.PTH")
    tensors = tmp_path / "c" / "official-tensors.pth"
    torch.save(Small().state_dict(), tensors)
    put(tmp_path / "c" / "official-unknown.pth")
    entries = [HASHED, PREFIXED, TENSORS, UNKNOWN]
    found = {r.entry.name: r for r in find_files(entries, [tmp_path], Walk())}
    assert (found["hashed"].path, found["hashed"].how) == (renamed, "SHA-256")
    assert (found["prefixed"].path, found["prefixed"].sha256) == (prefixed, SHA)
    assert found["tensors"].how == "2 tensors fit by name and shape"
    assert found["unknown"].how == "" and "no hash was published" in found["unknown"].problem
    torch.save({"conv.weight": torch.zeros(3)}, tensors)
    assert "conv" in examined(TENSORS, tensors).problem
    assert "web page" in examined(TENSORS, put(tmp_path / "page.pth", b"<html>")).problem
    assert "11 are expected" not in examined(HASHED, renamed).problem
    assert f"{len(BODY)} are expected" in examined(HASHED, put(tmp_path / "short.pth", b"x")).problem


def test_walks_end_whatever_the_links_and_however_large(tmp_path: Path) -> None:
    put(tmp_path / "a" / "one.pth")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a" / "linked").symlink_to(tmp_path / "elsewhere")
    put(tmp_path / "elsewhere" / "two.pth")
    put(tmp_path / "a" / ".git" / "three.pth")
    walk = Walk()
    names = [path.name for path in walk.files([tmp_path / "a", tmp_path])]
    assert sorted(names) == ["one.pth", "two.pth"] and not walk.cut
    few = Walk(most=2)
    assert len(list(few.files([tmp_path]))) <= 2 and few.cut
    deep = put(tmp_path.joinpath(*"123456789") / "deep.pth").parent
    cut = Walk(deepest=3)
    assert "deep.pth" not in [path.name for path in cut.files([tmp_path])] and cut.cut
    assert [path.name for path in Walk().files([deep])] == ["deep.pth"]
    if os.geteuid():
        deep.chmod(0)
        assert list(Walk().files([deep])) == []


def test_the_tools_own_folders_are_known(tmp_path: Path) -> None:
    home, here = tmp_path / "home", tmp_path / "work" / "KEEP-main"
    expected = [
        home / ".cache" / "torch" / "hub" / "checkpoints",
        home / ".insightface" / "models",
        home / "ComfyUI" / "models",
        home / "src" / "RestoreFormerPlusPlus" / "experiments",
        here / "weights",
        here.parent / "CodeFormer" / "weights",
        tmp_path / "torch" / "hub" / "checkpoints",
    ]
    for folder in [*expected, home / "src" / "Unrelated" / "models"]:
        folder.mkdir(parents=True)
    found = usual_places(home, here, {"TORCH_HOME": str(tmp_path / "torch")})
    assert set(expected) <= set(found)
    assert home / "src" / "Unrelated" / "models" not in found
    assert len(found) == len(set(found))
    assert any(place.name == "lpips" for place in found), "an installed package's own folder"
    assert not any(home in place.parents for place in usual_places(None, here, {}))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of two, nothing but what a test puts somewhere, and the folder of checkpoints."""
    (tmp_path / "weights.toml").write_text(
        f"""
[[weights]]
name = "free"
file = "free.pth"
title = "a network"
page = "a page"
sha256 = "{SHA}"
hash_source = "published"
licence = "MIT"
commercial = true

[[weights]]
name = "gated"
file = "gated.pth"
title = "a network"
page = "a page"
prefix = "{SHA[:8]}"
licence = "research only"
commercial = false
"""
    )
    monkeypatch.setattr(manifests, "_files", lambda: iter([tmp_path / "weights.toml"]))
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home" / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "home" / "work")
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "root"))
    return tmp_path / "root"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_what_fits_is_listed_and_used_where_it_lies_once_that_is_wanted(root: Path, tmp_path: Path) -> None:
    free = put(tmp_path / "home" / ".cache" / "torch" / "hub" / "checkpoints" / "free.pth")
    gated = put(tmp_path / "mine" / "deeper" / "gated.pth")
    listed = call("find", "--in", str(tmp_path / "mine")).output
    assert str(free) in listed and str(gated) in listed and "research only" in listed
    assert "2 checkpoints are missing, 2 of them were found" in listed
    assert listed.strip().endswith("add --yes --accept-licence")
    assert "not here" in call("path", "free").output, "listing points to nothing"

    result = call("find", "--in", str(tmp_path / "mine"), "--yes")
    assert "not used, as their licences are not accepted: gated" in str(result.exception)
    assert str(free) in call("path", "free").output
    assert "not here" in call("path", "gated").output

    call("find", "--in", str(tmp_path / "mine"), "--yes", "--accept-licence")
    assert str(gated) in call("path", "gated").output
    receipt = read_receipt(root, "gated")
    assert receipt.accepted and receipt.sha256 == SHA
    assert "0 checkpoints are missing" in call("find").output
    assert call("check").output.count("ok") == 2
    assert sorted(p.name for p in root.iterdir()) == [".receipts"], "nothing was copied"


def test_what_does_not_fit_is_told_and_not_used(root: Path, tmp_path: Path) -> None:
    wrong = put(tmp_path / "home" / ".insightface" / "models" / "free.pth", b"\x80\x02 another")
    listed = call("find", "--yes").output
    assert "no: its SHA-256 is" in listed and str(wrong) in listed
    assert "not here" in call("path", "free").output
    assert isinstance(call("find", "--in", str(tmp_path / "nowhere")).exception, InputError)
