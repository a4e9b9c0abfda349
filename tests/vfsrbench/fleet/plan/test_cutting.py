"""Units by what they cost: balanced, each job once, restorations before the unit that scores them."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.vfsrbench.boards import data_set, method_folder, run_with, small_board
from vfsrbench.datasets.reference import GtFacts
from vfsrbench.fleet.plan.costs import TRAINED, Costs
from vfsrbench.fleet.plan.cutting import cut
from vfsrbench.fleet.plan.files import Work
from vfsrbench.results.job import Job
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.estimate import earlier_records
from vfsrbench.runs.jobs import ClipFacts, Task
from vfsrbench.runs.plan import make_plan
from vfsrbench.runs.worker.units import SHARE

METHODS = {"diffusion": 100.0, "recurrent": 4.0, "small": 1.0, "tiny": 0.2, "stored": 0.0}
"""Seconds a frame."""
SCORED = 0.2


@pytest.fixture(autouse=True)
def costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Costs, "of", classmethod(lambda cls, setup, workspace: cls(setup)))
    monkeypatch.setattr(Costs, "restoring", lambda self, method, clip: METHODS[method] * clip.frames)
    monkeypatch.setattr(Costs, "scoring", lambda self, metric, clip: SCORED * clip.frames)


def task(clip: str, frames: int, methods: Sequence[str] = tuple(METHODS), splits: int = 2) -> Task:
    jobs = []
    for split in range(splits):
        for method in methods:
            key = hashlib.sha256(f"{clip} {method} {split}".encode()).hexdigest()
            jobs.append(Job(method, f"s{split}", clip, key, key, due=("psnr",), restores=METHODS[method] > 0))
    truth = GtFacts("", 64, 64, False, "", False)
    return Task(ClipFacts(clip, frames, 64, 64, 25.0, "", truth), tuple(jobs))


def works(tasks: Sequence[Task], workers: int) -> list[Work]:
    return cut(tasks, None, None, workers)  # type: ignore[arg-type]


def time_of(units: Sequence[Work], workers: int) -> float:
    """How long workers need that take the first unit whose needs are met."""
    ends: dict[int, float] = {}
    free = [0.0] * workers
    open_units = list(range(len(units)))
    while open_units:
        now = heapq.heappop(free)
        ready = [n for n in open_units if all(ends.get(m, 1e18) <= now for m in units[n].needs)]
        if not ready:
            heapq.heappush(free, min(end for end in ends.values() if end > now))
            continue
        open_units.remove(ready[0])
        ends[ready[0]] = now + units[ready[0]].cost
        heapq.heappush(free, ends[ready[0]])
    return max(ends.values())


LENGTHS = {f"c{n}": 20 + 29 * n for n in range(8)}


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_every_job_ends_in_one_unit_after_its_restoration(workers: int) -> None:
    tasks = [task(name, frames) for name, frames in LENGTHS.items()]
    units = works(tasks, workers)
    ended = [job.place for unit in units if unit.what in ("all", "score") for job in unit.task.jobs]
    assert sorted(ended) == sorted(job.place for task in tasks for job in task.jobs)
    for place, unit in enumerate(units):
        assert all(need < place for need in unit.needs), "needs stand before"
        assert (unit.what == "all") <= (not unit.needs or unit.task.share.count > 1)
        if unit.what != "score":
            continue
        before = [units[need] for need in unit.needs]
        restored = {job.restore_key for work in before if work.what == "restore" for job in work.task.jobs}
        assert restored == {job.restore_key for job in unit.task.jobs if job.restores}
        assert {work.task.clip.name for work in before} <= {unit.task.clip.name}
    keys = [job.restore_key for unit in units if unit.what == "restore" for job in unit.task.jobs]
    assert len(keys) == len(set(keys)), "nothing is restored twice"


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_no_unit_that_can_be_cut_is_long(workers: int) -> None:
    units = works([task(name, frames) for name, frames in LENGTHS.items()], workers)
    limit = sum(unit.cost for unit in units) / (4 * workers)
    for unit in units:
        alone = len({job.restore_key for job in unit.task.jobs}) == 1 and unit.what == "restore"
        shortest = unit.task.share.count >= unit.task.clip.frames // SHARE and unit.what in ("share", "score")
        assert unit.cost <= limit * 1.001 or alone or shortest, unit


def test_slow_methods_have_units_of_their_own_and_cheap_ones_share_one() -> None:
    units = works([task(name, frames) for name, frames in LENGTHS.items()], 16)
    of_restoring = [[job.method for job in unit.task.jobs] for unit in units if unit.what == "restore"]
    limit = sum(unit.cost for unit in units) / 64
    slow = {name for name, frames in LENGTHS.items() if METHODS["diffusion"] * frames > limit / 2}
    assert len(slow) > 4
    for unit in units:
        methods = [job.method for job in unit.task.jobs]
        if unit.what == "restore" and unit.task.clip.name in slow and "diffusion" in methods:
            assert methods == ["diffusion"]
    assert any(len(set(methods)) > 1 for methods in of_restoring)
    assert all("stored" not in methods for methods in of_restoring)


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_workers_have_work_until_the_end(workers: int) -> None:
    units = works([task(f"c{n}", 10 + 7 * n) for n in range(40)], workers)
    ideal = sum(unit.cost for unit in units) / workers
    assert ideal / time_of(units, workers) > 0.9


def test_a_small_clip_stays_whole_and_a_long_scoring_is_shared() -> None:
    tasks = [task("long", 900, ["stored"], 1), task("tiny", 2)]
    units = works(tasks, 2)
    assert [unit.what for unit in units if unit.task.clip.name == "tiny"] == ["all"] or len(units) > 3
    shares = [unit for unit in units if unit.task.clip.name == "long"]
    assert [unit.what for unit in shares[:-1]] == ["share"] * (len(shares) - 1) and len(shares) > 1
    assert sorted(unit.task.share.number for unit in shares) == list(range(len(shares)))
    assert shares[-1].task.share.number == 0 and len(shares[-1].needs) == len(shares) - 1


def test_costs_are_those_of_earlier_jobs_else_of_the_card(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.undo()
    data = data_set(tmp_path / "data", ["one"], frames=3)
    methods = [method_folder(tmp_path, "slow", "time.sleep(0.02)"), method_folder(tmp_path, "quick")]
    board = small_board(data, methods, splits=["bi-x4"], metrics=["psnr"])
    workspace = Workspace.open(tmp_path / "w")
    plan = make_plan(board, workspace)
    (clip,) = plan.clips
    before = Costs.of(plan.setup, workspace)
    assert before.restoring("slow", clip) == before.restoring("quick", clip) < TRAINED * 3 * 32 * 32
    run_with(board, tmp_path / "w")
    after = Costs.of(plan.setup, workspace)
    records = {record.method: record for record in earlier_records(workspace)}
    for method, record in records.items():
        assert after.restoring(method, clip) == pytest.approx(record.restore_seconds)
    seconds = [record.scores["psnr"].seconds for record in records.values()]
    assert after.scoring("psnr", clip) == pytest.approx(sum(seconds) / 2)
    assert after.restoring("slow", clip) >= 0.02
