"""A face in a video as it comes: small, tilted and moving on a background, in H.264; found by dlib."""

from __future__ import annotations

import json
import math
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.vfsrbench.metrics.dlib_references import lacking
from vfsrbench.cli.main import run
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.faces.face_tools import DLIB_LANDMARKS, load_finder
from vfsrbench.faces.ffhq_align import Alignment
from vfsrbench.io.clip import Clip

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "nothing is missing")
COUNT, WIDTH, HEIGHT, SCALE, TILT = 4, 720, 540, 0.45, math.radians(20)


def _place(frame: int) -> NDArray[np.float64]:
    cos, sin = math.cos(TILT) * SCALE, math.sin(TILT) * SCALE
    return np.array([[cos, -sin, 300 + 6 * frame], [sin, cos, 60 + 3 * frame]])


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[np.float64]]:
    """The video, and where dlib's points of the upright face go in it: (T, 5, 2)."""
    faces = demo_clip("demo-talking", COUNT).read(0, COUNT)
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
    upright = load_finder(torch.device("cpu"), "dlib")(faces)
    return path, np.array([p @ _place(i)[:, :2].T + _place(i)[:, 2] for i, p in enumerate(upright)])


def test_align_finds_the_face_in_every_frame(
    wild: tuple[Path, NDArray[np.float64]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, known = wild
    arguments = ["align", str(path), str(tmp_path / "out"), "--finder", "dlib", "--no-smooth"]
    assert run(arguments) == 0
    assert "faces found by dlib" in capsys.readouterr().out
    found = Alignment.load(tmp_path / "out" / "talk.alignment.json")
    assert found.finder == "dlib" and found.found.all()
    assert np.linalg.norm(found.landmarks - known, axis=-1).max() < 3


def test_restore_pastes_back_and_leaves_the_rest_alone(
    wild: tuple[Path, NDArray[np.float64]], tmp_path: Path
) -> None:
    path, known = wild
    arguments = ["restore", str(path), str(tmp_path / "out"), "--method", "nearest", "--faces", "find"]
    assert run([*arguments, "--finder", "dlib", "--mask", "square", "--as", "png"]) == 0
    note = json.loads((tmp_path / "out" / "talk" / "restoration.json").read_text())
    assert note["finder"] == "dlib" and DLIB_LANDMARKS in note["finder_weights"]
    final = Clip.open(tmp_path / "out" / "talk" / "final_results").read(0, COUNT).astype(int)
    source = Clip.open(path).read(0, COUNT)
    away = np.hypot(*np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)) - known.mean((0, 1))[:, None, None])
    assert (final == source)[:, away > 330].all()
    assert not (final == source).all()
