"""What the displays say of a run, watched and unwatched, loud and quiet."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from vfsrbench.cli.progress.at_work import AtWork, how_long, trouble_with
from vfsrbench.cli.progress.live import LiveProgress
from vfsrbench.cli.progress.plain import EVERY, PlainProgress
from vfsrbench.cli.progress.steps import Paced, StepBar
from vfsrbench.cli.verbosity import Verbosity, choose, one_command_line
from vfsrbench.engines.base import Event
from vfsrbench.results.job import Job
from vfsrbench.runs.jobs import Share
from vfsrbench.runs.worker.task_runner import Ended

JOB = Job("m", "bi-x4", "one", "r", "k")
ENDS = {
    "failed": (Ended(JOB, "failed", "no GPU"), "m, bi-x4, one: FAILED: no GPU"),
    "broken": (Ended(JOB, "ok", "", ("niqe", "ssim")), "m, bi-x4, one: done: metrics failed: niqe, ssim"),
    "well": (Ended(JOB, "ok"), ""),
}


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def plan_of(*tasks: Any) -> Any:
    jobs = [job for task in tasks for job in task.jobs]
    return SimpleNamespace(open=jobs, jobs=jobs, broken=(), misfit="", work=lambda: [])


def task_of(clip: str, methods: str, share: int = 0) -> Any:
    jobs = tuple(Job(method, "bi-x4", clip, method, method) for method in methods)
    return SimpleNamespace(clip=SimpleNamespace(name=clip), jobs=jobs, share=Share(share, 2))


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("level", Verbosity)
def test_both_displays_show_failures_and_broken_metrics(
    how: str, level: Verbosity, capsys: pytest.CaptureFixture[str]
) -> None:
    end, said = ENDS[how]
    assert trouble_with(end) == said
    live = LiveProgress(level)
    live.live.live.console = Console(file=io.StringIO(), width=120)
    live.ended(end)
    shown = live.live.console.file.getvalue()
    assert said in shown and (said or not shown or level is Verbosity.VERBOSE)
    PlainProgress(level).ended(end)
    assert said in capsys.readouterr().err


def test_a_pipe_gets_a_line_every_some_seconds_and_not_one_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = task_of("one", "abcdefgh"), task_of("two", "ab")
    clock = Clock()
    progress = PlainProgress(clock=clock)
    progress.planned(plan_of(first, second))
    for number, job in enumerate(first.jobs):
        progress.working(second, Event(0, "restoring", number, 8))
        progress.working(first, Event(number, "restoring", 3, 12))
        progress.working(first, Event(number, "ok"))
        clock.now += EVERY / 4
        assert job == first.jobs[number]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "10 jobs, 10 to do",
        "0 of 10 jobs done; two: restoring a on bi-x4 (0 of 8)",
        "4 of 10 jobs done, about 15 s left; two: restoring a on bi-x4 (4 of 8); "
        "one: restoring d on bi-x4 (3 of 12)",
    ]
    for task in (first, second):
        for job in task.jobs:
            progress.ended(Ended(job, "ok"))
    assert capsys.readouterr().err.splitlines() == [
        "8 of 10 jobs done, about 5 s left; two: restoring a on bi-x4 (7 of 8)",
        "10 of 10 jobs done",
    ]


def test_what_is_restored_and_waits_to_be_scored_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Else the first clip of a board is "0 jobs done" for minutes."""
    task, clock = task_of("one", "abcd"), Clock()
    progress, live = PlainProgress(clock=clock), LiveProgress()
    live.live.live.console = Console(file=io.StringIO(), width=120)
    for display in (progress, live):
        display.planned(plan_of(task))
        for number in (0, 1):
            display.working(task, Event(number, "restoring", 12, 12))
    clock.now = EVERY
    progress.working(task, Event(2, "restoring", 3, 12))
    assert capsys.readouterr().err.splitlines()[-1] == (
        "0 of 4 jobs done, 2 more restored; one: restoring c on bi-x4 (3 of 12)"
    )
    assert live.live.tasks[0].fields["left"] == "2 more restored"
    for job in task.jobs[:2]:
        live.ended(Ended(job, "ok"))
    assert "restored" not in live.live.tasks[0].fields["left"], "done, not waiting"


def test_a_hundred_clips_are_no_hundred_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run that is planned, of a report, and of every verb that takes one clip after the other."""
    clock = Clock()
    run, paced = PlainProgress(clock=clock), Paced(clock)
    with StepBar(paced) as bar:
        for number in range(100):
            run.planning(f"reading {number}", 0, 0)
            bar.on_progress(f"scoring {number}", number, 100)
            clock.now += EVERY / 20
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{what} {number}" for number in range(0, 100, 20) for what in ("reading", "scoring")]
    with one_command_line():
        choose(Verbosity.VERBOSE)
        for number in range(3):
            paced(f"report: {number}")
    assert len(capsys.readouterr().err.splitlines()) == 3, "--verbose says each"


def test_quiet_says_only_what_went_wrong_and_verbose_every_job(capsys: pytest.CaptureFixture[str]) -> None:
    said = {}
    for level in (Verbosity.QUIET, Verbosity.VERBOSE):
        task = task_of("one", "ab")
        progress = PlainProgress(level, Clock())
        progress.planning("opening the clips", 0, 0)
        progress.planned(plan_of(task))
        progress.working(task, Event(0, "restoring", 0, 3))
        progress.ended(Ended(task.jobs[0], "ok"))
        progress.ended(Ended(task.jobs[1], "failed", "no GPU"))
        said[level] = capsys.readouterr().err.splitlines()
    assert said[Verbosity.QUIET] == ["b, bi-x4, one: FAILED: no GPU"]
    assert "one: restoring a on bi-x4" in said[Verbosity.VERBOSE]
    assert "a, bi-x4, one: done" in said[Verbosity.VERBOSE]


def test_a_terminal_gets_a_bar_a_worker_though_they_share_a_clip() -> None:
    parts = [task_of("one", "ab"), task_of("one", "cd")]
    live = LiveProgress()
    live.live.live.console = Console(file=io.StringIO(), width=120)
    live.planned(plan_of(*parts))
    for part in parts:
        live.working(part, Event(0, "restoring", 1, 3))
    shown = [task.description for task in live.live.tasks]
    assert shown == ["all jobs", "one: restoring a on bi-x4", "one: restoring c on bi-x4"]
    live.ended(Ended(parts[0].jobs[0], "ok"))
    assert [task.description for task in live.live.tasks] == ["all jobs", "one: restoring c on bi-x4"]


def test_shares_of_one_clips_frames_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    shares = [task_of("one", "a", share) for share in (0, 1)]
    progress = PlainProgress(clock=Clock())
    progress.planned(plan_of(shares[0]))
    progress.working(shares[0], Event(None, "scoring", 8, 96))
    assert "one: scoring (8 of 96)" in capsys.readouterr().err
    work = AtWork()
    for share in shares:
        work.working(share, Event(None, "scoring", 8, 96))
    assert len(work.tasks) == 2
    work.ended(Ended(shares[0].jobs[0], "ok"))
    assert not work.tasks


def test_the_time_left_follows_the_pace_and_waits_for_a_first_job() -> None:
    clock = Clock()
    work, task = AtWork(clock), task_of("one", "abcd")
    work.start(4)
    clock.now = 30.0
    assert work.seconds_left() is None
    work.working(task, Event(0, "ok"))
    work.ended(Ended(task.jobs[0], "ok"))  # told twice, counted once
    assert (work.done, work.seconds_left()) == (1, 90.0)


def test_jobs_that_wait_to_be_scored_are_no_pace_of_nothing() -> None:
    """The jobs of a clip end together: after the first one the run was said to take hours."""
    clock = Clock()
    work, first = AtWork(clock), task_of("one", "abcdefgh")
    work.start(16)
    for number in range(8):
        work.working(first, Event(number, "restoring", 0, 12))
        clock.now += 90.0
        work.working(first, Event(number, "restoring", 12, 12))
    work.working(first, Event(None, "scoring 8 restored clips", 0, 12))
    clock.now += 80.0
    work.working(first, Event(0, "ok"))
    left = work.seconds_left()
    assert left is not None and 800.0 < left < 1.5 * 800.0, "8 jobs of 100 s; and 12000 s without this"
    for job in first.jobs:
        work.ended(Ended(job, "ok"))
    assert (work.restored, work.seconds_left()) == (0, 800.0)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (59, "59 s"), (61, "1 min"), (3540, "59 min"), (7800, "2 h 10 min")]
)
def test_times_are_rounded_for_a_reader(seconds: float, said: str) -> None:
    assert how_long(seconds) == said
