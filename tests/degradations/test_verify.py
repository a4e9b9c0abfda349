"""Comparing a split with a manifest: what is an error, what is only not canonical, and by how much."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degradations.digest import frame_digest
from degradations.errors import InputError
from degradations.manifest import MANIFEST, Manifest
from degradations.verify import difference, verify_folder
from tests.degradations.clips import moving_clip
from tests.degradations.splits import make_split, reader, save


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, Manifest]:
    return tmp_path / "published", make_split(tmp_path / "published")


def edit(folder: Path, change: Any) -> None:
    path = folder / MANIFEST
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def other_codec(folder: Path, name: str = "a", level: int = 3) -> None:
    """As if another x264 had coded the clip: other frames, and a manifest that says so."""
    frames = np.load(folder / f"{name}.npy")
    frames[1, :4] += np.uint8(level)
    save(folder, name, frames)
    edit(folder, lambda content: content["clips"][name].update(digest=frame_digest(frames)))


def test_the_same_split_made_again_is_canonical(tmp_path: Path, published: tuple[Path, Manifest]) -> None:
    make_split(tmp_path / "mine")
    report = verify_folder(tmp_path / "mine", published[1], reader(tmp_path / "mine"))
    assert report.ok and report.canonical
    assert report.lines() == ["2 of 2 clips are bit-identical: canonical"]


def test_frames_alone_are_enough_if_they_are_the_same(
    tmp_path: Path, published: tuple[Path, Manifest]
) -> None:
    make_split(tmp_path / "mine")
    (tmp_path / "mine" / MANIFEST).unlink()
    assert verify_folder(tmp_path / "mine", published[1], reader(tmp_path / "mine")).canonical


def test_a_difference_after_the_codec_is_reported_with_its_size(
    tmp_path: Path, published: tuple[Path, Manifest]
) -> None:
    mine = tmp_path / "mine"
    make_split(mine)
    other_codec(mine)
    report = verify_folder(mine, published[1], reader(mine), reader(published[0]))
    assert report.ok and not report.canonical
    clip = report.clips[0]
    assert (clip.name, clip.canonical, clip.errors) == ("a", False, [])
    assert clip.difference is not None
    assert (clip.difference.largest, clip.difference.frames) == (3, 1)
    assert clip.difference.mean == pytest.approx(3 * 4 / 16 / 3)
    assert report.clips[1].canonical
    assert report.lines() == [
        "note: a: frames differ after the codec by up to 3 grey levels, 0.2500 on average, in 1 frame",
        "1 of 2 clips are bit-identical: non-canonical",
    ]
    without = verify_folder(mine, published[1], reader(mine))
    assert without.ok and without.clips[0].difference is None


def test_a_difference_before_the_codec_is_an_error(tmp_path: Path, published: tuple[Path, Manifest]) -> None:
    mine = tmp_path / "mine"
    make_split(mine)
    other_codec(mine)
    edit(mine, lambda content: content["clips"]["a"].update(before_codec_digest="0" * 64))
    report = verify_folder(mine, published[1], reader(mine))
    assert not report.ok and not report.canonical
    assert report.clips[0].errors == ["differs before the codec, where every step is exact"]
    assert report.lines()[-1] == "1 of 2 clips are bit-identical: not this split"


def test_frames_that_were_changed_since_are_not_blamed_on_the_codec(
    tmp_path: Path, published: tuple[Path, Manifest]
) -> None:
    mine = tmp_path / "mine"
    make_split(mine)
    frames = np.load(mine / "a.npy")
    frames[0, 0, 0, 0] ^= 1
    save(mine, "a", frames)
    report = verify_folder(mine, published[1], reader(mine))
    assert not report.ok and "changed since" in report.clips[0].errors[0]


def test_without_a_manifest_of_its_own_a_difference_has_no_excuse(
    tmp_path: Path, published: tuple[Path, Manifest]
) -> None:
    mine = tmp_path / "mine"
    make_split(mine)
    other_codec(mine)
    (mine / MANIFEST).unlink()
    report = verify_folder(mine, published[1], reader(mine))
    assert not report.ok and "no manifest in the folder" in report.clips[0].errors[0]


def test_without_a_codec_every_difference_is_an_error(tmp_path: Path) -> None:
    manifest = make_split(tmp_path / "published", "bi-x4")
    make_split(tmp_path / "mine", "bi-x4")
    other_codec(tmp_path / "mine")
    report = verify_folder(
        tmp_path / "mine", manifest, reader(tmp_path / "mine"), reader(tmp_path / "published")
    )
    assert not report.ok
    assert "by up to 3 grey levels" in report.clips[0].errors[0]
    assert "no codec can be the reason" in report.clips[0].errors[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"recipe": "vfhq-heavy"},
            "made by recipe vfhq-heavy version 1, the manifest is of vfhq-mild version 1",
        ),
        ({"seed": 1}, "made with seed 1, the manifest is of seed 0"),
    ],
)
def test_another_recipe_or_seed(
    tmp_path: Path, published: tuple[Path, Manifest], options: dict[str, Any], message: str
) -> None:
    make_split(tmp_path / "mine", **options)
    report = verify_folder(tmp_path / "mine", published[1], reader(tmp_path / "mine"))
    assert not report.ok and len(report.errors) == 1 and message in report.errors[0]


def test_other_clean_frames(tmp_path: Path, published: tuple[Path, Manifest]) -> None:
    make_split(tmp_path / "mine", truth_seed=9)
    report = verify_folder(tmp_path / "mine", published[1], reader(tmp_path / "mine"))
    assert all(clip.errors[0] == "was made from other clean frames" for clip in report.clips)


def test_missing_and_unknown_clips(tmp_path: Path, published: tuple[Path, Manifest]) -> None:
    mine = tmp_path / "mine"
    make_split(mine)
    (mine / "a.npy").unlink()
    edit(mine, lambda content: content["clips"].update(c=content["clips"].pop("a")))
    report = verify_folder(mine, published[1], reader(mine))
    assert "clips that the manifest does not know: c" in report.errors
    assert report.clips[0].errors[0] == "is missing in the folder's own manifest"
    assert "no such clip" in report.clips[0].errors[1]
    assert report.clips[1].canonical


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (moving_clip(2, 16, 16), "has 2 frames, not 3"),
        (moving_clip(4, 16, 16), "has 4 frames, not 3"),
        (moving_clip(3, 16, 20), "frames are 20x16, not 16x16"),
    ],
)
def test_other_lengths_and_sizes(
    tmp_path: Path, published: tuple[Path, Manifest], frames: Any, message: str
) -> None:
    mine = tmp_path / "mine"
    make_split(mine)
    save(mine, "a", frames)
    report = verify_folder(mine, published[1], reader(mine))
    assert report.clips[0].errors == [message] and not report.clips[0].canonical


def test_the_size_of_a_difference() -> None:
    one = moving_clip(4, 16, 16)
    other = one.copy()
    other[2, 0, 0, 0] = one[2, 0, 0, 0] ^ 128
    found = difference(one, iter(other), "c")
    assert (found.largest, found.frames) == (128, 1)
    assert found.mean == pytest.approx(128 / one.size)
    assert difference(one, one, "c").largest == 0
    with pytest.raises(InputError, match="another number or size"):
        difference(one, other[:3], "c")
