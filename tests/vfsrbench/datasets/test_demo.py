"""The demo clips: the same bytes everywhere, and motion that is known exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy._core import _multiarray_umath

from degradations.digest import frame_digest
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.datasets.demo import clips, portrait
from vfsrbench.datasets.demo.clips import (
    DEMO_CLIPS,
    DemoFlow,
    demo_clip,
    demo_landmarks,
    exact_flow,
    render_frame,
)
from vfsrbench.datasets.demo.motion import from_portrait, pose, to_portrait
from vfsrbench.datasets.demo.presets import MOTIONS
from vfsrbench.datasets.demo.resample import Planes, positions, sample
from vfsrbench.errors import InputError

# of frames 0, 4, ... 20; when a change of the renderer is wanted, count up demo.VERSION too
DIGESTS = {
    "demo-calm": "b46d7a7e23561b3477a475201d58d4d553dba0fe340a74cd89b46cd4d25a35bc",
    "demo-talking": "3febed9e0c5318eecf1a48f396fe1847b7b8e31523c22bd24776ee7dc66a9569",
    "demo-fast": "4b579110417a538360fac34d766d94de67640933fd8723df651c95f3c353a39c",
    "hopper-talking": "087d24874a57b2192bafcc299db82c4dc138395e545a832c9110dc4b3f8c60e9",
    "hopper-fast": "aa73fa92ddf87870a63bbe6e652912ebadd2b7394a1127fa17729b50922317d5",
}


@pytest.fixture(scope="module")
def planes() -> Planes:
    return portrait.portrait()


def frame(planes: Planes, name: str, number: int) -> np.ndarray:
    return render_frame(planes, pose(DEMO_CLIPS[name].motion, number))


def digests(numbers: range) -> dict[str, str]:
    drawn = {name: portrait.portrait(name) for name in portrait.PEOPLE}
    return {
        name: frame_digest(np.stack([frame(drawn[clip.person], name, i) for i in numbers]))
        for name, clip in DEMO_CLIPS.items()
    }


def test_rendered_bytes_are_the_known_ones() -> None:
    assert digests(range(0, 24, 4)) == DIGESTS


def test_vector_instructions_do_not_matter() -> None:
    features = _multiarray_umath.__cpu_features__
    disabled = " ".join(f for f in _multiarray_umath.__cpu_dispatch__ if features[f])
    code = (
        "from tests.vfsrbench.datasets.test_demo import digests\n"
        "from numpy._core import _multiarray_umath as m\n"
        "assert not any(m.__cpu_features__[f] for f in m.__cpu_dispatch__)\n"
        "print(digests(range(0, 24, 9)))"
    )
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": disabled}
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == str(digests(range(0, 24, 9)))


def test_cache_is_used_and_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planes: Planes) -> None:
    clip = demo_clip("demo-talking", 3, tmp_path)
    assert (clip.name, clip.fps, len(clip), clip.height, clip.width) == ("demo-talking", 25.0, 3, 512, 512)
    assert clip.frame_names == ("00000000", "00000001", "00000002")
    for number in range(3):
        np.testing.assert_array_equal(clip.read(number, number + 1)[0], frame(planes, "demo-talking", number))
    drawn = []
    monkeypatch.setattr(clips, "portrait", lambda name: planes)
    monkeypatch.setattr(clips, "render_frame", lambda p, q: drawn.append(1) or render_frame(p, q))
    assert demo_clip("demo-talking", 3, tmp_path).digest() == clip.digest() and not drawn
    longer = demo_clip("demo-talking", 5, tmp_path)
    assert len(drawn) == 2 and longer.head(3).digest() == clip.digest()
    left = {p.name for p in longer.path.iterdir()} if longer.path else set()
    assert {name for name in left if name[0] != "."} == {f"0000000{i}.png" for i in range(5)}


def test_two_processes_at_once(tmp_path: Path) -> None:
    code = "from vfsrbench.datasets.demo.clips import demo_clip; print(demo_clip('demo-fast', 4).digest())"
    environment = {**os.environ, "VFSRBENCH_CACHE": str(tmp_path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert {run.communicate(timeout=100)[0].strip() for run in runs} == {
        demo_clip("demo-fast", 4, tmp_path).digest()
    }


@pytest.mark.parametrize(
    ("name", "a", "b"), [("demo-calm", 0, 9), ("demo-talking", 7, 8), ("demo-fast", 9, 8)]
)
def test_flow_carries_one_frame_onto_another(planes: Planes, name: str, a: int, b: int) -> None:
    first, second = frame(planes, name, a), frame(planes, name, b)
    flow, valid = exact_flow(DEMO_CLIPS[name].motion, a, b)
    y, x = np.mgrid[0:512, 0:512].astype(np.float64)
    fixed = second.transpose(2, 0, 1).astype(np.int32) << 4
    back = sample(fixed, positions(x + flow[0]), positions(y + flow[1])).transpose(1, 2, 0) / 64

    def light(number: int) -> np.ndarray:
        p = pose(DEMO_CLIPS[name].motion, number)
        where = x + flow[0] if number == b else x
        return (1 + p.light + p.side * (where - 255.5) / 512)[..., None]

    def psnr(picture: np.ndarray) -> float:
        inner = valid.copy()
        inner[:4], inner[-4:], inner[:, :4], inner[:, -4:] = False, False, False, False
        unclipped = (first > 0).all(2) & (first < 250).all(2) & (second < 250).all(2) & inner
        return float(10 * np.log10(255**2 / np.mean((picture - first)[unclipped] ** 2)))

    assert 0.9 < valid.mean() < 1
    carried = psnr(back * light(a) / light(b))
    assert carried > 36
    assert carried > psnr(second * light(a) / light(b)) + (3 if name == "demo-calm" else 6)


def test_flow_there_and_back_is_nothing() -> None:
    motion = DEMO_CLIPS["demo-fast"].motion
    y, x = np.mgrid[0:512:7, 0:512:7].astype(np.float64)
    there = from_portrait(pose(motion, 9), *to_portrait(pose(motion, 2), x, y), guess=(x, y))
    back = from_portrait(pose(motion, 2), *to_portrait(pose(motion, 9), *there), guess=there)
    assert max(np.abs(back[0] - x).max(), np.abs(back[1] - y).max()) < 1e-8
    flow, _ = exact_flow(motion, 2, 9)
    np.testing.assert_allclose(flow[0, ::7, ::7], there[0] - x, atol=1e-5)
    np.testing.assert_allclose(flow[1, ::7, ::7], there[1] - y, atol=1e-5)
    still, valid = exact_flow(motion, 5, 5)
    assert np.abs(still).max() < 1e-6 and valid.mean() > 0.99


def test_the_portrait_never_folds_and_never_ends() -> None:
    y, x = np.mgrid[0:512:3, 0:512:3].astype(np.float64)
    for motion in MOTIONS.values():
        for number in range(0, 250, 5):
            u, v = to_portrait(pose(motion, number), x, y)
            ux, uy = np.diff(u, axis=1)[:-1], np.diff(u, axis=0)[:, :-1]
            vx, vy = np.diff(v, axis=1)[:-1], np.diff(v, axis=0)[:, :-1]
            assert (ux * vy - uy * vx).min() / 9 > 0.1
            assert min(u.min(), v.min()) > 2 - portrait.MARGIN
            assert max(u.max(), v.max()) < 510 + portrait.MARGIN


def test_landmarks_move_with_the_flow() -> None:
    name = "demo-fast"
    points = demo_landmarks(name, 24)
    assert points.shape == (24, 5, 2)
    flow, _ = exact_flow(DEMO_CLIPS[name].motion, 3, 17)
    x, y = points[3].astype(np.float32).T
    moved = [cv2.remap(part, x[None], y[None], cv2.INTER_LINEAR)[0] for part in flow]
    np.testing.assert_allclose(points[3] + np.stack(moved, 1), points[17], atol=0.1)
    assert np.abs(points - np.array(portrait.PEOPLE["astronaut"].landmarks)).max() < 60


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_landmarks_are_the_points_read_off_the_photograph(name: str) -> None:
    read = {
        "astronaut": [
            (203.75, 100.75),
            (246.25, 103.25),
            (224.25, 126.75),
            (201.75, 138.5),
            (244.75, 140.25),
        ],
        "hopper": [(223.2, 191.3), (305.4, 188.0), (267.2, 239.0), (232.0, 281.2), (301.5, 277.6)],
    }[name]
    person = portrait.PEOPLE[name]
    (c, s), (tx, ty) = person.turn, person.shift
    x, y = np.array(person.landmarks).T
    np.testing.assert_allclose(np.stack([c * x - s * y + tx, s * x + c * y + ty], 1), read, atol=0.01)


def test_clips_differ_in_motion_and_hold_detail() -> None:
    sizes = {}
    for name, motion in MOTIONS.items():
        steps = [np.hypot(*exact_flow(motion, t, t + 1)[0]).mean() for t in range(0, 23, 4)]
        sizes[name] = np.mean(steps)
    assert 0.05 < 2 * sizes["calm"] < sizes["talking"] < sizes["fast"] / 2 < 5


def test_detail_is_lost_by_degrading(planes: Planes) -> None:
    picture = frame(planes, "demo-calm", 0)
    small = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (512, 512), interpolation=cv2.INTER_CUBIC)
    assert 26 < cv2.PSNR(picture, large) < 34


def test_the_demo_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFSRBENCH_CACHE", str(tmp_path))
    dataset = open_dataset("demo", None, frames=2)
    assert dataset.names == tuple(DEMO_CLIPS) and dataset.name == "demo"
    (clip,) = open_dataset("demo", None, ["demo-fast"], frames=2).clips()
    assert clip.demo and clip.gt is not None and len(clip.gt) == 2 and clip.lq == {}
    assert clip.landmarks is not None and clip.landmarks.shape == (2, 5, 2)
    assert clip.exact_flow is not None
    np.testing.assert_array_equal(clip.exact_flow(0, 1)[0], DemoFlow("demo-fast")(0, 1)[0])


def test_what_can_go_wrong_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unknown demo clip 'demo-calmm': did you mean 'demo-calm'"):
        demo_clip("demo-calmm", 1, tmp_path)
    with pytest.raises(InputError, match="at least 1 frame"):
        demo_clip("demo-calm", 0, tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"cannot be written .*VFSRBENCH_CACHE"):
        demo_clip("demo-calm", 1, tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pixels": "0"}, "is not the known photograph; install a released matplotlib again"),
        (
            {"path": "gone.jpg"},
            "is not in this release of matplotlib; install another",
        ),
        ({"package": "no_such_package"}, "need matplotlib: pip install matplotlib"),
    ],
)
def test_a_photograph_that_is_gone_costs_its_own_clips_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str
) -> None:
    monkeypatch.setitem(portrait.PEOPLE, "hopper", replace(portrait.PEOPLE["hopper"], **change))
    with pytest.raises(InputError, match=said):
        demo_clip("hopper-fast", 1, tmp_path)
    assert len(demo_clip("demo-calm", 1, tmp_path)) == 1


def test_a_damaged_frame_in_the_cache_is_rendered_again(tmp_path: Path) -> None:
    whole = demo_clip("demo-calm", 2, tmp_path).digest()
    (file,) = tmp_path.glob("demo-v*/demo-calm/00000001.png")
    before = file.read_bytes()
    for place in (10, len(before) // 2, len(before) - 3):
        broken = bytearray(before)
        broken[place] ^= 4
        file.write_bytes(broken)
        assert demo_clip("demo-calm", 2, tmp_path).digest() == whole
        assert file.read_bytes() == before
