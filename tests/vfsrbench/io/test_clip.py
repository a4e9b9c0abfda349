"""Clips give the frames that lie on disk, in windows, whatever they lie in."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from degradations.digest import frame_digest
from tests.vfsrbench.clips import noise, picture_folder
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip, write_png_folder, write_video
from vfsrbench.io.video.reader import VideoSource

FRAMES = noise(40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("clip") / "Clip+-1Jouc19Ixo+P0+C1+F4196-4320", FRAMES)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "-a+b:1.mkv"
    write_video(path, iter(FRAMES), 30000 / 1001)
    return path


def sources(folder: Path, video: Path) -> list[Clip]:
    return [Clip.open(folder), Clip.open(video), Clip.from_array(FRAMES, "x"), Clip.open(folder).head(40)]


def test_facts_of_a_folder(folder: Path) -> None:
    clip = Clip.open(folder)
    assert (clip.name, clip.fps, len(clip)) == ("Clip+-1Jouc19Ixo+P0+C1+F4196-4320", 25.0, 40)
    assert (clip.height, clip.width) == (20, 30)
    assert clip.frame_names[:2] == ("00000000", "00000001") and clip.named_frames
    assert Clip.open(str(folder), name="other", fps=12).name == "other"
    assert Clip.open(folder, fps=12).fps == 12.0


def test_facts_of_a_video(video: Path) -> None:
    clip = Clip.open(video)
    assert clip.name == "-a+b:1" and len(clip) == 40
    assert clip.fps == pytest.approx(30000 / 1001, rel=1e-5)
    assert clip.frame_names[-1] == "00000039" and not clip.named_frames
    assert Clip.open(video, fps=10).fps == 10.0


def test_every_source_gives_the_same_frames_and_digest(folder: Path, video: Path) -> None:
    for clip in sources(folder, video):
        np.testing.assert_array_equal(clip.read(0, 40), FRAMES)
        np.testing.assert_array_equal(np.stack(list(clip.frames())), FRAMES)
        assert clip.digest() == frame_digest(FRAMES)


def test_reads_in_any_order(folder: Path, video: Path) -> None:
    spans = [(5, 9), (7, 12), (12, 12), (30, 40), (39, 40), (0, 3), (2, 25), (24, 26), (10, 11), (38, 40)]
    for clip in sources(folder, video):
        for start, stop in spans:
            np.testing.assert_array_equal(clip.read(start, stop), FRAMES[start:stop])


def test_reads_are_copies(folder: Path, video: Path) -> None:
    for clip in sources(folder, video):
        clip.read(0, 5)[...] = 0
        np.testing.assert_array_equal(clip.read(3, 8), FRAMES[3:8])


def test_reading_a_video_forward_decodes_each_frame_once(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    decode = VideoSource._decode

    def counted(source: VideoSource) -> Iterator[av.VideoFrame]:
        for number, frame in enumerate(decode(source)):
            decoded.append(number)
            yield frame

    clip = Clip.open(video)
    length = len(clip)
    monkeypatch.setattr(VideoSource, "_decode", counted)
    for first in range(0, length, 8):
        clip.read(max(0, first - 4), min(first + 8, length))
    assert decoded == list(range(length))
    decoded.clear()
    for _ in clip.windows(7, context=3):
        pass
    assert decoded == list(range(length))


@pytest.mark.parametrize(("size", "context"), [(40, 0), (7, 0), (7, 3), (1, 1), (2, 5), (64, 4)])
def test_windows_cover_the_clip_once(folder: Path, video: Path, size: int, context: int) -> None:
    for clip in sources(folder, video):
        scored = []
        for start, lead, frames in clip.windows(size, context):
            first = start + lead
            assert lead == min(context, first)
            np.testing.assert_array_equal(frames, FRAMES[start : start + len(frames)])
            scored += range(first, start + len(frames))
            assert len(frames) - lead <= size
        assert scored == list(range(40))


def test_head_is_the_beginning(folder: Path, video: Path) -> None:
    for clip in sources(folder, video):
        head = clip.head(11)
        assert len(head) == len(head.frame_names) == 11
        assert head.digest() == frame_digest(FRAMES[:11])
        with pytest.raises(IndexError):
            head.read(5, 12)
        with pytest.raises(InputError, match="has 11 frames, 12 were asked for"):
            head.head(12)


def test_a_clip_travels_to_another_process(video: Path, folder: Path) -> None:
    for clip in sources(folder, video):
        clip.read(0, 3)
        copy = pickle.loads(pickle.dumps(clip))
        np.testing.assert_array_equal(copy.read(2, 6), FRAMES[2:6])


def test_natural_order_and_suffixes(tmp_path: Path) -> None:
    names = ["frame2", "frame10", "frame1"]
    folder = picture_folder(tmp_path / "c", FRAMES[:3], names)
    (folder / "frame10.png").rename(folder / "frame10.PNG")
    clip = Clip.open(folder)
    assert clip.frame_names == ("frame1", "frame2", "frame10")
    np.testing.assert_array_equal(clip.read(0, 3), FRAMES[[2, 0, 1]])


def test_grey_and_alpha_become_rgb_and_bmp_and_jpeg_are_read(tmp_path: Path) -> None:
    frame = FRAMES[0]
    folder = picture_folder(tmp_path / "c", FRAMES[:1], ["0"])
    cv2.imwrite(str(folder / "1.png"), frame[..., 0])
    alpha = np.concatenate([frame[..., ::-1], frame[..., :1]], axis=2)
    cv2.imwrite(str(folder / "2.png"), alpha)
    cv2.imwrite(str(folder / "3.bmp"), frame[..., ::-1])
    smooth = np.full_like(frame, (200, 100, 50))
    cv2.imwrite(str(folder / "4.jpeg"), smooth[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
    frames = Clip.open(folder).read(0, 5)
    grey = np.repeat(frame[..., :1], 3, axis=2)
    for got, wanted in zip(frames, (frame, grey, frame, frame, smooth), strict=True):
        assert np.abs(got.astype(int) - wanted).max() <= (1 if wanted is smooth else 0)


def test_other_files_in_the_folder_are_left_out(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "c", FRAMES[:2])
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    (folder / "._00000001.png").write_bytes(b"x")
    (folder / "sub").mkdir()
    assert Clip.open(folder).frame_names == ("00000000", "00000001")


@pytest.mark.parametrize("tag", [None, 1, 5])
def test_declared_colour_matrix_is_respected(tmp_path: Path, tag: int | None) -> None:
    colours = np.array([[200, 100, 50], [30, 90, 160], [128, 128, 128], [90, 200, 60]], np.uint8)
    frame = np.repeat(np.repeat(colours[None], 32, 0), 16, 1)
    path = tmp_path / "c.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "0"})
        stream.height, stream.width, stream.pix_fmt = 32, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if tag is not None:
            stream.codec_context.colorspace = tag
            stream.codec_context.color_range = 1
        container.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace=tag)))
        container.mux(stream.encode())
    difference = np.abs(Clip.open(path).read(0, 1)[0].astype(int) - frame)
    assert difference[:, 8::16].max() <= 3  # the wrong matrix is off by more than 10


def test_written_pictures_come_back(tmp_path: Path) -> None:
    clip = Clip.from_array(FRAMES[:4], "a")
    write_png_folder(tmp_path / "deep" / "out", clip.frames(), ["a", "b", "c", "d"])
    assert Clip.open(tmp_path / "deep" / "out").digest() == clip.digest()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["out"]


@pytest.mark.parametrize(("codec", "suffix"), [("ffv1", ".mkv"), ("x264rgb", ".mkv"), ("x264rgb", ".mp4")])
def test_written_videos_are_lossless(tmp_path: Path, codec: str, suffix: str) -> None:
    odd = noise(5, 21, 33)
    path = tmp_path / f"v{suffix}"
    write_video(path, iter(odd), 25, codec)  # type: ignore[arg-type]
    clip = Clip.open(path)
    np.testing.assert_array_equal(clip.read(0, 5), odd)
    assert clip.fps == 25.0 and [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_memory_does_not_grow_with_the_clip(tmp_path: Path, kind: str) -> None:
    frames = noise(8, 64, 96)

    def written(count: int) -> Path:
        endless = (frames[i % 8] for i in range(count))
        if kind == "folder":
            path = tmp_path / str(count)
            write_png_folder(path, endless, (str(i) for i in range(count)))
        else:
            path = tmp_path / f"{count}.mkv"
            write_video(path, endless, 25)
        return path

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            clip = Clip.open(written(count))
            clip.digest()
            for _ in clip.windows(10, context=2):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(20)
    assert peak(240) < peak(60) + 10 * frames[0].nbytes < 150 * frames[0].nbytes
