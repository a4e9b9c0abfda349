"""The harness around a method: windows, rounding, seeds, memory, and methods that break their contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vfsrbench.card import MethodCard
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.io.raw import RawWriter
from vfsrbench.predictor import ClipInfo, ImagePredictor, Predictor
from vfsrbench.restoration.restore import Restoration, restore_clip, window_seed

CPU = torch.device("cpu")


def card(**facts: object) -> MethodCard:
    base = {"name": "m", "title": "M", "kind": "video", "class": "m:M", "description": "a test's method"}
    return MethodCard.model_validate({**base, **facts})


class Scripted(Predictor):
    """Runs a function on each window, and remembers what it was called with."""

    def __init__(self, act: Callable[..., object], **facts: object) -> None:
        super().__init__(card(**facts), {})
        self.act = act
        self.windows: list[list[int]] = []
        self.started = 0

    def start_clip(self, info: ClipInfo) -> None:
        super().start_clip(info)
        self.started += 1
        self.windows.append([])

    def restore(self, frames, generator):
        self.windows[-1].append(len(frames))
        return self.act(self, frames, generator)


def ramp(total: int = 9, side: int = 8) -> Clip:
    """Frame t is everywhere 10 + t."""
    frames = np.broadcast_to(
        np.arange(10, 10 + total, dtype=np.uint8)[:, None, None, None], (total, side, side, 3)
    )
    return Clip.from_array(np.ascontiguousarray(frames), "ramp")


def go(predictor: Predictor, clip: Clip, path: Path, seed: int = 0, scale: int = 1, **more):
    info = ClipInfo(
        clip.name,
        len(clip),
        clip.fps,
        clip.height,
        clip.width,
        scale * clip.height,
        scale * clip.width,
    )
    with RawWriter(path / "out.raw", info.out_height, info.out_width) as sink:
        report = restore_clip(predictor, clip, info, sink, seed=seed, device=CPU, **more)
        raw = sink.done()
    return raw.read(0, raw.length), report


def same(self, frames, generator):
    return frames


def test_an_identity_gives_the_frames_back_exactly(tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), dtype=np.uint8)
    out, report = go(
        Scripted(same, window=3, overlap=1, tail="shift"), Clip.from_array(frames, "x"), tmp_path
    )
    assert np.array_equal(out, frames)
    assert report.window == 3 and report.seconds > 0 and 0 <= report.peak_memory < 2**26


def test_frames_are_taken_from_the_window_where_they_are_deepest(tmp_path: Path):
    """Each window paints its call number; windows are frames 0-3 and 2-5, so 0-2 stay with the first."""
    predictor = Scripted(lambda s, f, g: torch.full_like(f, len(s.windows[-1]) / 255), window=4, overlap=2)
    out, _ = go(predictor, ramp(6), tmp_path)
    assert out[:, 0, 0, 0].tolist() == [1, 1, 1, 2, 2, 2]


def test_values_are_clamped_and_rounded_half_to_even(tmp_path: Path):
    wanted = [-0.3, 0.5 / 255, 1.5 / 255, 2.5 / 255, 254.6 / 255, 7.0]

    def act(self, frames, generator):
        return torch.tensor(wanted).view(-1, 1, 1, 1).expand_as(frames)

    out, _ = go(Scripted(act), ramp(len(wanted)), tmp_path)
    # 0.5/255 in float32 times 255 is exactly 0.5 here, so the even neighbour is taken
    products = [np.float32(v) * np.float32(255) for v in wanted[1:4]]
    assert products == [0.5, 1.5, 2.5]
    assert out[:, 0, 0, 0].tolist() == [0, 0, 2, 2, 255, 255]


def test_each_window_has_its_own_seed_that_does_not_depend_on_what_ran_before(tmp_path: Path):
    def noise(self, frames, generator):
        return torch.rand(frames.shape, generator=generator)

    first, _ = go(Scripted(noise, window=2), ramp(6), tmp_path)
    predictor = Scripted(noise, window=2)
    go(predictor, ramp(4), tmp_path)
    again, _ = go(predictor, ramp(6), tmp_path)
    other, _ = go(Scripted(noise, window=2), ramp(6), tmp_path, seed=1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[:2], first[2:4])
    assert window_seed(0, "a", 4) != window_seed(0, "b", 4)


def test_a_method_that_draws_from_the_global_generator_is_reproducible_all_the_same(tmp_path: Path):
    predictor = Scripted(lambda s, f, g: torch.rand(f.shape), window=4)
    before = torch.random.get_rng_state()
    first, _ = go(predictor, ramp(), tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.rand(5)
    again, _ = go(predictor, ramp(), tmp_path)
    assert np.array_equal(first, again)


def out_of_memory_above(limit: int, act=same):
    def run(self, frames, generator):
        if len(frames) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB")
        return act(self, frames, generator)

    return run


def test_out_of_memory_halves_the_window_and_the_clip_goes_on(tmp_path: Path):
    seen: list[int] = []

    def act(self, frames, generator):
        if frames[0, 0, 0, 0] * 255 > 13 and len(frames) > 2:  # from the second window on there is less
            raise torch.OutOfMemoryError("CUDA out of memory")
        seen.append(len(frames))
        return frames

    predictor = Scripted(act, window=4)
    out, report = go(predictor, ramp(10), tmp_path)
    assert np.array_equal(out, ramp(10).read(0, 10))
    assert seen == [4, 2, 2, 2] and predictor.started == 1
    assert (report.window, report.halved) == (2, 1)


def test_smaller_windows_keep_a_frames_context_and_give_the_same(tmp_path: Path):
    """A method that adds up each frame and two on either side; none but the clip's ends may miss one."""
    frames = np.random.default_rng(0).integers(0, 50, (40, 8, 8, 3), np.uint8)
    sizes: set[int] = set()

    def run(name: str, most: int, **facts: int):
        def act(self, frames, generator):
            sizes.add(len(frames))
            if len(frames) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            padded = torch.cat((frames[:1], frames[:1], frames, frames[-1:], frames[-1:]))
            return sum(padded[i : len(padded) - 4 + i] for i in range(5))

        (tmp_path / name).mkdir()
        return go(Scripted(act, **facts), Clip.from_array(frames, "clip"), tmp_path / name)

    whole, _ = run("whole", 40)
    for most in (20, 9, 5):
        out, report = run(str(most), most, window=20, overlap=4, context=2)
        assert np.array_equal(out, whole) and report.window <= most
    assert min(sizes) >= 5
    with pytest.raises(JobFailure, match="even with 5 frames at a time") as caught:
        run("none", 4, window=20, overlap=4, context=2)
    assert caught.value.status == "oom"


def test_where_processes_died_of_their_memory_windows_are_smaller_from_the_start(tmp_path: Path):
    def windows(halved: int, allowed: bool = True, **facts: object):
        predictor = Scripted(same, window=8, **facts)
        out, report = go(predictor, ramp(9), tmp_path, halved=halved, smaller_windows=allowed)
        assert np.array_equal(out, ramp(9).read(0, 9))
        return report.window, report.halved, report.smaller_windows, max(predictor.windows[0])

    assert windows(0) == (8, 0, False, 8)
    assert windows(1) == (4, 1, False, 4)
    assert windows(9) == (1, 3, False, 1), "one frame is the least"
    assert windows(1, window_dependent=True) == (4, 1, True, 4), "another protocol, which was allowed"
    assert windows(1, allowed=False, window_dependent=True) == (8, 0, False, 8)


def test_a_context_needs_windows_that_overlap_enough():
    with pytest.raises(ValueError, match="overlap must be at least twice the context"):
        card(window=8, overlap=3, context=2)


def test_a_stateful_method_starts_its_clip_again(tmp_path: Path):
    calls = {"n": 0}

    def act(self, frames, generator):
        calls["n"] += 1
        if calls["n"] == 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return frames

    predictor = Scripted(act, window=4, stateful=True)
    out, report = go(predictor, ramp(8), tmp_path)
    assert np.array_equal(out, ramp(8).read(0, 8))
    assert predictor.windows == [[4, 4], [2, 2, 2, 2]] and report.halved == 1


def test_memory_that_others_give_back_spares_the_window(tmp_path: Path):
    held = {"other": 1}
    predictor = Scripted(
        lambda s, f, g: (_ for _ in ()).throw(torch.OutOfMemoryError("x")) if held else f, window=4
    )

    def release() -> bool:
        return held.pop("other", None) is not None

    _, report = go(predictor, ramp(8), tmp_path, release=release)
    assert (report.window, report.halved) == (4, 0)


def test_one_frame_that_does_not_fit_ends_the_job_as_oom(tmp_path: Path):
    with pytest.raises(JobFailure, match="one frame at a time") as caught:
        go(Scripted(out_of_memory_above(0), window=4), ramp(), tmp_path)
    assert caught.value.status == "oom"
    assert not (tmp_path / "out.raw").exists()


@pytest.mark.parametrize("text", ["DefaultCPUAllocator: can't allocate memory: ...", "CUDA out of memory"])
def test_other_allocators_count_as_out_of_memory(tmp_path: Path, text: str):
    def act(self, frames, generator):
        if len(frames) > 2:
            raise RuntimeError(text)
        return frames

    assert go(Scripted(act, window=4), ramp(), tmp_path)[1].window == 2


def bad(make):
    return Scripted(lambda s, f, g: make(f), window=4)


def explode(frames):
    raise KeyError("layer3")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda f: f * float("nan"), "NaN in 4 frames"),
        (lambda f: f[:, :, :4], r"shape \(4, 3, 4, 8\), \(4, 3, 8, 8\) is expected"),
        (lambda f: f[:3], "3 frames for the 4"),
        (lambda f: (f * 255).to(torch.uint8), "uint8"),
        (lambda f: None, "NoneType"),
        (lambda f: f.to(torch.float8_e4m3fn), "returned torch.float8_e4m3fn, .* of 16, 32 or 64 bits"),
        (lambda f: f.to_sparse(), "Sparse"),
        (lambda f: f.to("meta"), "meta"),
        (explode, r"KeyError: 'layer3' .*test_restore.py, line \d+"),
    ],
)
def test_a_broken_contract_is_a_failure_with_its_reason(tmp_path: Path, make, reason: str):
    with pytest.raises(JobFailure, match=reason) as caught:
        go(bad(make), ramp(), tmp_path)
    assert caught.value.status == "failed" and "\n" not in caught.value.reason


def test_input_errors_and_exits_of_a_method_fail_its_job_alone(tmp_path: Path):
    for error in (InputError("needs frames of 512x512, got 8x8"), SystemExit(3)):

        def raise_it(frames, error=error):
            raise error

        with pytest.raises(JobFailure):
            go(bad(raise_it), ramp(), tmp_path)


def test_image_methods_get_a_batch_at_a_time_and_half_a_batch_when_memory_ends(tmp_path: Path):
    sizes: list[int] = []

    class Image(ImagePredictor):
        def restore_batch(self, frames):
            if len(frames) > 2:
                raise torch.OutOfMemoryError("x")
            sizes.append(len(frames))
            return torch.nn.functional.interpolate(frames, scale_factor=2)

    out, report = go(Image(card(kind="image", batch=4), {}), ramp(7), tmp_path, scale=2)
    assert out.shape == (7, 16, 16, 3) and sizes == [2, 2, 2, 1]
    assert isinstance(report, Restoration) and report.window == 2
