"""`vfsrbench run`: a board from start to end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import note, say
from vfsrbench.cli.missing import missing_lines
from vfsrbench.cli.notes import tell_notes
from vfsrbench.cli.option_groups import BoardChanges, EngineChoice, HowToRun, MethodChoice, grouped
from vfsrbench.errors import counted

if TYPE_CHECKING:
    from vfsrbench.board import Board
    from vfsrbench.runs.jobs import Options
    from vfsrbench.runs.needed_weights import NeededWeights
    from vfsrbench.runs.plan import Plan
    from vfsrbench.runs.summary import RunSummary

app = typer.Typer()
MOST_PROBLEMS = 20
MOST_TIMES = 3
"""Methods whose time is told."""


@app.command()
@grouped
def run(
    board: o.BoardName,
    *,
    workspace: o.WorkspacePath = Path("workspace"),
    engine: EngineChoice,
    how: HowToRun,
    dry_run: o.DryRun = False,
    changes: BoardChanges,
    methods: MethodChoice,
    report: Annotated[bool, typer.Option(help="write tables, figures and the page at the end")] = True,
) -> None:
    """Run a board: degrade, restore, score, report. Goes on where an earlier run was stopped.

    Exit code 3 when a job failed; its reason is in the report.
    """
    chosen = changes.of(o.find_board(board), methods)
    o.check_metrics(chosen)
    options = how.options()
    if dry_run:
        show_plan(chosen, workspace, engine, options, given=board)
        return
    summary = run_with_display(chosen, workspace, engine, options)
    if summary.left:
        _tell_left(summary, started=engine.engine != "workers")
        return
    reporting = write_report(summary, options.outputs) if report else 0.0
    finish(summary, reporting)


def _tell_left(summary: RunSummary, started: bool) -> None:
    """What is to be known of a run that was planned for workers. `started`: the engine starts some itself."""
    open_jobs = sum(job.state == "open" for job in summary.jobs)
    say(f"{counted(open_jobs, 'job')} planned; nothing was waited for")
    note(f"{'more' if started else 'start'} workers:  vfsrbench worker {summary.workspace}")
    note(f"how far it is:  vfsrbench status {summary.workspace}")
    note("the same `vfsrbench run`, without --no-wait, waits for the rest and reports")


def run_with_display(board: Board, workspace: Path, engine: EngineChoice, options: Options) -> RunSummary:
    """`run_board` with a progress display."""
    from vfsrbench.cli.progress import telling
    from vfsrbench.runs.run import run_board

    with telling() as progress:
        return run_board(board, workspace, options, engine=engine.make(), progress=progress)


def write_report(summary: RunSummary, outputs: Mapping[str, Path], site: bool = False) -> float:
    """Write the report of a run below its workspace and print the tables; `site`: the whole site. The seconds
    that it took."""
    from vfsrbench.io.names import slug

    began = time.monotonic()
    if any(record.status == "ok" for record in summary.records.values()):
        from vfsrbench.plugins import load_reporter

        out = summary.workspace / "report" / slug(summary.board.name)
        clips = tuple(dict.fromkeys(job.clip for job in summary.jobs))
        load_reporter("show")(summary.board, summary.workspace, out, outputs, clips=clips, site=site)
    return time.monotonic() - began


def finish(summary: RunSummary, reporting: float = 0.0, skipped_is_well: bool = False) -> None:
    """Say what is to be known, where the time went and what went wrong, and leave with the run's exit code.

    `reporting`: seconds that the report took. `skipped_is_well`: skipped jobs, which lack weights, are no
    failure.
    """
    tell_notes(summary.notes, MOST_PROBLEMS)
    for what in summary.damaged[:MOST_PROBLEMS]:
        say(f"{what}: damaged, set aside in {summary.workspace / 'damaged'}, made again", err=True)
    if len(summary.damaged) > MOST_PROBLEMS:
        say(f"... and {len(summary.damaged) - MOST_PROBLEMS} more damaged files", err=True)
    problems = summary.problems
    _tell_problems(problems)
    counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.counts.items()))
    seconds = summary.seconds + reporting
    note(f"{counts}; {seconds:.0f} s; results in {summary.workspace / 'results'}")
    if line := _time_spent(summary, reporting):
        note(line)
    if problems and not (skipped_is_well and len(problems) == summary.counts.get("skipped")):
        if summary.log.is_file():
            say(f"details are in {summary.log}; --retry-failed tries again", err=True)
        raise typer.Exit(summary.exit_code)


def _time_spent(summary: RunSummary, reporting: float) -> str:
    """Where the time went: the slowest methods, scoring, the report; empty if nothing took any."""
    methods = summary.restoring
    shown = dict(list(methods.items())[:MOST_TIMES])
    parts = [*shown.items(), ("other methods", sum(methods.values()) - sum(shown.values()))]
    parts += [("scoring", summary.scoring), ("report", reporting)]
    told = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in parts if seconds >= 0.5)
    return f"time of all workers: {told}" if told else ""


def _tell_problems(problems: Sequence[tuple[str, str]]) -> None:
    """A line for each reason, however many jobs have it."""
    reasons: dict[str, list[str]] = {}
    for what, why in problems:
        reasons.setdefault(why, []).append(what)
    for why, where in list(reasons.items())[:MOST_PROBLEMS]:
        more = f" and {counted(len(where) - 1, 'more job')}" if len(where) > 1 else ""
        say(f"{where[0]}{more}: {why}", err=True)
    if len(reasons) > MOST_PROBLEMS:
        say(f"... and {len(reasons) - MOST_PROBLEMS} more reasons; the report has them all", err=True)


def show_plan(board: Board, workspace: Path, engine: EngineChoice, options: Options, given: str = "") -> None:
    """Print what a run with these options would do. `given` is the board as the user wrote it."""
    from vfsrbench.datasets.preparing.described import described
    from vfsrbench.results.workspace import Workspace, refuse_inputs
    from vfsrbench.runs.estimate import disk_need, gigabytes, time_need
    from vfsrbench.runs.needed_weights import needed_weights
    from vfsrbench.runs.plan import make_plan

    engine.make()  # an engine that does not exist is refused here too
    refuse_inputs(workspace, board.dataset.path, options.outputs.values())
    place = Workspace(workspace)
    place.claim()  # digests of clips are kept there, also those of a dry run
    known = len(place.damaged.listed())
    with place.at_work():
        plan = make_plan(board, place, options)
    for line in place.damaged.listed()[known:]:
        say(f"{line}: damaged, set aside in {place.damaged.folder}\n")
    frames = sum(clip.frames for clip in plan.clips)
    sizes = f"{counted(len(plan.clips), 'clip')} ({counted(frames, 'frame')})"
    say(f"{described(board).title}: {sizes}, {counted(len(plan.jobs), 'job')}\n")
    for damage in plan.damaged:
        say(f"{damage}, and sets it aside\n")
    say(_plan_table(plan))
    for line in _restriction_lines(plan):
        say(f"  {line}")
    for line in plan.work():
        say(f"  {line}")
    if plan.misfit:
        say(f"  {plan.misfit}")
    for name, why in plan.failing():
        say(f"  clip {name} will fail: {why}")
    needed = needed_weights(plan)
    for line in _weights_lines(needed):
        say(line)
    for broken in plan.broken:
        say(f"  plugin {broken.name} is skipped: {broken.reason}")
    disk, duration = disk_need(plan), time_need(plan, place)
    say(
        f"\ndisk: up to {gigabytes(disk.lasting)} to stay (degraded clips {gigabytes(disk.degraded)}, kept "
        f"frames {gigabytes(disk.kept)}), and {gigabytes(disk.scratch)} a worker while it runs; "
        f"{gigabytes(place.free_bytes())} are free"
    )
    say(_time_line(duration.seconds, duration.measured, duration.unknown))
    for line in missing_lines(needed, given):
        say(f"\n{line}")


def _weights_lines(needed: Sequence[NeededWeights]) -> list[str]:
    """What the clips need of checkpoints, and how to get those that are not here."""
    from tabulate import tabulate

    if not needed:
        return []
    rows = [
        [w.name, "MISSING" if w.missing else "here", ", ".join(w.users) + (f" ({w.why})" if w.why else "")]
        for w in needed
    ]
    table = tabulate(rows, headers=["weights", "", "needed by"], disable_numparse=True)
    return ["", table, *dict.fromkeys(f"  {w.missing}" for w in needed if w.missing)]


def _plan_table(plan: Plan) -> str:
    from collections import Counter

    from tabulate import tabulate

    counts: dict[tuple[str, str], Counter[str]] = {}
    for job in plan.jobs:
        counts.setdefault((job.method, job.split), Counter())[job.state] += 1
    states = ("open", "done", "failed", "skipped")
    rows = [[method, split, *(found[s] or "" for s in states)] for (method, split), found in counts.items()]
    return tabulate(rows, headers=["method", "split", "to do", *states[1:]], disable_numparse=True)


def _restriction_lines(plan: Plan) -> list[str]:
    """Which methods the board does not run on everything."""
    kinds = [(m, "splits", r.splits) for m, r in plan.setup.restricted.items()]
    kinds += [(m, "clips", r.clips) for m, r in plan.setup.restricted.items()]
    return [f"{m}: on no other {kind} than {', '.join(n) or 'none'}" for m, kind, n in kinds if n is not None]


def _time_line(seconds: float, measured: int, unknown: tuple[str, ...]) -> str:
    if not measured:
        return "time: not known, nothing has run in this workspace yet" if unknown else "time: nothing to do"
    line = f"time: about {seconds / 60:.1f} minutes of one worker, from {measured} earlier jobs"
    return f"{line}; not known for {', '.join(unknown)}" if unknown else line
