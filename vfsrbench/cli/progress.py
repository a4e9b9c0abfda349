"""What a run is doing, shown in the terminal: a live display, or plain lines without a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vfsrbench.cli.echo import say
from vfsrbench.engines.base import Event
from vfsrbench.io.foreign_text import one_line

if TYPE_CHECKING:
    from vfsrbench.results.job import Job
    from vfsrbench.runs.jobs import Task
    from vfsrbench.runs.plan import Plan
    from vfsrbench.runs.progress import Progress
    from vfsrbench.runs.worker.outcome import Ended

MARKS = {"ok": "done", "failed": "FAILED", "skipped": "skipped", "oom": "OUT OF MEMORY"}


@contextmanager
def telling() -> Iterator[Progress]:
    """The display that fits where stderr goes."""
    if not sys.stderr.isatty():
        yield PlainProgress()
        return
    display = LiveProgress()
    with display.live:
        yield display


def describe(task: Task, event: Event) -> str:
    """Clip, step, and the method and split where it is about one job."""
    if event.job is None:
        return f"{task.clip.name}: {event.step}"
    job = task.jobs[event.job]
    return f"{task.clip.name}: {event.step} {job.method} on {job.split}"


def trouble_with(ended: Ended) -> str:
    """Why a job has no result, or not all of its scores, in one line; empty if all went well."""
    if ended.status == "ok" and not ended.broken:
        return ""
    job, what = ended.job, ended.reason or f"metrics failed: {', '.join(ended.broken)}"
    return f"{job.method}, {job.split}, {job.clip}: {MARKS[ended.status]}: {what}"


class PlainProgress:
    """A line when something ends or begins; no more than a log can bear."""

    def __init__(self) -> None:
        self._done = 0
        self._total = 0
        self._step = ""

    def planning(self, step: str, done: int, total: int) -> None:
        if step != self._step:
            self._say(step)
        self._step = step

    def planned(self, plan: Plan) -> None:
        self._total = len(plan.open)
        for plugin in plan.broken:
            self._say(f"plugin {plugin.name} is skipped: {plugin.reason}")
        self._say(f"{len(plan.jobs)} jobs, {self._total} to do")
        for line in plan.work():
            self._say(f"  {line}")

    def working(self, task: Task, event: Event) -> None:
        if event.job is None and event.done == 0:
            self._say(describe(task, event))

    def ended(self, ended: Ended) -> None:
        self._done += 1
        if trouble := trouble_with(ended):
            self._say(trouble)
        self._say(f"{self._done} of {self._total} jobs done")

    def _say(self, text: str) -> None:
        say(one_line(text), err=True)


class StepBar:
    """One bar for a job of many steps; without a terminal, a line when a step begins."""

    def __enter__(self) -> StepBar:
        self._live: Any = None
        self._lines: dict[str, Any] = {}
        if sys.stderr.isatty():
            self._live = _bars()
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def on_progress(self, what: str, done: int, total: int) -> None:
        """`done` of `total` of the step called `what` are behind us."""
        if what not in self._lines:
            if self._live is None:
                say(one_line(what), err=True)
            self._lines[what] = (
                None if self._live is None else self._live.add_task(one_line(what), total=total or None)
            )
        if self._live is not None:
            line = self._lines[what]
            self._live.update(line, completed=done, visible=done < total)


def _bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


class LiveProgress:
    """A bar for all jobs, and below it a line for each clip that is being worked on."""

    def __init__(self) -> None:
        self.live = _bars()
        self._all = self.live.add_task("planning", total=None)
        self._clips: dict[str, Any] = {}
        self._ended: set[Job] = set()

    def planning(self, step: str, done: int, total: int) -> None:
        self.live.update(self._all, description=one_line(step), completed=done, total=total or None)

    def planned(self, plan: Plan) -> None:
        for plugin in plan.broken:
            text = f"plugin {plugin.name} is skipped: {plugin.reason}"
            self.live.console.print(one_line(text), style="yellow", markup=False, highlight=False)
        for line in plan.work():
            self.live.console.print(line, markup=False, highlight=False)
        self.live.update(self._all, description="starting", completed=0, total=len(plan.open))

    def working(self, task: Task, event: Event) -> None:
        name = task.clip.name
        if event.job is not None and event.step in MARKS:
            self._count(task.jobs[event.job])
            return
        self.live.update(self._all, description="all jobs")
        if name not in self._clips:
            self._clips[name] = self.live.add_task(one_line(name), total=None)
        self.live.update(
            self._clips[name],
            description=describe(task, event),
            completed=event.done,
            total=event.total or None,
        )

    def ended(self, ended: Ended) -> None:
        self._count(ended.job)
        line = self._clips.pop(ended.job.clip, None)
        if line is not None:
            self.live.remove_task(line)
        if trouble := trouble_with(ended):
            self.live.console.print(one_line(trouble), style="red", markup=False, highlight=False)

    def _count(self, job: Job) -> None:
        """A job may be reported twice: when it ends, and with its task."""
        self._ended.add(job)
        self.live.update(self._all, completed=len(self._ended))
