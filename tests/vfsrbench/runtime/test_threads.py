"""No number of threads, of workers or of frames at a time shows in a score, not even in its last bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.vfsrbench.boards import board_file, data_set, method_folder, scores, small_board
from vfsrbench.runs.run import run_board
from vfsrbench.runtime.threads import torch_threads

COUNTS = ("1", "4")
PROBE = """
import json, os, sys
count = int(sys.argv[1])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(count)
import cv2, numpy as np, torch
cv2.setNumThreads(count)
torch.set_num_threads(count)
from tests.vfsrbench.boards import moving
from vfsrbench.io.clip import Clip
from vfsrbench.faces.arcface_align import align_faces, arcface_matrices
from vfsrbench.faces.similarity import transform_points
from vfsrbench.metric import TruthInfo
from vfsrbench.metrics.functional.identity import cosine, global_similarity, neighbour_distances
from vfsrbench.metrics.functional.frechet import frechet_of_features, kid, kid_interval, squared_mean_distance
from vfsrbench.plugins import metrics
from vfsrbench.scoring.scorer import Scorer

def flow(a, b):
    return np.full((2, 200, 200), [[[float(a - b)]], [[0.25]]], np.float32), np.ones((200, 200), bool)

found = {}
rng = np.random.default_rng(0)
frames = moving(12, 200)
points = rng.uniform(60, 140, (12, 5, 2))
truth = Clip.from_array(frames, "c")
noisy = np.clip(frames + rng.normal(0, 12, frames.shape), 0, 255).astype(np.uint8)
known = metrics()
free = [e.card.id for e in known if not e.card.weights and e.card.derived is None]
info = TruthInfo("c", truth.digest(), 12, 25.0, points, flow)
scorer = Scorer(free, known, torch.device("cpu"))
scorer.window = {1: 5, 4: 1}[count]
((scored,), _) = scorer.score(truth, info, [Clip.from_array(noisy, "c")])
assert not scored.unavailable, scored.unavailable
for name, values in scored.values.items():
    found[name] = values.tobytes().hex()
for name, value in scored.clip_values.items():
    found[name + " of clip"] = value.hex()
ours, theirs = rng.standard_normal((400, 300)), rng.standard_normal((400, 300)) + 0.1
found["fid"] = frechet_of_features(ours, theirs).hex()
found["kid"] = kid(ours, theirs).hex()
clips = np.split(ours, 200), np.split(theirs, 200)
found["kid interval"] = [x.hex() for x in kid_interval(*clips, rounds=20)]
found["mean distance"] = squared_mean_distance(ours, theirs).hex()
found["identity"] = [global_similarity(ours).hex(), cosine(ours, theirs).tobytes().hex()]
found["drift"] = neighbour_distances(ours).tobytes().hex()
matrices = arcface_matrices(points)
crops = align_faces(torch.from_numpy(frames).permute(0, 3, 1, 2).float(), matrices)
found["crops"] = crops.numpy().tobytes().hex()[:200000]
found["points"] = transform_points(matrices, points).tobytes().hex()
print(json.dumps(found))
"""


def test_scores_without_a_network_are_the_same_with_any_number_of_threads_and_frames() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROBE, count], stdout=subprocess.PIPE, text=True, env=environment
        )
        for count in COUNTS
    ]
    one, four = (json.loads(process.communicate(timeout=300)[0]) for process in started)
    assert {"psnr", "ssim", "ssim_vt", "niqe", "ewarp_dis", "ewarp_gt", "tof_dis", "fid"} <= set(one)
    assert [name for name in one if one[name] != four[name]] == []


# a product whose last bits depend on the threads that share the work, magnified
THREADED = (
    "g = torch.Generator().manual_seed(0); "
    "big = torch.rand((64, 3000), generator=g) @ torch.rand((3000, 512), generator=g); "
    "out = (out + (1e6 * big.double().sum()).item() % 1) % 1"
)


def test_a_network_gives_the_same_with_any_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads as a machine with several cores has them: four here, as many as there are in the workers."""
    data = data_set(tmp_path / "data", ["one", "two"])
    board = board_file(
        tmp_path / "board.toml", small_board(data, [method_folder(tmp_path, "m", THREADED)], splits=["bi-x4"])
    )
    for name in [name for name in os.environ if name.endswith("_NUM_THREADS")]:
        monkeypatch.delenv(name)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        for name, engine, workers in (("1", "local", 1), ("2", "local", 2), ("s", "serial", None)):
            assert run_board(board, tmp_path / name, engine=engine, workers=workers).exit_code == 0
    finally:
        torch.set_num_threads(before)
    one = scores(tmp_path / "1")
    assert len(one) == 2 and scores(tmp_path / "2") == one and scores(tmp_path / "s") == one


def test_the_threads_of_whoever_calls_are_put_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), torch_threads(1):
        assert torch.get_num_threads() == 1
        raise KeyError
    with torch_threads(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before
