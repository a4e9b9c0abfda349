"""What is due of a board whose results are partly there: one metric, one restoration, or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import (
    board_file,
    contents,
    data_set,
    method_folder,
    run_with,
    scores,
    small_board,
)
from vfsrbench.cli import main
from vfsrbench.errors import InputError
from vfsrbench.metrics.fidelity import Psnr
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.store import Result, read_result, write_result
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.due import DueJobs
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.plan import Plan, make_plan
from vfsrbench.runs.progress import Silent
from vfsrbench.runs.summary import RunSummary


class Listener(Silent):
    """Remembers the plan and the steps of a run."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.steps: list[str] = []

    def planned(self, plan) -> None:
        self.plan = plan

    def working(self, task, event) -> None:
        if event.done == event.total:
            self.steps.append(event.step)

    @property
    def restored(self) -> int:
        return self.steps.count("restoring")

    @property
    def work(self) -> list[str]:
        assert self.plan is not None
        return self.plan.work()


def run(board, workspace: Path, **more) -> tuple[RunSummary, Listener]:
    listener = Listener()
    return run_with(board, workspace, progress=listener, **more), listener


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return data_set(tmp_path / "data")


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The metrics that are computed, a name a window and restored clip."""
    from vfsrbench.metrics.ssim import Ssim
    from vfsrbench.metrics.warping import WarpingError

    calls: list[str] = []
    for kind in (Psnr, Ssim, WarpingError):

        def score(self, *given, _score=kind.score):
            calls.append(self.card.id)
            return _score(self, *given)

        monkeypatch.setattr(kind, "score", score)
    return calls


def records(summary: RunSummary) -> dict[str, JobRecord]:
    return {job.clip: record for job, record in summary.records.items()}


def board(data: Path, tmp_path: Path, *metrics: str, **more):
    folder = tmp_path / "m"
    method = str(folder) if folder.is_dir() else method_folder(tmp_path, "m")
    return small_board(data, [method], splits=["bi-x4"], metrics=list(metrics), **more)


def test_one_more_metric_on_kept_frames_does_that_metric_alone(tmp_path: Path, data: Path, scored):
    first, _ = run(board(data, tmp_path, "psnr"), tmp_path / "w", keep="png")
    assert scored == ["psnr"] * 2
    before = {clip: read_result(path) for clip, path in zip(records(first), first.files, strict=True)}
    scored.clear()
    second, listener = run(board(data, tmp_path, "psnr", "ssim"), tmp_path / "w")
    assert listener.restored == 0 and scored == ["ssim"] * 2
    assert listener.work == ["2 jobs: score ssim only"]
    assert second.files == first.files, "one file a job still"
    for clip, path in zip(records(second), second.files, strict=True):
        now, then = read_result(path), before[clip]
        assert set(now.values) == {"psnr", "ssim"}
        assert now.values["psnr"].tobytes() == then.values["psnr"].tobytes()
        assert now.record.scores["psnr"] == then.record.scores["psnr"], "the column is as it was"
        assert now.record.run != then.record.run and now.record.scores["ssim"].run == now.record.run
        assert now.record.restored_digest == then.record.restored_digest
        assert now.record.metrics == {"psnr": 1, "ssim": 2}
    assert run(board(data, tmp_path, "ssim"), tmp_path / "w")[1].work == []


def test_frames_that_were_not_kept_are_restored_again_and_the_plan_says_so(
    tmp_path: Path, data: Path, scored
):
    run(board(data, tmp_path, "psnr"), tmp_path / "w")
    scored.clear()
    more = board(data, tmp_path, "psnr", "ssim")
    dry = make_plan(more, Workspace(tmp_path / "w"), Options())
    assert dry.work() == [
        "2 jobs: restore again and score ssim only (the frames were not kept)",
        "--keep png keeps restored frames, so that nothing is restored again next time",
    ]
    assert make_plan(more, Workspace(tmp_path / "w"), Options(keep="png")).work() == dry.work()[:1]
    anew = make_plan(more.replace(metrics=["ssim"]), Workspace(tmp_path / "w"), Options())
    assert anew.work()[0] == "2 jobs: restore again and score (the frames were not kept)"
    summary, listener = run(more, tmp_path / "w")
    assert listener.restored == 2 and scored == ["ssim"] * 2, "psnr stays as it is"
    assert summary.counts == {"ok": 2}
    alone, _ = run(more, tmp_path / "v")
    assert scores(tmp_path / "w") == scores(tmp_path / "v")
    assert make_plan(more, Workspace(tmp_path / "x"), Options()).work() == ["2 jobs: restore and score"]
    assert alone.exit_code == 0


def test_a_new_version_of_a_metric_replaces_its_column(
    tmp_path: Path, data: Path, scored, monkeypatch: pytest.MonkeyPatch
):
    from vfsrbench import plugins
    from vfsrbench.runs import plan

    both = board(data, tmp_path, "psnr", "ssim")
    first, _ = run(both, tmp_path / "w", keep="png")
    scored.clear()

    def newer():
        known = plugins.metrics()
        entry = known.entries["psnr"]
        changed = plugins.Entry(entry.card.model_copy(update={"version": 2}), entry.path)
        known.entries["psnr"] = changed
        return known

    with monkeypatch.context() as patch:
        patch.setattr(plan, "metrics", newer)
        second, listener = run(both, tmp_path / "w")
    assert scored == ["psnr"] * 2 and listener.restored == 0
    assert listener.work == ["2 jobs: score psnr only"]
    for clip, record in records(second).items():
        assert record.metrics == {"psnr": 2, "ssim": 2}
        old = records(first)[clip]
        assert record.scores["psnr"].key != old.scores["psnr"].key
        assert record.scores["ssim"] == old.scores["ssim"]
    assert first.files == second.files


def test_a_derived_metric_needs_no_frames_where_its_source_is_stored(
    tmp_path: Path, data: Path, scored, monkeypatch: pytest.MonkeyPatch
):
    from vfsrbench import plugins
    from vfsrbench.card import MetricCard
    from vfsrbench.runs import plan
    from vfsrbench.runs.worker import worker

    def with_sigma():
        known = plugins.metrics()
        facts = known["psnr"].card.model_dump(by_alias=True) | {
            "id": "sigma_psnr",
            "class": None,
            "level": "clip",
            "derived": {"from": "psnr", "how": "std", "factor": 2.0},
        }
        known.entries["sigma_psnr"] = plugins.Entry(MetricCard.model_validate(facts), known["psnr"].path)
        return known

    run(board(data, tmp_path, "psnr"), tmp_path / "w")
    scored.clear()
    monkeypatch.setattr(plan, "metrics", with_sigma)
    monkeypatch.setattr(worker, "metrics", with_sigma)
    summary, listener = run(board(data, tmp_path, "sigma_psnr"), tmp_path / "w")
    assert listener.restored == 0 and scored == [] and summary.exit_code == 0
    assert listener.work == ["2 jobs: score sigma_psnr only"]
    for path in summary.files:
        result = read_result(path)
        expected = 2.0 * np.minimum(result.values["psnr"], 100.0).std()
        assert result.record.clip_values["sigma_psnr"] == pytest.approx(expected, rel=1e-12)
    alone, _ = run(board(data, tmp_path, "sigma_psnr"), tmp_path / "v")
    assert scores(tmp_path / "w") == scores(tmp_path / "v") and alone.exit_code == 0
    assert run(board(data, tmp_path, "sigma_psnr", "psnr"), tmp_path / "w")[1].work == []


def test_other_frames_than_before_make_all_columns_stale(tmp_path: Path, data: Path, scored):
    mood = tmp_path / "mood"
    mood.write_text("0")
    act = f"out = out * (1 - float(open({str(mood)!r}).read()))"
    method_folder(tmp_path, "m", act)
    run(board(data, tmp_path, "psnr", "ewarp_dis"), tmp_path / "w")
    mood.write_text("0.5")
    scored.clear()
    second, _ = run(board(data, tmp_path, "psnr", "ssim"), tmp_path / "w")
    assert sorted(scored) == ["psnr"] * 2 + ["ssim"] * 2, "psnr is of other frames"
    for record in records(second).values():
        assert set(record.scores) == set(record.clip_values) == {"psnr", "ssim"}, "none of the old frames"
        assert record.clip_values["psnr"] < 15


def test_a_restoration_that_fails_later_costs_no_stored_column(tmp_path: Path, data: Path):
    marker = tmp_path / "broken"
    act = f"if Path({str(marker)!r}).exists(): raise OSError('no GPU today')"
    method_folder(tmp_path, "m", act)
    first, _ = run(board(data, tmp_path, "psnr"), tmp_path / "w")
    marker.touch()
    second, _ = run(board(data, tmp_path, "psnr", "ssim"), tmp_path / "w")
    assert second.exit_code == 3 and second.counts == {"ok": 2}
    for clip, record in records(second).items():
        assert record.clip_values == records(first)[clip].clip_values
        assert record.broken == ["ssim"] and "no GPU today" in record.unavailable["ssim"]
    psnr, listener = run(board(data, tmp_path, "psnr"), tmp_path / "w")
    assert psnr.exit_code == 0 and listener.work == [], "the hole is the other board's affair"
    again, listener = run(board(data, tmp_path, "psnr", "ssim"), tmp_path / "w")
    assert again.exit_code == 3 and listener.work == []
    marker.unlink()
    mended, listener = run(board(data, tmp_path, "psnr", "ssim"), tmp_path / "w", retry_failed=True)
    assert mended.exit_code == 0 and listener.restored == 2
    assert listener.work[0] == "2 jobs: restore again and score ssim only (the frames were not kept)"
    marker.touch()
    assert run(board(data, tmp_path, "psnr"), tmp_path / "w", force=True)[0].counts == {"failed": 2}


def test_force_does_all_again_whatever_the_clock_of_what_is_there_says(tmp_path: Path, data: Path, scored):
    one = board(data, tmp_path, "psnr")
    first, _ = run(one, tmp_path / "w")
    for path in first.files:
        result = read_result(path)
        ahead = result.record.model_copy(update={"finished": "2999-01-01T00:00:00.000+00:00"})
        write_result(path, Result(ahead, result.frame_names, result.values))
    scored.clear()
    second, listener = run(one, tmp_path / "w", force=True)
    assert scored == ["psnr"] * 2 and listener.restored == 2
    assert all(not r.finished.startswith("2999") for r in records(second).values())
    assert listener.work == ["2 jobs: restore and score"]
    assert run(one, tmp_path / "w")[1].work == []


def test_results_of_another_run_since_the_plan_count_unless_all_is_forced(tmp_path: Path, data: Path, scored):
    one = board(data, tmp_path, "psnr")
    place = Workspace.open(tmp_path / "w")
    early = make_plan(one, place, Options())
    run(one, tmp_path / "w")
    due = DueJobs(early.setup, place)
    assert due.pending(early.jobs[0]).due == (), "done meanwhile"
    for year in ("1970", "2999"):  # whatever the clock in the record says
        stored = read_result(place.store.path(*early.jobs[0].place))
        stored.record.finished = f"{year}-01-01T00:00:00.000+00:00"
        place.store.write(stored)
        assert due.pending(early.jobs[0]).due == (), "done meanwhile"
    forced = make_plan(one, place, Options(force=True))
    due = DueJobs(forced.setup, place)
    assert due.pending(forced.jobs[0]).due == ("psnr",)
    run(one, tmp_path / "w", force=True)
    assert due.pending(forced.jobs[0]).due == ("psnr",), "another's result does not count"
    pending = due.pending(forced.jobs[0])
    mine = read_result(place.store.path(*pending.job.place))
    mine.record.run = forced.setup.run
    place.store.write(mine)
    assert due.pending(forced.jobs[0]).due == (), "this run's does"


def test_an_older_workspace_is_named_and_left_alone(tmp_path: Path, data: Path):
    one = board(data, tmp_path, "psnr")
    old = tmp_path / "w" / "results" / "bi-x4" / "m" / "one.0123456789abcdef.parquet"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"PAR1 as it was")
    with pytest.raises(InputError, match=r"older vfsrbench.* nothing was removed; use a new") as caught:
        run(one, tmp_path / "w")
    assert "\n" not in str(caught.value) and old.read_bytes() == b"PAR1 as it was"
    assert len(list((tmp_path / "w").rglob("*"))) == 4, "nothing was written there"


def test_features_of_a_split_metric_are_keyed_checked_and_made_again(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, scored
):
    from tests.vfsrbench.scoring.test_scorer import card
    from vfsrbench import plugins
    from vfsrbench.runs import plan
    from vfsrbench.runs.worker import worker

    def with_means():
        known = plugins.metrics()
        facts = {"level": "split", "class": "tests.vfsrbench.scoring.test_scorer:Means"}
        known.entries["means"] = plugins.Entry(card("means", **facts), Path(__file__))
        return known

    monkeypatch.setattr(plan, "metrics", with_means)
    monkeypatch.setattr(worker, "metrics", with_means)
    run(board(data, tmp_path, "psnr"), tmp_path / "w", keep="png")
    scored.clear()
    both = board(data, tmp_path, "psnr", "means")
    summary, listener = run(both, tmp_path / "w")
    assert listener.work == ["2 jobs: score means only"] and scored == []
    store = Workspace(tmp_path / "w").store
    first = {clip: store.read_features(record, "means") for clip, record in records(summary).items()}
    assert run(both, tmp_path / "w")[1].work == []
    one = records(summary)["one"]
    files = store.root / "bi-x4" / "m" / one.scores["means"].features
    truth = store.root / "_truth" / one.scores["means"].gt_features
    for number, path in enumerate((files, truth), start=1):
        changed = bytearray(path.read_bytes())
        changed[len(changed) // 2] ^= 4
        path.write_bytes(changed)
        summary, listener = run(both, tmp_path / "w")
        assert listener.work == ["1 job: score means only"] and scored == []
        assert len(summary.damaged) == 1 and path.name in summary.damaged[0]
        assert len(list((tmp_path / "w" / "damaged").rglob("*.npz.damaged"))) == number
        again = store.read_features(records(summary)["one"], "means")
        for now, then in zip(again, first["one"], strict=True):
            np.testing.assert_array_equal(now, then)
    files.unlink()
    assert run(both, tmp_path / "w")[1].work == ["1 job: score means only"], "what is gone is made again"


def test_an_edited_method_runs_as_it_is_now_in_the_same_process(tmp_path: Path, data: Path):
    one = board(data, tmp_path, "psnr")
    before, _ = run(one, tmp_path / "w")
    code = tmp_path / "m" / "code.py"
    code.write_text("# a comment\n" + code.read_text())
    assert run(one, tmp_path / "w")[1].work == []
    code.write_text(code.read_text().replace("return out", "return out * 0.5"))
    after, listener = run(one, tmp_path / "w")
    assert listener.work == ["2 jobs: restore and score"]
    for clip, record in records(after).items():
        assert record.restored_digest != records(before)[clip].restored_digest
        assert record.clip_values["psnr"] < 15


def test_a_dry_run_prints_what_is_due_and_what_is_restored_again(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
):
    path = board_file(tmp_path / "board.toml", board(data, tmp_path, "psnr", "ssim"))
    base = ["run", str(path), "-w", str(tmp_path / "w"), "--engine", "serial"]
    assert main.run([*base, "--metric", "psnr", "--no-report"]) == 0
    capsys.readouterr()
    before = contents(tmp_path / "w")
    assert main.run([*base, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "2 jobs: restore again and score ssim only (the frames were not kept)" in said
    assert "frames that are there" not in said and "not known for ssim" in said
    assert said.count("--keep png") == 1
    assert contents(tmp_path / "w") == before
    results = next((tmp_path / "w" / "results").rglob("*.parquet"))
    results.write_bytes(results.read_bytes()[:-9])
    assert main.run([*base, "--metric", "psnr", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"{results}: is damaged" in said and "1 job: restore and score" in said and results.is_file()
