"""How clips are cut into units: every job once, no part in two units, and no worker idle for long."""

from __future__ import annotations

import hashlib

import pytest

from vfsrbench.datasets.reference import GtFacts
from vfsrbench.results.job import Job
from vfsrbench.runs.jobs import ClipFacts, Share, Task
from vfsrbench.runs.worker.units import PREPARED, SHARE, divided, lock_names, part_of

TRUTH = GtFacts("", 512, 512, False, "", False)


def task(
    clip: str, frames: int = 24, methods: int = 7, splits: int = 3, fed_gt: int = 2, restores: bool = True
) -> Task:
    """A clip's jobs; the last `fed_gt` methods restore the same frames for every split."""
    jobs = []
    for split in range(splits):
        for method in range(methods + fed_gt):
            restored = f"{clip} {method}" + (f" {split}" if method < methods else "")
            key = hashlib.sha256(restored.encode()).hexdigest()
            jobs.append(Job(f"m{method}", f"s{split}", clip, key, key, restores=restores))
    return Task(ClipFacts(clip, frames, 512, 512, 25.0, "", TRUTH), tuple(jobs))


def work(unit: Task) -> int:
    return unit.clip.frames * (len({job.restore_key for job in unit.jobs}) + PREPARED)


@pytest.mark.parametrize("workers", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("clips", [1, 2, 3, 5, 20])
def test_every_job_is_in_one_unit_and_every_part_too(clips: int, workers: int) -> None:
    tasks = [task(f"clip{n}", frames=20 + n) for n in range(clips)]
    units = divided(tasks, workers)
    assert sorted(j.place for u in units for j in u.jobs) == sorted(j.place for t in tasks for j in t.jobs)
    for one in tasks:
        held = [lock_names(unit) for unit in units if unit.clip is one.clip]
        names = [name for unit in held for name in unit]
        assert len(names) == len(set(names)), "two units of a run never wait for each other"
        assert sorted(names) == lock_names(one), "a run that does not cut the clip waits for both"
        assert all(names == sorted(names) for names in held), "locks are taken in one order"


def test_clips_stay_whole_where_there_are_enough_or_one_worker() -> None:
    tasks = [task(f"clip{n}") for n in range(4)]
    assert len(divided(tasks, 2)) == 4
    assert len(divided(tasks[:3], 1)) == 3


def test_the_demo_s_last_clip_is_cut_for_two_workers() -> None:
    units = divided([task(name) for name in ("a", "b", "c")], 2)
    whole, halves = units[:2], units[2:]
    assert [len(unit.jobs) for unit in whole] == [27, 27]
    assert len(halves) == 2 and {unit.clip.name for unit in halves} == {"c"}
    assert work(halves[0]) < 1.25 * work(halves[1])


@pytest.mark.parametrize(("clips", "workers"), [(1, 2), (1, 8), (2, 3), (3, 2), (5, 4), (2, 8)])
def test_workers_end_at_about_the_same_time(clips: int, workers: int) -> None:
    tasks = [task(f"clip{n}") for n in range(clips)]
    busy = [0] * workers
    for unit in divided(tasks, workers):
        busy[busy.index(min(busy))] += work(unit)
    assert max(busy) <= 1.35 * sum(busy) / workers
    uncut = [0] * workers
    for clip in tasks:
        uncut[uncut.index(min(uncut))] += work(clip)
    assert max(busy) < 0.95 * max(uncut)


@pytest.mark.parametrize("methods", [4, 6, 7, 8])
def test_pieces_share_each_method_s_restorations(methods: int) -> None:
    """A slow method would keep one worker busy alone."""
    units = [unit for unit in divided([task("a", methods=methods, fed_gt=0)], 2) if unit.clip.name == "a"]
    assert len(units) == 2
    for method in (f"m{n}" for n in range(methods)):
        shares = [len({j.restore_key for j in unit.jobs if j.method == method}) for unit in units]
        assert sorted(shares) == [1, 2], f"{method} of {methods}"


def test_a_single_split_is_cut_by_methods_and_no_finer() -> None:
    one = task("only", splits=1, methods=3, fed_gt=0)
    units = divided([one], 8)
    assert len(units) == len({part_of(job) for job in one.jobs}) == 3
    assert [len(unit.jobs) for unit in units] == [1, 1, 1]


def test_a_long_clip_is_cut_beside_a_short_one() -> None:
    units = divided([task("short", frames=8), task("long", frames=80)], 2)
    assert len([unit for unit in units if unit.clip.name == "long"]) > 1
    assert units[0].clip.name == "long", "the largest first"


def given(clip: str, frames: int, outputs: int = 1) -> Task:
    """A clip with stored results: nothing is restored."""
    return task(clip, frames, methods=outputs, splits=1, fed_gt=0, restores=False)


@pytest.mark.parametrize(
    ("frames", "workers", "count"), [(300, 2, 2), (300, 8, 8), (300, 1, 1), (SHARE, 4, 1), (3 * SHARE, 8, 3)]
)
def test_a_given_clip_is_cut_into_shares_of_its_frames(frames: int, workers: int, count: int) -> None:
    one = given("only", frames, outputs=3)
    units = divided([one], workers)
    assert [unit.share.number for unit in units] == list(range(count))
    assert all(unit.jobs == one.jobs for unit in units), "the first ends all jobs"
    seen = [n for unit in units for n in unit.share.frames(frames, 16)]
    assert seen == list(range(frames)), "every frame once, in order"
    assert all(unit.share.frames(frames, 16).start % 16 == 0 for unit in units), "in windows of the whole"
    assert lock_names(units[0]) == lock_names(one), "two runs never end a job at a time"
    names = [name for unit in units for name in lock_names(unit)]
    assert len(names) == len(set(names)), "shares do not wait for each other"


def test_given_clips_stay_whole_where_there_are_enough() -> None:
    assert {unit.share for unit in divided([given(f"c{n}", 300) for n in range(4)], 2)} == {Share()}
    units = divided([given(f"c{n}", 300) for n in range(3)], 2)
    assert [unit.share.count for unit in units] == [1, 1, 2, 2]
