"""Where the face is on the ground truth: the clip's landmarks, else what metrics found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vfsrbench as vb
from vfsrbench.datasets.demo.clips import demo_landmarks
from vfsrbench.io.safety.array_cache import ArrayCache
from vfsrbench.metric import TruthInfo
from vfsrbench.results.slice_store import StripStore
from vfsrbench.runs.worker.face_points import face_points


def test_landmarks_of_the_clip_come_first_then_five_found_points_then_68(tmp_path: Path) -> None:
    bare, cache = TruthInfo("c", "d", 4, 25.0), ArrayCache(tmp_path)
    assert face_points(bare, cache) is None
    rng = np.random.default_rng(0)
    dense, first, last = rng.random((4, 68, 2)), rng.random((2, 5, 2)), rng.random((2, 5, 2))
    cache.put("embeddings-x-0-4", {"values": rng.random((4, 128))})
    cache.put("points-a-0-4", {"values": dense})
    found = face_points(bare, cache)
    assert found is not None and np.array_equal(found, dense)
    cache.put("points-b-0-2", {"values": first})
    cache.put("points-b-2-4", {"values": last})
    found = face_points(bare, cache)
    assert found is not None and np.array_equal(found, np.concatenate([first, last]))
    own = TruthInfo("c", "d", 4, 25.0, landmarks=np.ones((4, 5, 2)))
    assert face_points(own, cache) is own.landmarks
    next(tmp_path.glob("points-b-0-2*")).write_bytes(b"damaged")
    found = face_points(bare, cache)
    assert found is not None and np.array_equal(found, last)


@pytest.mark.slow
def test_a_run_cuts_its_slices_through_the_face_that_came_with_the_clip(tmp_path: Path) -> None:
    board = vb.boards()["demo"].replace(
        dataset={"layout": "demo", "clips": ["demo-calm"], "frames": 2},
        splits=["vfhq-mild"],
        methods=["nearest"],
        metrics=["psnr"],
        versus=None,
        sort_by=None,
    )
    (record,) = vb.run_board(board, tmp_path, engine="serial").records.values()
    strip = StripStore(tmp_path / "slices").truth(record)
    assert strip is not None and strip.where.startswith("through the ")
    eyes_and_mouth = demo_landmarks("demo-calm", 2)[0][:, 0]
    hair = eyes_and_mouth[:2].mean()
    assert np.abs(np.append(eyes_and_mouth, hair) - strip.column).min() < 4
