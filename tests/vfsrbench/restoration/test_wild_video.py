"""A face in a video as it comes: small, tilted and moving on a background, in H.264; found by dlib."""

from __future__ import annotations

import json
import math
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vfsrbench.metrics.dlib_references import lacking
from vfsrbench.cli.main import run
from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks
from vfsrbench.faces import face_tools
from vfsrbench.faces.ffhq_align import Alignment
from vfsrbench.faces.finding.choice import LANDMARKS_FILE
from vfsrbench.io.clip import Clip

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "nothing is missing")
COUNT, WIDTH, HEIGHT, SCALE, TILT = 3, 720, 540, 0.45, math.radians(20)
Wild = tuple[Path, NDArray[np.float64]]


def _place(frame: int) -> NDArray[np.float64]:
    cos, sin = math.cos(TILT) * SCALE, math.sin(TILT) * SCALE
    return np.array([[cos, -sin, 300 + 6 * frame], [sin, cos, 60 + 3 * frame]])


@pytest.fixture(scope="module", params=["demo-talking", "hopper-talking"])
def wild(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Wild:
    """The video, and where the clip's landmarks are in it: (T, 5, 2)."""
    faces = demo_clip(request.param, COUNT).read(0, COUNT)
    noise = np.random.RandomState(0).randint(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    background = cv2.GaussianBlur(noise, (0, 0), 9)
    frames = []
    for i, face in enumerate(faces):
        small = cv2.warpAffine(face, _place(i), (WIDTH, HEIGHT), flags=cv2.INTER_AREA)
        inside = cv2.warpAffine(np.ones(face.shape[:2], np.float32), _place(i), (WIDTH, HEIGHT))[..., None]
        frames.append((small + background * (1 - inside)).clip(0, 255).astype(np.uint8))
    path = tmp_path_factory.mktemp("wild") / "talk.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        out.mux(stream.encode(None))
    known = enumerate(demo_landmarks(request.param, COUNT))
    return path, np.array([p @ _place(i)[:, :2].T + _place(i)[:, 2] for i, p in known])


def test_align_finds_the_face_in_every_frame(
    wild: Wild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, known = wild
    arguments = ["align", str(path), str(tmp_path / "out"), "--finder", "dlib", "--no-smooth"]
    assert run(arguments) == 0
    assert "faces found by dlib" in capsys.readouterr().out
    found = Alignment.load(tmp_path / "out" / "talk.alignment.json")
    assert found.finder == "dlib" and found.found.all()
    away = np.linalg.norm(found.landmarks - known, axis=-1)
    assert away.max() < 3, away


def test_restore_pastes_back_and_leaves_the_rest_alone(
    wild: Wild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With pip's parts alone: no ParseNet, so the face is pasted as a square, and a line says so."""
    monkeypatch.setattr(face_tools, "PARSER", "parsenet-that-is-not-here")
    path, known = wild
    arguments = ["restore", str(path), str(tmp_path / "out"), "--method", "nearest", "--faces", "find"]
    assert run([*arguments, "--finder", "dlib", "--no-smooth", "--as", "png"]) == 0
    said = capsys.readouterr()
    assert "squares with soft borders (--mask square): " in said.err and "parsenet" in said.err
    folder = tmp_path / "out" / "talk"
    note = json.loads((folder / "restoration.json").read_text())
    assert note["finder"] == "dlib" and LANDMARKS_FILE in note["finder_weights"] and note["mask"] == "square"
    final = Clip.open(folder / "final_results").read(0, COUNT).astype(int)
    changed = (final != Clip.open(path).read(0, COUNT)).any(axis=-1)
    alignment = Alignment.load(folder / "alignment.json")
    assert np.linalg.norm(alignment.landmarks - known, axis=-1).max() < 3
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for differs, matrix in zip(changed, alignment.matrices, strict=True):
        place = np.stack([columns, rows], -1) @ matrix[:, :2].T + matrix[:, 2]
        # the soft border is made with even kernels: it may reach a pixel of the frame over the square's edge
        rim = 3 * np.sqrt(np.linalg.det(matrix[:, :2]))
        outside = ((place < -rim) | (place > 511 + rim)).any(axis=-1)
        assert outside.sum() > HEIGHT * WIDTH / 2 and not differs[outside].any()
        assert differs[~outside].any(), "the face is pasted"
