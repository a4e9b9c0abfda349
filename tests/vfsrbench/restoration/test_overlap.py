"""The next window is read and the last one written while the method works; the frames are the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vfsrbench.boards import moving, write_clip
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.pipeline.both import overlapped
from vfsrbench.restoration.pipeline.pictures import PngSink
from vfsrbench.restoration.pipeline.reading import ReadAhead
from vfsrbench.restoration.pipeline.writing import WAITING, WriteBehind
from vfsrbench.restoration.restore import InMemory, restore_clip
from vfsrbench.windows import method_windows

CPU = torch.device("cpu")
STEP = 0.08


class Trace:
    """When what was done, by whom."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, int, float, float, str]] = []

    def does(self, what: str, call: Callable, seconds: float = STEP) -> Callable:
        """The call, noted, and no quicker than that."""

        def noted(*arguments):
            began = time.perf_counter()
            result = call(*arguments)
            time.sleep(max(0.0, seconds - (time.perf_counter() - began)))
            number = sum(name == what for name, *_ in self.spans)
            ended = time.perf_counter()
            self.spans.append((what, number, began, ended, threading.current_thread().name))
            return result

        return noted

    def together(self, one: tuple[str, int], other: tuple[str, int]) -> float:
        """Seconds in which both went on."""
        found = {(what, number): (began, ended) for what, number, began, ended, _ in self.spans}
        (a, b), (c, d) = found[one], found[other]
        return min(b, d) - max(a, c)


class Doubling(Predictor):
    """Twice the size, by repetition; windows of four frames."""

    def restore(self, frames, generator):
        return frames.repeat_interleave(2, -1).repeat_interleave(2, -2)


def doubling(window: int | None = 4, overlap: int = 0) -> Doubling:
    card = choose_method("bicubic").card
    predictor = Doubling(card.model_copy(update={"window": window, "overlap": overlap, "kind": "video"}), {})
    predictor.load(None, CPU)
    return predictor


def info_of(clip: Clip) -> ClipInfo:
    return ClipInfo(clip.name, len(clip), clip.fps, clip.height, clip.width, clip.height * 2, clip.width * 2)


def test_reading_the_network_and_png_writing_go_on_at_once(tmp_path: Path) -> None:
    clip = Clip.open(write_clip(tmp_path / "clip", moving(24)))
    trace, predictor = Trace(), doubling()
    (tmp_path / "out").mkdir()
    sink = PngSink(tmp_path / "out", clip.frame_names)
    read = clip.read
    clip.read = trace.does("read", read)
    sink.write = trace.does("write", sink.write)
    predictor.restore = trace.does("network", predictor.restore)
    began = time.perf_counter()
    with overlapped(clip, sink, predictor.card, info_of(clip), CPU) as (reading, writing):
        restore_clip(predictor, reading, info_of(clip), writing, seed=0, device=CPU)
    seconds = time.perf_counter() - began
    for number in range(1, 5):
        assert trace.together(("network", number), ("read", number + 1)) > STEP / 2
        assert trace.together(("network", number), ("write", number - 1)) > STEP / 2
    assert len({thread for *_, thread in trace.spans}) == 3
    assert seconds < 0.75 * 3 * 6 * STEP, "18 steps one after the other"
    written = Clip.open(tmp_path / "out")
    whole = np.concatenate([read(0, 24)]).repeat(2, 1).repeat(2, 2)
    assert np.array_equal(written.read(0, 24), whole)


@pytest.mark.parametrize(("window", "overlap"), [(1, 0), (4, 2), (5, 1), (None, 0)])
def test_frames_are_those_of_one_thing_after_the_other(window: int | None, overlap: int) -> None:
    clip = Clip.from_array(moving(11))
    plain, beside = InMemory(), InMemory()
    predictor = doubling(window, overlap)
    restore_clip(predictor, clip, info_of(clip), plain, seed=3, device=CPU)
    with overlapped(clip, beside, predictor.card, info_of(clip), CPU) as (reading, writing):
        restore_clip(predictor, reading, info_of(clip), writing, seed=3, device=CPU)
    assert np.array_equal(plain.frames(), beside.frames())


def test_one_window_is_read_ahead_and_no_more_wait_to_be_written(monkeypatch) -> None:
    clip = Clip.from_array(moving(40))
    places: list[tuple[int, int]] = []
    read = clip.read
    clip.read = lambda start, stop: (places.append((start, stop)), read(start, stop))[1]
    spans = method_windows(40, 4)
    with ReadAhead(clip, spans, 32 * 32 * 3) as reading:
        reading.read(0, 4)
        time.sleep(0.1)
        assert places == [(0, 4), (4, 8)]
        assert np.array_equal(reading.read(20, 23), read(20, 23)), (
            "what was not foreseen is read all the same"
        )
        assert np.array_equal(reading.read(4, 8), read(4, 8))
    monkeypatch.setattr("vfsrbench.restoration.pipeline.reading.MOST_AHEAD", 100)
    places.clear()
    with ReadAhead(clip, spans, 32 * 32 * 3) as reading:
        reading.read(0, 4)
        time.sleep(0.05)
        assert places == [(0, 4)], "a window too large to be held twice"

    gate, taken = threading.Event(), []

    class Slow(InMemory):
        def write(self, frames):
            gate.wait(10)
            super().write(frames)

    sink = Slow()
    with WriteBehind(sink) as writing:
        threading.Timer(0.2, gate.set).start()
        for number in range(WAITING + 3):
            writing.write(np.full((1, 2, 2, 3), number, np.uint8))
            taken.append(gate.is_set())
    assert taken == [False] * (WAITING + 1) + [True] * 2, "the method waits where the disk is slower"
    assert [int(frame[0, 0, 0]) for frame in sink.frames()] == list(range(WAITING + 3))


def test_what_either_end_raises_comes_out_and_restarting_forgets(tmp_path: Path) -> None:
    class Broken(InMemory):
        def write(self, frames):
            raise InputError("the disk is full")

    with pytest.raises(InputError, match="the disk is full"), WriteBehind(Broken()) as writing:
        writing.write(np.zeros((1, 2, 2, 3), np.uint8))
    sink = PngSink(tmp_path, ["a", "b"])
    frames = moving(2)
    with WriteBehind(sink) as writing:
        writing.write(frames[:1])
        writing.restart()
        writing.write(frames)
    assert np.array_equal(Clip.open(tmp_path).read(0, 2), frames)
    with pytest.raises(InputError, match="two frames are called 'a'"):
        PngSink(tmp_path, ["a"]).write(frames[:1])
    clip = Clip.from_array(frames)
    clip.read = lambda start, stop: (_ for _ in ()).throw(InputError("frame 1 cannot be read"))
    with pytest.raises(InputError, match="frame 1"), ReadAhead(clip, method_windows(2, 1), 3) as reading:
        reading.read(0, 1)
