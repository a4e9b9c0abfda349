"""The manifest holds everything, survives the disk, and refuses names that lead outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from degradations.errors import InputError
from degradations.manifest import MANIFEST, check_clip_name, new_manifest, read_manifest, write_manifest
from degradations.recipe import load_recipe
from tests.degradations.splits import make_split


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    manifest = make_split(tmp_path)
    for place in (tmp_path, tmp_path / MANIFEST):
        assert read_manifest(place).model_dump(mode="json") == manifest.model_dump(mode="json")
    assert [path.name for path in tmp_path.glob("*manifest*")] == [MANIFEST]  # nothing unfinished is left


def test_it_says_how_the_frames_were_made(tmp_path: Path) -> None:
    make_split(tmp_path, seed=3)
    content = json.loads((tmp_path / MANIFEST).read_text())
    recipe = load_recipe("vfhq-mild")
    assert content["recipe"]["digest"] == recipe.digest()
    assert content["recipe"]["content"] == recipe.content()
    assert (content["recipe"]["name"], content["recipe"]["status"]) == ("vfhq-mild", "official")
    assert content["seed"] == 3
    assert {"numpy", "opencv", "av", "libavcodec", "python", "machine"} <= set(content["software"])
    clip = content["clips"]["id1/b"]
    assert (clip["frames"], clip["truth_size"], clip["size"]) == (3, [64, 64], [16, 16])
    assert len({clip["truth_digest"], clip["before_codec_digest"], clip["digest"]}) == 3
    blur, noise = clip["parameters"]["operators"][:2]
    assert "sigma" in blur and len(noise["frames"]) == 3


def test_one_line_a_clip(tmp_path: Path) -> None:
    make_split(tmp_path)
    lines = (tmp_path / MANIFEST).read_text().splitlines()
    assert sum(line.startswith(' "a":') or line.startswith(' "id1/b":') for line in lines) == 2


@pytest.mark.parametrize(
    "name", ["a", "Clip+-1Jouc19Ixo+P0+C1+F4196-4320", "id1/clip 2", "ünï", "..a", "a..b/c"]
)
def test_plain_names_are_taken(name: str) -> None:
    assert check_clip_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../a",
        "a/../../b",
        "/etc/passwd",
        "C:/x",
        "c:x",
        "a\\b",
        "a//b",
        "a/",
        "./a",
        "a\nb",
        "a\0b",
    ],
)
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="not a plain relative name"):
        check_clip_name(name)
    manifest = make_split(tmp_path)
    with pytest.raises(InputError, match="not a plain relative name"):
        new_manifest(load_recipe("vfhq-mild"), 0, {name: manifest.clips["a"]})
    path = tmp_path / MANIFEST
    content = json.loads(path.read_text())
    content["clips"][name] = content["clips"].pop("a")
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as error:
        read_manifest(path)
    assert str(error.value).startswith(str(path)) and "not a plain relative name" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON (line 1"),
        ('{\n"format": ', "is not JSON (line 2"),
        ("[1, 2]", "is not a split's manifest"),
        ('{"format": "other"}', "is not a split's manifest"),
        ('{"format": "vfsrbench-split"}', "is missing"),
        ('{"format": "vfsrbench-split", "format_version": 2}', "'format_version'"),
    ],
)
def test_files_that_are_no_manifest(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / MANIFEST
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_manifest(tmp_path)
    assert str(path) in str(error.value) and message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"frames": 3', '"frames": 0', "frames"),
        ('"fps": 25.0', '"fps": -1', "fps"),
        ('"digest": "', '"digest": "x', "digest"),
        ('"seed": 0', '"sead": 0', "'sead', did you mean 'seed'"),
        ('"status": "official"', '"status": "measured"', "status"),
    ],
)
def test_wrong_entries_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    make_split(tmp_path)
    path = tmp_path / MANIFEST
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        read_manifest(path)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_missing_or_binary_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such manifest"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_manifest(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    manifest = make_split(tmp_path / "split")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_manifest(tmp_path / "file", manifest)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_failed_write_leaves_the_old_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = make_split(tmp_path)
    before = (tmp_path / MANIFEST).read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InputError, match="No space left"):
        write_manifest(tmp_path, manifest)
    assert (tmp_path / MANIFEST).read_bytes() == before
    assert [path.name for path in tmp_path.glob("*manifest*")] == [MANIFEST]
    assert not list(tmp_path.glob(".manifest*"))
