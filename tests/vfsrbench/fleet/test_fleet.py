"""A board planned into a workspace and done by workers in this process: plans, refusals, status."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vfsrbench.boards import contents, data_set, method_folder, run_with, small_board
from tests.vfsrbench.process_state import process_kept
from vfsrbench.board import Board
from vfsrbench.cli import main
from vfsrbench.engines.base import Event, WorkerUnfit
from vfsrbench.errors import InputError
from vfsrbench.fleet import devices, working
from vfsrbench.fleet.engine import WorkersEngine
from vfsrbench.fleet.plan.costs import Costs
from vfsrbench.fleet.plan.files import SharedPlan, plans_of
from vfsrbench.fleet.plan.leases import Held
from vfsrbench.fleet.status import status_of
from vfsrbench.fleet.working import work_off
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.run import run_board
from vfsrbench.runs.worker.parts.handed import HandedFrames
from vfsrbench.runs.worker.units import SHARE


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    with process_kept():
        yield


@pytest.fixture
def board(tmp_path: Path) -> Board:
    data = data_set(tmp_path / "data", frames=4)
    return small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])


def planned(board: Board, workspace: Path, **options: object) -> SharedPlan:
    engine = WorkersEngine(wait=False)
    summary = run_board(board, workspace, Options(**options), engine=engine)
    assert summary.left and summary.exit_code == 0 and not summary.problems
    return [plan for plan in plans_of(workspace) if not plan.is_over][-1]


def test_workers_do_what_the_serial_engine_does_to_the_byte(board: Board, tmp_path: Path) -> None:
    run_with(board, tmp_path / "serial")
    planned(board, tmp_path / "w")
    lines: list[str] = []
    done = work_off(tmp_path / "w", "cpu", lines.append)
    assert len(done.ends) == 2 and not done.failed and done.lost == 0
    assert contents(tmp_path / "w") == contents(tmp_path / "serial")
    assert len(lines) == done.units
    (status,) = status_of(tmp_path / "w")
    assert status.over and status.jobs_done == status.jobs == 2 and status.seconds_left == 0
    assert work_off(tmp_path / "w").units == 0, "nothing is left to take"
    # the run that waits finds all done, and the plan that is over goes away with the next one
    summary = run_board(board, tmp_path / "w", engine=WorkersEngine())
    assert summary.counts == {"ok": 2}


@pytest.mark.slow
def test_a_long_scoring_is_shared_and_restored_clips_are_handed_over(tmp_path: Path, monkeypatch) -> None:
    data = data_set(tmp_path / "data", ["one"], frames=3 * SHARE)
    noisy = "out = out + 0.1 * torch.randn(out.shape, generator=generator)"
    methods = [method_folder(tmp_path, "a"), method_folder(tmp_path, "b", noisy)]
    board = small_board(data, methods, splits=["bi-x4"], metrics=["psnr", "ssim_vt", "ewarp_dis"])
    run_with(board, tmp_path / "serial")
    monkeypatch.setattr(Costs, "scoring", lambda self, metric, clip: 10.0)
    monkeypatch.setattr(Costs, "restoring", lambda self, method, clip: 10.0)
    plan = planned(board, tmp_path / "w")
    assert sorted(unit.what for unit in plan.units) == ["restore", "restore", "score", "share", "share"]
    steps: list[tuple[str, str]] = []
    real = Held.on_event

    def noted(self: Held, event: Event) -> None:
        steps.append((self.unit, event.step))
        real(self, event)

    monkeypatch.setattr(Held, "on_event", noted)
    assert not work_off(tmp_path / "w").failed
    assert contents(tmp_path / "w") == contents(tmp_path / "serial")
    by_unit = {unit.what: {step for id, step in steps if id == unit.id} for unit in plan.units}
    assert "handing over" in by_unit["restore"] and "restoring" in by_unit["restore"]
    assert "restoring" not in by_unit["share"] | by_unit["score"], "clips were handed over, not made again"
    assert not list((plan.folder / "handed").glob("*.raw")), "and are gone when they are scored"


@pytest.mark.slow
def test_damaged_frames_between_units_are_restored_again(tmp_path: Path, monkeypatch) -> None:
    data = data_set(tmp_path / "data", ["one"], frames=3)
    board = small_board(data, [method_folder(tmp_path, "a")], splits=["bi-x4"], metrics=["psnr"])
    run_with(board, tmp_path / "serial")
    plan = planned(board, tmp_path / "w")
    assert [unit.what for unit in plan.units] == ["restore", "score"]
    real = HandedFrames.put

    def spoiled(self: HandedFrames, raw, note) -> None:
        real(self, raw, note)
        place = self.place(note.restore_key)
        content = bytearray(place.read_bytes())
        content[100] ^= 1
        place.write_bytes(content)

    monkeypatch.setattr(HandedFrames, "put", spoiled)
    assert not work_off(tmp_path / "w").failed
    assert contents(tmp_path / "w") == contents(tmp_path / "serial")


@pytest.mark.slow
def test_a_workspace_may_lie_elsewhere_on_the_workers_machine(
    board: Board, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    planned(board, Path("w"))
    (tmp_path / "there").mkdir()
    shutil.move(tmp_path / "w", tmp_path / "there" / "w")
    monkeypatch.chdir(tmp_path / "there")
    assert len(work_off(Path("w")).ends) == 2
    assert not (tmp_path / "w").exists()


def test_a_run_joins_the_plan_that_does_its_jobs_and_replaces_one_that_does_not(
    board, tmp_path: Path
) -> None:
    first = planned(board, tmp_path / "w")
    assert planned(board, tmp_path / "w") == first
    more = board.replace(metrics=("psnr", "ssim"))
    second = planned(more, tmp_path / "w")
    assert second != first and first.is_over
    assert planned(more, tmp_path / "w", force=True) != second


def test_a_failed_job_is_recorded_with_its_reason(tmp_path: Path, capsys) -> None:
    data = data_set(tmp_path / "data", ["one"], frames=3)
    methods = [method_folder(tmp_path, "good"), method_folder(tmp_path, "bad", "raise ValueError('no way')")]
    board = small_board(data, methods, splits=["bi-x4"], metrics=["psnr"])
    planned(board, tmp_path / "w")
    assert main.run(["worker", str(tmp_path / "w"), "--device", "cpu"]) == 3
    (status,) = status_of(tmp_path / "w")
    assert [job for job, _ in status.failed] == ["bad, bi-x4, one"] and "no way" in status.failed[0][1]
    capsys.readouterr()
    assert main.run(["status", str(tmp_path / "w")]) == 0
    assert "failed: bad, bi-x4, one: failed: " in capsys.readouterr().out
    assert main.run(["status", str(tmp_path / "w"), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["done"] == told["units"] and told["failed"] == [list(status.failed[0])]


@pytest.mark.slow
def test_an_error_of_ours_fails_the_jobs_and_the_next_unit_is_done(
    board, tmp_path: Path, monkeypatch
) -> None:
    planned(board, tmp_path / "w")
    real = working.work_of

    def broken_once(worker):
        work = real(worker)

        def do(task, sink):
            if task.clip.name == "one":
                raise RuntimeError("a bug")
            return work(task, sink)

        return do

    monkeypatch.setattr(working, "work_of", broken_once)
    done = work_off(tmp_path / "w")
    assert {(end.job.clip, end.status) for end in done.ends} == {("one", "failed"), ("two", "ok")}
    assert "internal error: RuntimeError: a bug" in done.failed[0].reason


def test_damaged_files_of_a_plan_are_named(board: Board, tmp_path: Path) -> None:
    plan = planned(board, tmp_path / "w")
    unit = plan.folder / "units" / f"{plan.units[-1].id}.pickle"
    unit.write_bytes(unit.read_bytes()[:-7])
    done = work_off(tmp_path / "w")
    assert done.units == len(plan.units) - 1, "the others are done"
    assert len(done.refused) == 1 and str(unit) in done.refused[0] and "plans again" in done.refused[0]
    summary = run_board(board, tmp_path / "w", engine=WorkersEngine(wait=False))
    assert summary.left and summary.counts == {"ok": 1, "missing": 1}
    again = [plan for plan in plans_of(tmp_path / "w") if not plan.is_over][-1]
    for name in ("setup.pickle", "plan.json"):
        path = again.folder / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        done = work_off(tmp_path / "w")
        assert done.units == 0 and str(path) in done.refused[0], name
        path.write_bytes(whole)
    (again.folder / "plan.json").write_bytes(b"")
    (status,) = [s for s in status_of(tmp_path / "w") if not s.over]
    assert "plan.json" in status.damaged[0]
    assert main.run(["worker", str(tmp_path / "w"), "--device", "cpu"]) == 2
    whole = planned(board, tmp_path / "w")
    assert whole != again and again.is_over, "a plan that cannot be read is planned again"


def test_a_machine_with_other_code_is_refused(board: Board, tmp_path: Path) -> None:
    planned(board, tmp_path / "w")
    code = tmp_path / "m" / "code.py"
    code.write_text(code.read_text().replace("bilinear", "nearest"))
    done = work_off(tmp_path / "w")
    assert done.units == 0 and "method 'm' is another here than planned: code differ" in done.refused[0]


@pytest.mark.slow
def test_where_workers_die_at_a_job_again_and_again_it_fails_and_the_others_are_done(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data", ["one"], frames=3)
    methods = [method_folder(tmp_path, name) for name in ("good", "killer")]
    board = small_board(data, methods, splits=["bi-x4"], metrics=["psnr"])
    plan = planned(board, tmp_path / "w")
    unit = next(u for u in plan.units if "killer" in {job.method for job in plan.task(u.id).jobs})
    job = next(n for n, job in enumerate(plan.task(unit.id).jobs) if job.method == "killer")
    for number in range(1, working.TRIES + 1):
        held = plan.leases.take(unit.id, number, working.Owner(plan.run, "host", number))
        held.on_event(Event(job, "restoring", 1, 3))
        held.close()
        (plan.leases.folder / f"{unit.id}.{number}.left").write_text(json.dumps({"well": False}))
    done = work_off(tmp_path / "w")
    ends = {end.job.method: (end.status, end.reason) for end in done.ends}
    assert ends["good"] == ("ok", "") and ends["killer"][0] == "failed"
    assert f"{working.TRIES} workers died or fell silent while restoring" in ends["killer"][1]


@pytest.mark.slow
def test_a_lost_gpu_gives_the_unit_back_with_what_is_left(board: Board, tmp_path: Path, monkeypatch) -> None:
    plan = planned(board, tmp_path / "w")
    real = working.work_of

    def losing(worker):
        def do(task, sink):
            raise WorkerUnfit("the GPU is gone", None, task, own=True)

        return do

    monkeypatch.setattr(working, "work_of", losing)
    with pytest.raises(WorkerUnfit):
        work_off(tmp_path / "w")
    assert plan.leases.listing().open_now(plan.units[0].id)
    monkeypatch.setattr(working, "work_of", real)
    assert len(work_off(tmp_path / "w").ends) == 2


def test_a_gpu_that_is_not_there_is_named(board: Board, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    planned(board, tmp_path / "w")
    assert main.run(["worker", str(tmp_path / "w"), "--device", "cuda:1"]) == 2
    assert "--device cuda:1: there is no GPU here" in capsys.readouterr().err
    assert main.run(["worker", str(tmp_path / "w"), "--device", "tpu"]) == 2


def test_a_worker_takes_a_gpu_that_no_other_has(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(devices, "visible_gpus", lambda: ["0", "1"])
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(devices, "_HELD", [])
    for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    assert [devices.use_device(None), devices.use_device(None)] == ["cuda:0", "cuda:1"]
    with pytest.raises(InputError, match="each of the 2 GPUs here has a worker"):
        devices.use_device(None)
    assert devices.use_device("cuda:1") == "cuda:1", "whoever asks for one gets it"
    with pytest.raises(InputError, match="there are 2 GPUs here"):
        devices.use_device("cuda:2")
    assert devices.use_device("cpu") == "cpu" and devices.os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_options_of_the_engine_are_checked(board: Board, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no option 'sillence'"):
        WorkersEngine(options={"sillence": "3"})
    with pytest.raises(InputError, match="silence=0"):
        run_board(board, tmp_path / "w", engine=WorkersEngine(options={"silence": "0"}, wait=False))
    with pytest.raises(InputError, match="has no plan to work at"):
        work_off(tmp_path / "nothing")
