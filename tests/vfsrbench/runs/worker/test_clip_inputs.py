"""What a task reads, made once for all workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.vfsrbench.boards import data_set, method_folder, small_board
from vfsrbench.faces.align_clips import FindLandmarks
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.plan import make_plan
from vfsrbench.runs.worker.clip_inputs import ClipInputs
from vfsrbench.splits import degraded


def test_a_split_that_two_workers_need_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counter(step: str, total: int) -> Callable[[int], None]:
        return lambda done: None

    def finder() -> FindLandmarks:
        raise AssertionError("clips that are not aligned need no finder")

    degrade = degraded.degrade_clip

    def slow(*given, **named):
        made.append(1)
        time.sleep(0.3)
        return degrade(*given, **named)

    monkeypatch.setattr(degraded, "degrade_clip", slow)
    data = data_set(tmp_path / "data", ["one"], frames=3)
    workspace = Workspace.open(tmp_path / "w")
    plan = make_plan(small_board(data, [method_folder(tmp_path, "m")]), workspace)

    def worker() -> str:
        inputs = ClipInputs(plan.setup, workspace, plan.clips[0], finder, counter)
        return inputs.degraded("bi-x4", counter).digest()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: worker(), range(2))
    assert first == second and made == [1]
