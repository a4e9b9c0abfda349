"""Clips that cannot be read or written end in one line that names the thing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.vfsrbench.clips import Frames, noise, picture_folder
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.clip import Clip, write_png_folder, write_video

FRAMES = noise(3)


def message(action: Callable[[], object]) -> str:
    """The text of the InputError that the action must raise; always one line."""
    with pytest.raises(InputError) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text and 10 < len(text) < 400
    return text


def read_all(path: Path) -> Frames:
    clip = Clip.open(path)
    return clip.read(0, len(clip))


def test_missing_and_empty(tmp_path: Path) -> None:
    assert message(lambda: Clip.open(5)).endswith("got int")  # type: ignore[arg-type]
    gone = tmp_path / "gone"
    assert message(lambda: Clip.open(gone)) == f"{gone}: no such folder or video"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("x")
    assert "holds no pictures" in message(lambda: Clip.open(tmp_path / "empty"))
    (tmp_path / "x.txt").write_text("x")
    assert "neither a folder of pictures nor a video" in message(lambda: Clip.open(tmp_path / "x.txt"))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
@pytest.mark.parametrize("which", [0, 2])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.6, 0.98])
def test_truncated_pictures(tmp_path: Path, suffix: str, which: int, share: float) -> None:
    folder = picture_folder(tmp_path / "c", FRAMES, suffix=suffix)
    broken = folder / f"0000000{which}{suffix}"
    data = broken.read_bytes()
    broken.write_bytes(data[: int(len(data) * share)])
    text = message(lambda: read_all(folder))
    assert text.startswith(f"{broken}: ")
    assert ("0 bytes" if share == 0 else "truncated") in text


def test_a_picture_that_is_none(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "c", FRAMES)
    (folder / "00000001.png").write_text("no picture at all")
    assert "00000001.png: cannot be read as a picture" in message(lambda: read_all(folder))
    assert "0x" not in message(lambda: read_all(folder))


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_sixteen_bits_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    folder = picture_folder(tmp_path / "c", FRAMES)
    cv2.imwrite(str(folder / "00000001.png"), np.full(shape, 30000, np.uint16))
    assert "00000001.png: has" in (text := message(lambda: read_all(folder))) and "8 bits" in text


def test_sizes_that_differ(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "c", FRAMES)
    cv2.imwrite(str(folder / "00000002.png"), np.zeros((22, 30, 3), np.uint8))
    text = message(lambda: read_all(folder))
    assert "00000002.png: is 30x22" in text and "30x20" in text


def test_pictures_of_other_formats_and_double_names(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "c", FRAMES)
    (folder / "00000003.heic").write_bytes(b"x")
    assert "heic files are not read" in message(lambda: Clip.open(folder))
    (folder / "00000003.heic").rename(folder / "00000001.jpg")
    assert "same frame name" in message(lambda: Clip.open(folder))


def test_videos_without_frames(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    assert f"{empty}: cannot be read as a video" in message(lambda: Clip.open(empty))
    text = tmp_path / "text.mkv"
    text.write_text("not a video at all " * 100)
    assert f"{text}: " in message(lambda: Clip.open(text))
    sound = tmp_path / "sound.mkv"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        samples.sample_rate = 8000
        container.mux(stream.encode(samples))
    assert message(lambda: Clip.open(sound)) == f"{sound}: holds no video, only audio"
    bare = tmp_path / "bare.avi"
    with av.open(str(bare), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 16, 16, "bgr0"
        container.start_encoding()
    assert f"{bare}: " in message(lambda: Clip.open(bare))


@pytest.mark.parametrize(("codec", "suffix"), [("x264rgb", ".mp4"), ("x264rgb", ".mkv"), ("ffv1", ".mkv")])
def test_truncated_videos(tmp_path: Path, codec: str, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_video(path, iter(noise(20, 64, 64)), 5, codec)  # type: ignore[arg-type]
    assert len(Clip.open(path)) == 20
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert message(lambda: read_all(path)).startswith(f"{path}: ")


def test_arrays_that_are_no_clip() -> None:
    for frames in (FRAMES.astype(np.float32), FRAMES[..., 0], FRAMES[:0], FRAMES[..., :2]):
        assert "frames must be uint8 (T, H, W, 3)" in message(lambda f=frames: Clip.from_array(f, "c"))  # type: ignore[misc]
    assert "fps must be positive" in message(lambda: Clip.from_array(FRAMES, "c", fps=0))


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "c", FRAMES)
    before = Clip.open(folder).digest()
    assert "is there already" in message(lambda: write_png_folder(folder, iter(FRAMES[::-1]), "abc"))
    assert Clip.open(folder).digest() == before
    assert "was not made by vfsrbench" in message(
        lambda: write_png_folder(folder, iter(FRAMES[::-1]), "abc", replace=True)
    )
    assert Clip.open(folder).digest() == before
    write_png_folder(tmp_path / "ours", iter(FRAMES), "abc")
    write_png_folder(tmp_path / "ours", iter(FRAMES[::-1]), "abc", replace=True)
    np.testing.assert_array_equal(read_all(tmp_path / "ours"), FRAMES[::-1])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "ours"]


@pytest.mark.parametrize("name", ["..", "a/b", "/etc/x", "", "a\\b"])
def test_frame_names_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    text = message(lambda: write_png_folder(tmp_path / "c", iter(FRAMES), ["a", name, "b"]))
    assert repr(name) in text
    assert list(tmp_path.iterdir()) == []
    assert "two frames" in message(lambda: write_png_folder(tmp_path / "c", iter(FRAMES), "aab"))


def failing(error: Exception) -> Iterator[Frames]:
    yield FRAMES[0]
    raise error


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mkv", iter(FRAMES), 25)
    before = (tmp_path / "v.mkv").read_bytes()
    for action in (
        lambda: write_video(tmp_path / "v.mkv", failing(KeyError("x")), 25),
        lambda: write_png_folder(tmp_path / "c", failing(KeyError("x")), "abc"),
    ):
        with pytest.raises(KeyError):
            action()
    with pytest.raises(ValueError, match="zip"):
        write_png_folder(tmp_path / "c", iter(FRAMES), "ab")
    assert [p.name for p in tmp_path.iterdir()] == ["v.mkv"]
    assert (tmp_path / "v.mkv").read_bytes() == before


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        text = message(lambda: write_png_folder(tmp_path / "c", iter(FRAMES), "abc"))
    assert text == f"{tmp_path / 'c'}: cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_failed_read_is_not_called_a_failed_write(tmp_path: Path) -> None:
    def broken(name: str | None) -> Iterator[Frames]:
        yield FRAMES[0]
        raise OSError(errno.EIO, os.strerror(errno.EIO), name)

    for name, said in ((None, "frames of"), ("/data/in.raw", "/data/in.raw: cannot be read")):
        for action in (
            lambda name=name: write_png_folder(tmp_path / "c", broken(name), "abc"),
            lambda name=name: write_video(tmp_path / "v.mkv", broken(name), 25),
        ):
            text = message(action)
            assert said in text and "cannot be read: Input/output error" in text
    text = message(lambda: _whole(tmp_path / "x", lambda: Path("missing").read_bytes()))
    assert text == "missing: cannot be read: No such file or directory"
    (tmp_path / "file").write_text("mine")
    text = message(lambda: _whole(tmp_path / "file" / "x", lambda: None))
    assert text.startswith(f"{tmp_path / 'file' / 'x'}: cannot be written: ")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def _whole(path: Path, action: Callable[[], object]) -> None:
    with atomic_file(path) as temporary:
        action()
        temporary.write_text("x")


def test_a_video_of_unequal_frames_or_wrong_suffix(tmp_path: Path) -> None:
    mixed = [FRAMES[0], FRAMES[0, :10]]
    assert "different sizes" in message(lambda: write_video(tmp_path / "v.mkv", iter(mixed), 25))
    assert "ffv1 goes into .avi or .mkv" in message(lambda: write_video(tmp_path / "v.mp4", iter(FRAMES), 25))
    assert "no frames to write" in message(lambda: write_video(tmp_path / "v.mkv", iter([]), 25))
    assert list(tmp_path.iterdir()) == []
