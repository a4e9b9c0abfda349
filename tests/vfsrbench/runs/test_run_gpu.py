"""On a GPU: memory really runs out, is given back, and the run goes on; each worker is pinned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.vfsrbench.boards import data_set, method_folder, scores, small_board
from vfsrbench.runs.run import run_board

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
# each frame takes a third of the GPU: three at a time fit, four do not
TAKE = "torch.empty({amount}, dtype=torch.uint8, device=out.device)"
ALL = "torch.cuda.mem_get_info()[1]"
HUNGRY = "x = " + TAKE.format(amount=f"len(frames) * ({ALL} * 3 // 10)") + "; del x"


def test_a_window_that_does_not_fit_is_halved_and_the_scores_are_those_of_the_small_window(tmp_path: Path):
    data = data_set(tmp_path / "data", ["one"], frames=9)
    hungry = method_folder(tmp_path / "a", "m", HUNGRY, more="window = 4")
    modest = method_folder(tmp_path / "b", "m", more="window = 2")
    for workspace, method in (("w", hungry), ("v", modest)):
        summary = run_board(
            small_board(data, [method], splits=["bi-x4"]), tmp_path / workspace, engine="serial"
        )
        assert summary.counts == {"ok": 1}, summary.problems
    assert scores(tmp_path / "w") == scores(tmp_path / "v")
    record = next(
        iter(run_board(small_board(data, [hungry], splits=["bi-x4"]), tmp_path / "w").records.values())
    )
    assert record.window == 2 and "memory ran out" in record.warnings[0]
    assert record.device.startswith(torch.cuda.get_device_name(0)) and record.peak_memory > 0


def test_a_method_that_holds_the_memory_makes_room_for_the_next(tmp_path: Path):
    """The first method keeps most of the GPU; the second gets its whole window once the first has gone."""
    data = data_set(tmp_path / "data", ["one"], frames=4)
    hold = "self.held = " + TAKE.format(amount=f"{ALL} * 8 // 10")
    use = "x = " + TAKE.format(amount=f"{ALL} * 5 // 10") + "; del x"
    folders = [method_folder(tmp_path, "holder", hold), method_folder(tmp_path, "user", use)]
    summary = run_board(small_board(data, folders, splits=["bi-x4"]), tmp_path / "w", engine="serial")
    assert summary.counts == {"ok": 2}, summary.problems
    windows = {job.method: record.window for job, record in summary.records.items()}
    assert windows == {"holder": 4, "user": 4}


def test_gpu_and_cpu_workers_agree_and_each_worker_sees_one_device(tmp_path: Path):
    data = data_set(tmp_path / "data", ["one", "two"])
    act = "assert torch.cuda.device_count() == 1 and out.is_cuda"
    method = method_folder(tmp_path, "m", act, mode="nearest")
    summary = run_board(small_board(data, [method]), tmp_path / "w", engine="local", workers=2)
    assert summary.counts == {"ok": 4}, summary.problems
    one = run_board(small_board(data, [method]), tmp_path / "v", engine="serial")
    assert one.counts == {"ok": 4} and scores(tmp_path / "w") == scores(tmp_path / "v")
