"""What the displays say of a job that did not go well, watched and unwatched."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from vfsrbench.cli.progress import LiveProgress, PlainProgress, trouble_with
from vfsrbench.results.job import Job
from vfsrbench.runs.worker.task_runner import Ended

JOB = Job("m", "bi-x4", "one", "r", "k")
ENDS = {
    "failed": (Ended(JOB, "failed", "no GPU"), "m, bi-x4, one: FAILED: no GPU"),
    "broken": (Ended(JOB, "ok", "", ("niqe", "ssim")), "m, bi-x4, one: done: metrics failed: niqe, ssim"),
    "well": (Ended(JOB, "ok"), ""),
}


@pytest.mark.parametrize("how", ENDS)
def test_both_displays_show_failures_and_broken_metrics(how: str, capsys: pytest.CaptureFixture[str]) -> None:
    end, said = ENDS[how]
    assert trouble_with(end) == said
    live = LiveProgress()
    live.live.live.console = Console(file=io.StringIO(), width=120)
    live.ended(end)
    shown = live.live.console.file.getvalue()
    assert said in shown and (said or not shown)
    PlainProgress().ended(end)
    assert said in capsys.readouterr().err
