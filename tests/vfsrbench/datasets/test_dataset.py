"""Data sets are found by their layout and paired by name; whatever does not fit is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.clips import noise, picture_folder
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.datasets.stored_outputs import open_outputs
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip, write_video

NAME = "Clip+-1Jouc19Ixo+P0+C1+F4196-4320"
OTHER = "Clip+_HebIzK_LP4+P2+C1+F16589-16715"
FRAMES = noise(4, 16, 24)


def message(action: Callable[[], object]) -> str:
    """The text of the InputError that the action must raise; always one line."""
    with pytest.raises(InputError) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text and 10 < len(text) < 400
    return text


def video(path: Path, seed: int = 0, frames: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, iter(noise(frames, 16, 24, seed)), 30, "x264rgb")
    return path


def small(seed: int = 0, frames: int = 4) -> np.ndarray:
    return noise(frames, 8, 12, seed)


def vfhq(root: Path, gt: str, lq: str = "") -> None:
    for seed, name in enumerate((NAME, OTHER)):
        picture_folder(root / gt / name, noise(4, 16, 24, seed))
        if lq:
            picture_folder(root / lq / name, small(seed))


@pytest.mark.parametrize(
    ("gt", "lq", "version"),
    [
        ("GT/Interval1_512x512_LANCZOS4", "Blind-LR/Interval1_LR_paper", "Interval1_LR_paper"),
        ("GT/Interval5_512x512_LANCZOS4", "Blind-LR", "Blind-LR"),
        ("GT", "interval1_LR_Blind", "interval1_LR_Blind"),
        ("TEST_DATA", "LR_Blind", "LR_Blind"),
        ("GT/Interval1_512x512_LANCZOS4", "Test_LR", "Test_LR"),
    ],
)
@pytest.mark.parametrize("above", ["", "VFHQ-Test"])
def test_vfhq_test_as_it_is_packed(tmp_path: Path, gt: str, lq: str, version: str, above: str) -> None:
    vfhq(tmp_path / above, gt, lq)
    dataset = open_dataset("vfhq-test", tmp_path)
    assert dataset.name == "vfhq-test" and dataset.names == (NAME, OTHER)
    for seed, clip in enumerate(dataset.clips()):
        assert clip.gt is not None and list(clip.lq) == [version] and not clip.demo
        np.testing.assert_array_equal(clip.gt.read(0, 4), noise(4, 16, 24, seed))
        np.testing.assert_array_equal(clip.lq[version].read(0, 4), small(seed))


def test_vfhq_self_cropped_version_is_called_after_the_clip(tmp_path: Path) -> None:
    vfhq(tmp_path, "extracted_cropped_face_results/-1Jouc19Ixo")
    assert open_dataset("vfhq-test", tmp_path).names == (NAME, OTHER)


def test_vfhq_prefers_interval1_and_refuses_to_guess(tmp_path: Path) -> None:
    vfhq(tmp_path, "GT/Interval1_512x512_LANCZOS4")
    picture_folder(tmp_path / "GT/Interval5_512x512_LANCZOS4" / NAME, FRAMES[:1])
    assert len(open_dataset("vfhq-test", tmp_path, [NAME]).clips()[0].gt or ()) == 4
    (tmp_path / "GT/Interval1_512x512_LANCZOS4").rename(tmp_path / "GT/Interval3_x")
    assert "several ground truths" in message(lambda: open_dataset("vfhq-test", tmp_path))


def test_vfhq_listing_decides_what_belongs_to_the_set(tmp_path: Path) -> None:
    vfhq(tmp_path, "GT/Interval1_512x512_LANCZOS4", "Blind-LR/a")
    listing = tmp_path / "GT" / "global_meta_info.txt"
    listing.write_text(f"{OTHER}/4\n")
    assert open_dataset("vfhq-test", tmp_path).names == (OTHER,)
    listing.write_text(f"{OTHER}/4\nClip+gone+P0+C0+F0-3/4\n")
    assert "'Clip+gone+P0+C0+F0-3' is listed" in message(lambda: open_dataset("vfhq-test", tmp_path))


def test_landmarks_are_matched_by_frame_name(tmp_path: Path) -> None:
    vfhq(tmp_path, "GT/Interval1_512x512_LANCZOS4")
    (tmp_path / "meta_info").mkdir()
    points = np.arange(40, dtype=float).reshape(4, 10)
    lines = [f"0000000{i}.png " + " ".join(map(str, points[i])) for i in (3, 0, 1)]
    (tmp_path / "meta_info" / f"{NAME}.txt").write_text("\n".join(["H: 16", *lines]))
    bare = "\n".join(" ".join(map(str, row)) for row in points)
    (tmp_path / "meta_info" / f"{OTHER}.txt").write_text(bare)
    first, second = open_dataset("vfhq-test", tmp_path).clips()
    assert first.landmarks is not None and second.landmarks is not None
    np.testing.assert_array_equal(first.landmarks[[0, 1, 3]].reshape(3, 10), points[[0, 1, 3]])
    assert np.isnan(first.landmarks[2]).all()
    np.testing.assert_array_equal(second.landmarks.reshape(4, 10), points)
    cut = open_dataset("vfhq-test", tmp_path, [NAME], frames=2).clips()[0]
    assert cut.landmarks is not None and cut.landmarks.shape == (2, 5, 2)
    (tmp_path / "meta_info" / f"{OTHER}.txt").write_text(bare.rsplit("\n", 1)[0])
    assert "has 3 lines" in (text := message(open_dataset("vfhq-test", tmp_path).clips)) and OTHER in text
    (tmp_path / "meta_info" / f"{OTHER}.txt").write_text("000009.png" + " 1" * 10)
    assert "names none of the frames" in message(open_dataset("vfhq-test", tmp_path).clips)


@pytest.mark.parametrize(("layout", "index"), [("celebv-hq", "celebvhq"), ("celebv-text", "celebvtext")])
def test_celebv_index_names_the_clips(tmp_path: Path, layout: str, index: str) -> None:
    video(tmp_path / "processed" / "-ab_0.mp4", 1)
    video(tmp_path / "processed" / "raw-download.mp4", 2)
    assert open_dataset(layout, tmp_path).names == ("-ab_0", "raw-download")
    (tmp_path / f"{index}_info.json").write_text(json.dumps({"clips": {"-ab_0": {}, "gone": {}}}))
    (clip,) = open_dataset(layout, tmp_path).clips()
    assert clip.gt is not None and clip.gt.name == "-ab_0" and clip.gt.fps == 30.0
    np.testing.assert_array_equal(clip.gt.read(0, 4), noise(4, 16, 24, 1))
    (tmp_path / f"{index}_info.json").write_text("[]")
    assert f"{index}_info.json: is not" in message(lambda: open_dataset(layout, tmp_path))


def test_voxceleb_names_keep_the_speaker(tmp_path: Path) -> None:
    video(tmp_path / "dev" / "mp4" / "id10002" / "-abc" / "00001.mp4")
    video(tmp_path / "dev" / "mp4" / "id10001" / "x_y" / "00001.mp4")
    picture_folder(tmp_path / "dev" / "mp4" / "id10001" / "x_y" / "00002", FRAMES, suffix=".jpg")
    names = open_dataset("voxceleb", tmp_path).names
    assert names == ("id10001+x_y+00001", "id10001+x_y+00002", "id10002+-abc+00001")
    assert len(open_dataset("voxceleb", tmp_path, ["id10001+x_y+00002"]).clips()) == 1
    assert "no VoxCeleb there" in message(
        lambda: open_dataset("voxceleb", tmp_path / "dev/mp4/id10001/x_y/00002")
    )


def test_ravdess_takes_each_take_once(tmp_path: Path) -> None:
    for name in ("01-01-01-01-01-01-01", "02-01-01-01-01-01-01", "02-01-02-01-01-01-01", "notes"):
        video(tmp_path / "Actor_01" / f"{name}.mp4")
    assert open_dataset("ravdess", tmp_path).names == ("01-01-01-01-01-01-01", "02-01-02-01-01-01-01")


def test_folder_of_folders_and_videos_nested_or_single(tmp_path: Path) -> None:
    picture_folder(tmp_path / "set" / "b" / "clip10", FRAMES)
    picture_folder(tmp_path / "set" / "b" / "clip2", FRAMES)
    video(tmp_path / "set" / "a.mp4")
    (tmp_path / "set" / "readme.txt").write_text("x")
    (tmp_path / "set" / ".hidden").mkdir()
    dataset = open_dataset("folder", tmp_path / "set")
    assert dataset.names == ("a", "b+clip2", "b+clip10") and dataset.name == "set"
    single = open_dataset("folder", tmp_path / "set" / "b" / "clip10")
    assert single.names == ("clip10",) and single.clips()[0].lq == {}
    assert open_dataset("folder", tmp_path / "set" / "a.mp4").names == ("a",)
    (real,) = open_dataset("real", tmp_path / "set" / "a.mp4").clips()
    assert real.gt is None and len(real.lq["lq"]) == 4


def test_frames_and_clips_choose(tmp_path: Path) -> None:
    picture_folder(tmp_path / "a", FRAMES)
    picture_folder(tmp_path / "b", FRAMES[:2])
    clips = open_dataset("folder", tmp_path, frames=3).clips()
    assert [len(c.gt or ()) for c in clips] == [3, 2]
    assert open_dataset("folder", tmp_path, ["b"]).names == ("b",)
    assert "unknown clip 'c'" in message(lambda: open_dataset("folder", tmp_path, ["c"]))
    assert "at least 1" in message(lambda: open_dataset("folder", tmp_path, frames=0))


def test_pairs_by_name(tmp_path: Path) -> None:
    vfhq(tmp_path, "GT", "LQ")
    vfhq(tmp_path, "GT2-is-no-truth")
    for name in (NAME, OTHER):  # another way to number the same frames
        picture_folder(tmp_path / "lq_heavy" / name, small(9), ["0", "1", "2", "3"])
    for seed, clip in enumerate(open_dataset("pairs", tmp_path).clips()):
        assert list(clip.lq) == ["LQ", "lq_heavy"]
        np.testing.assert_array_equal(clip.lq["LQ"].read(0, 4), small(seed))


def pair(tmp_path: Path) -> Path:
    vfhq(tmp_path, "GT", "LQ")
    return tmp_path / "LQ" / OTHER


def test_pairs_that_do_not_fit(tmp_path: Path) -> None:
    lq = pair(tmp_path)
    clips = lambda: open_dataset("pairs", tmp_path).clips()  # noqa: E731
    clips()
    (lq / "00000003.png").rename(lq / "00000004.png")  # one-based against zero-based, in the end
    text = message(clips)
    assert OTHER in text and "'00000004' where its ground truth has '00000003'" in text
    (lq / "00000004.png").unlink()
    assert "has 3 frames, its ground truth has 4" in (text := message(clips)) and OTHER in text
    lq.rename(tmp_path / "aside")
    assert f"clip {OTHER!r} is in ground truth but not in LQ" in message(clips)
    picture_folder(lq, noise(4, 7, 12))
    assert "no whole multiple" in (text := message(clips)) and OTHER in text
    picture_folder(tmp_path / "LQ" / "extra", small())
    assert "clip 'extra' is in LQ but not in ground truth" in message(clips)


def test_layouts_that_are_not_there(tmp_path: Path) -> None:
    assert "did you mean 'vfhq-test'" in message(lambda: open_dataset("vfhq-tets", tmp_path))
    assert "needs a path" in message(lambda: open_dataset("folder", None))
    gone = tmp_path / "gone"
    for layout in ("vfhq-test", "celebv-hq", "celebv-text", "voxceleb", "ravdess", "folder", "pairs", "real"):
        assert str(gone) in message(lambda layout=layout: open_dataset(layout, gone))
        text = message(lambda layout=layout: open_dataset(layout, tmp_path))
        assert str(tmp_path) in text
    picture_folder(tmp_path / "clip", FRAMES)
    for layout in ("voxceleb", "ravdess", "pairs", "vfhq-test"):
        assert str(tmp_path) in message(lambda layout=layout: open_dataset(layout, tmp_path))


def test_names_that_clash_and_folders_that_mix(tmp_path: Path) -> None:
    picture_folder(tmp_path / "a", FRAMES)
    video(tmp_path / "a.mp4")
    assert "two clips are called 'a'" in message(lambda: open_dataset("folder", tmp_path))
    picture_folder(tmp_path / "mixed", FRAMES)
    picture_folder(tmp_path / "mixed" / "inner", FRAMES)
    assert "side by side" in message(lambda: open_dataset("folder", tmp_path / "mixed"))


def test_outputs_are_found_by_clip_name(tmp_path: Path) -> None:
    vfhq(tmp_path / "set", "GT")
    truth = open_dataset("folder", tmp_path / "set" / "GT")
    out = tmp_path / "out"
    picture_folder(out / "deep" / NAME, FRAMES[::-1])
    video(out / "deep" / f"{NAME}.mp4", 8)  # the same clip as a video beside its pictures
    video(out / "videos" / f"{OTHER}.mp4", 7)
    picture_folder(out / "unrelated", FRAMES[:1])
    outputs = open_outputs(out, truth)
    assert list(outputs) == [NAME, OTHER] and outputs[OTHER].name == OTHER
    np.testing.assert_array_equal(outputs[NAME].read(0, 4), FRAMES[::-1])
    np.testing.assert_array_equal(outputs[OTHER].read(0, 4), noise(4, 16, 24, 7))
    only = open_dataset("folder", tmp_path / "set" / "GT", [NAME], frames=2)
    assert len(open_outputs(out, only)[NAME]) == 2
    anything = video(tmp_path / "result.mp4", 3)
    assert isinstance(open_outputs(anything, only)[NAME], Clip)
    assert "no output for clip" in message(lambda: open_outputs(anything, truth))


def test_outputs_that_do_not_fit(tmp_path: Path) -> None:
    vfhq(tmp_path / "set", "GT")
    truth = open_dataset("folder", tmp_path / "set" / "GT")
    out = tmp_path / "out"
    assert "no such folder" in message(lambda: open_outputs(out, truth))
    picture_folder(out / NAME, FRAMES)
    assert f"no output for clip {OTHER!r}" in message(lambda: open_outputs(out, truth))
    wrong = picture_folder(out / OTHER, FRAMES[:3])
    assert "has 3 frames, its ground truth has 4" in (text := message(lambda: open_outputs(out, truth)))
    assert OTHER in text and str(wrong) in text
    wrong.rename(tmp_path / "aside")
    wrong = picture_folder(out / OTHER, FRAMES, ["00000000", "00000001", "00000002", "00000009"])
    assert "'00000009' where its ground truth has '00000003'" in message(lambda: open_outputs(out, truth))
    wrong.rename(tmp_path / "aside2")
    picture_folder(out / OTHER, small())
    assert "is 12x8, its ground truth is 24x16" in message(lambda: open_outputs(out, truth))
    picture_folder(out / "again" / OTHER, small())
    assert "is there twice" in message(lambda: open_outputs(out, truth))
