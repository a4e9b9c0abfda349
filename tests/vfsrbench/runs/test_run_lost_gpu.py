"""A job that leaves the GPU unusable costs itself alone: an installed package with a method and a metric that
raise what torch raises then, and with which all else in their process fails, as CUDA has it."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, data_set, scores, small_board
from tests.vfsrbench.cli.commands import fails
from tests.vfsrbench.process_state import process_kept
from tests.vfsrbench.runs.recording import Listener
from vfsrbench.cli import main
from vfsrbench.engines.base import WorkerUnfit
from vfsrbench.errors import PoisonedDevice
from vfsrbench.fleet import devices, working
from vfsrbench.fleet.engine import WorkersEngine
from vfsrbench.results.load import result_files
from vfsrbench.results.store import read_record
from vfsrbench.runs.run import run_board
from vfsrbench.runs.summary import RunSummary

NAME = "lost_gpu"
CUDA = """
import torch

NEW = getattr(torch, "AcceleratorError", RuntimeError)
"What torch 2.8 and later raise; those before it a RuntimeError."
STATE = {"lost": "", "kind": NEW}
TEXT = '''CUDA error: {}
Search for `cudaErrorIllegalAddress' in https://docs.nvidia.com/cuda/cuda-runtime-api/ for more information.
CUDA kernel errors might be asynchronously reported at some other API call.'''


def lose(how="an illegal memory access was encountered", kind=NEW):
    STATE.update(lost=how, kind=kind)
    call()


def call():
    "What any call of CUDA does then."
    if STATE["lost"]:
        raise STATE["kind"](TEXT.format(STATE["lost"]))
"""
METHODS = """
from pathlib import Path
import torch
from vfsrbench.predictor import Predictor
from lost_gpu.cuda import NEW, call, lose


class Good(Predictor):
    def load(self, weights, device):
        call()

    def restore(self, frames, generator):
        call()
        size = self.clip.out_height, self.clip.out_width
        return torch.nn.functional.interpolate(frames, size=size)


class Bad(Good):
    "Loses the GPU when it restores the clip `one`; `step`: where."

    def start_clip(self, info):
        super().start_clip(info)
        if self.options["step"] == "start" and info.name == "one":
            lose("unspecified launch failure", kind=RuntimeError)

    def load(self, weights, device):
        if self.options["step"] == "load":
            lose("misaligned address")

    def restore(self, frames, generator):
        mark = self.options["mark"]
        if mark:
            if not Path(mark).exists():
                Path(mark).touch()
                lose("uncorrectable ECC error encountered")
        elif self.options["step"] == "hidden" and self.clip.name == "one":
            try:
                lose()
            except NEW as error:
                raise NEW(f"my network failed: {error}")
        elif self.options["step"] == "old" and self.clip.name == "one":
            lose(kind=RuntimeError)
        elif self.clip.name == "one":
            lose()
        return super().restore(frames, generator)
"""
METRIC = """
import numpy as np
from vfsrbench.metric import Metric
from lost_gpu.cuda import call, lose


class Careful(Metric):
    def load(self, weights, device):
        super().load(weights, device)
        self.runs_on = "mine: CPU"

    def prepare(self, gt):
        call()

    def score(self, restored, gt, state):
        call()
        return np.ones(len(restored.scored))


class Careless(Careful):
    def prepare(self, gt):
        if gt.truth.name == "one":
            lose()
        super().prepare(gt)
"""
METHOD_CARD = """
name = "{name}"
title = "{name}"
kind = "image"
class = "lost_gpu.methods:{kind}"
description = "a test's method"
[options.step]
type = "str"
default = "restore"
choices = ["load", "start", "restore", "hidden", "old"]
help = "where"
[options.mark]
type = "str"
default = ""
help = "a file that says that it was done"
"""
METRIC_CARD = """
id = "{id}"
title = "{id}"
unit = "-"
direction = "higher"
level = "frame"
class = "lost_gpu.metric:{kind}"
definition = "A test's metric."
source = "a test"
checked_against = "nothing"
"""
ENTRY_POINTS = """
[vfsrbench.methods]
lost_gpu = lost_gpu
[vfsrbench.metrics]
lost_gpu = lost_gpu
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package as an installer leaves it, on the path of this process and of its workers."""
    place = tmp_path / "site"
    files = {
        "__init__.py": "",
        "cuda.py": CUDA,
        "methods.py": METHODS,
        "metric.py": METRIC,
        "good/card.toml": METHOD_CARD.format(name="good", kind="Good"),
        "bad/card.toml": METHOD_CARD.format(name="bad", kind="Bad"),
        "cards/careful.toml": METRIC_CARD.format(id="careful", kind="Careful"),
        "cards/careless.toml": METRIC_CARD.format(id="careless", kind="Careless"),
    }
    for name, text in files.items():
        path = place / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    info = place / f"{NAME}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield place
    forget()


def forget() -> None:
    """What a new process does: the GPU is whole again."""
    for name in [n for n in sys.modules if n.partition(".")[0] == NAME]:
        del sys.modules[name]


def board(
    tmp_path: Path, *methods: str, metrics: Sequence[str] = ("psnr",), clips: Sequence[str] = ("one", "two")
):
    data = tmp_path / "data"
    if not data.exists():
        data_set(data, clips, frames=6)
    return small_board(data, methods, splits=["bi-x4"], metrics=metrics)


def run(chosen, workspace: Path, engine: str = "local", workers: int = 1) -> tuple[RunSummary, Listener]:
    seen = Listener()
    return run_board(chosen, workspace, engine=engine, workers=workers, progress=seen), seen


def ends(workspace: Path) -> dict[tuple[str, str], str]:
    records = [read_record(path) for path in result_files([workspace / "results"])]
    return {(r.method, r.clip): r.status for r in records}


def test_the_worker_is_replaced_and_the_neighbours_are_done(tmp_path: Path):
    """Without a new process each method after the first bad one would fail, with CUDA's words."""
    bad = ["bad", "bad[step=start]"]
    good = ["good", "nearest", "good[mark=x]"]
    order = [good[0], bad[0], good[1], *bad[1:], good[2]]
    metrics = ("psnr", "careful")
    summary, seen = run(board(tmp_path, *order, metrics=metrics, clips=["one"]), tmp_path / "w")
    wanted = {**dict.fromkeys(bad, "failed"), **dict.fromkeys(good, "ok")}
    assert ends(tmp_path / "w") == {(name, "one"): status for name, status in wanted.items()}
    reasons = {job.method: r.reason for job, r in summary.records.items() if r.status == "failed"}
    assert all("Error: " in reason and "CUDA error: " in reason for reason in reasons.values())
    assert "an illegal memory access was encountered" in reasons["bad"]
    assert "RuntimeError: CUDA error: unspecified launch failure" in reasons["bad[step=start]"]
    assert not any(r.broken for r in summary.records.values()) and summary.exit_code == 3
    assert sorted(end.job.method for end in seen.ends) == sorted(order), "each job ended once"
    # what the new processes made is what a run without the bad ones makes
    run(board(tmp_path, "good", metrics=metrics), tmp_path / "v", engine="serial")
    assert {k: v for k, v in scores(tmp_path / "w").items() if k[0] == "good"} == scores(tmp_path / "v")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("load", "misaligned address"),
        ("start", "RuntimeError: CUDA error: unspecified launch failure"),
        ("hidden", "my network failed"),
        ("old", "RuntimeError: CUDA error: an illegal memory access"),
    ],
)
def test_it_is_lost_at_any_step(tmp_path: Path, step: str, said: str):
    spec = f"bad[step={step}]"
    with pytest.raises(PoisonedDevice):
        run(board(tmp_path, spec, "good", clips=["one"]), tmp_path / "w", engine="serial")
    assert ends(tmp_path / "w") == {(spec, "one"): "failed"}
    (path,) = result_files([tmp_path / "w" / "results"])
    assert "CUDA error: " in read_record(path).reason and said in read_record(path).reason


def test_the_serial_engine_stops_with_one_line_and_the_next_run_goes_on(tmp_path: Path, capsys):
    chosen = board(tmp_path, "good", "bad", "good[mark=x]")
    with pytest.raises(PoisonedDevice, match="the same command goes on with the rest"):
        run(chosen, tmp_path / "w", engine="serial")
    first = ends(tmp_path / "w")
    assert first == {("bad", "one"): "failed"}, "nothing of the neighbours is recorded"
    forget()
    summary, _ = run(chosen, tmp_path / "w", engine="serial")
    assert summary.counts == {"ok": 5, "failed": 1} and ends(tmp_path / "w")["bad", "one"] == "failed"
    forget()
    file = board_file(tmp_path / "b.toml", chosen)
    line = fails(capsys, "run", file, "-w", tmp_path / "v", "--engine", "serial", "--no-report", code=3)
    assert "an illegal memory access was encountered" in line and "--engine local" in line


def test_what_the_card_itself_did_is_nobody_s_failure(tmp_path: Path):
    spec = f"bad[mark={tmp_path / 'mark'}]"
    summary, _ = run(board(tmp_path, "good", spec, clips=["one"]), tmp_path / "w")
    assert (tmp_path / "mark").exists() and summary.counts == {"ok": 2}


def test_a_metric_that_loses_the_gpu_costs_its_own_column(tmp_path: Path):
    chosen = board(tmp_path, "good", "nearest", metrics=("psnr", "careless", "careful"))
    summary, _ = run(chosen, tmp_path / "w")
    assert summary.counts == {"ok": 4} and summary.exit_code == 3
    for job, record in summary.records.items():
        there = {"psnr", "careful"} | ({"careless"} if job.clip == "two" else set())
        assert set(record.clip_values) == there
        assert record.scores["careful"].device == f"{record.device}; mine: CPU"
        assert record.scores["psnr"].device == record.device
        assert record.broken == ([] if job.clip == "two" else ["careless"])
        if job.clip == "one":
            assert record.unavailable["careless"].startswith("metric careless: ")
            assert "Error: CUDA error: an illegal" in record.unavailable["careless"]


def test_scoring_by_hand_says_it_in_one_line(tmp_path: Path, capsys):
    data = data_set(tmp_path / "data", ["one"])
    given = ["score", "--outputs", f"mine={data}", "--dataset", data, "--metric", "careless"]
    fails(capsys, *given, "-w", tmp_path / "w", "--engine", "serial", code=3)
    forget()
    import vfsrbench

    with pytest.raises(vfsrbench.InputError, match=r"cannot be scored: metric careless: \w+Error"):
        vfsrbench.score(data / "one", data / "one", metrics=["careless"], device="cpu")


def test_restore_reports_the_clip_and_tries_no_other(tmp_path: Path, capsys):
    data = data_set(tmp_path / "data", ["one", "two"])
    out = tmp_path / "out"
    assert main.run(["restore", str(data), str(out), "--method", "bad", "--scale", "1"]) == 3
    said = capsys.readouterr().err
    assert "one: failed: " in said and "Error: CUDA error" in said
    assert "two: failed: not tried: an earlier clip made the GPU unusable for this process" in said
    assert "Traceback" not in said


def test_check_ends_with_the_finding(capsys):
    assert main.run(["check", "bad[step=load]", "--side", "16"]) == 3
    said = capsys.readouterr().out
    assert said.count("FAILED") == 1 and "cannot be loaded: " in said and "CUDA error" in said


@pytest.fixture
def environment() -> Iterator[None]:
    with process_kept():
        yield


def planned(tmp_path: Path) -> None:
    chosen = board(tmp_path, "good", "bad", "bad[step=old]", "nearest", metrics=("psnr", "careful"))
    summary = run_board(chosen, tmp_path / "w", engine=WorkersEngine(wait=False))
    assert summary.left and not summary.problems


WANTED = {
    **{(method, clip): "ok" for method in ("good", "nearest") for clip in ("one", "two")},
    **{(method, "one"): "failed" for method in ("bad", "bad[step=old]")},
    **{(method, "two"): "ok" for method in ("bad", "bad[step=old]")},
}


def test_workers_of_a_plan_end_and_the_next_ones_go_on(tmp_path: Path, environment: None) -> None:
    """`vfsrbench worker`, which Slurm's tasks are, too, and the actors of Ray."""
    from vfsrbench.fleet.ray.actor import _work

    planned(tmp_path)
    with pytest.raises(WorkerUnfit, match="an illegal memory access"):
        working.work_off(tmp_path / "w")
    assert list(ends(tmp_path / "w").values()).count("failed") == 1
    forget()
    said = _work(str(tmp_path / "w"), "cpu")
    assert "an illegal memory access" in said.unfit and not said.refused
    assert list(ends(tmp_path / "w").values()).count("failed") == 2
    forget()
    done = _work(str(tmp_path / "w"), "cpu")
    assert not done.unfit and ends(tmp_path / "w") == WANTED


def test_a_worker_starts_itself_anew_with_the_gpu_that_it_was_given(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch, environment: None
) -> None:
    """The process that takes its place must see all GPUs again, or `cuda:1` would be none."""
    planned(tmp_path)
    monkeypatch.setattr(devices, "visible_gpus", lambda: ["4", "7"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    started: list[tuple[list[str], dict[str, str], str]] = []

    class Replaced(BaseException):
        """No code of the old process runs any more."""

    def execve(program: str, words: list[str], environment: dict[str, str]) -> None:
        started.append((words, environment, os.environ["CUDA_VISIBLE_DEVICES"]))
        raise Replaced

    monkeypatch.setattr(os, "execve", execve)
    command = ["worker", str(tmp_path / "w"), "--device", "cuda:1"]
    with pytest.raises(Replaced):
        main.run(command)
    words, given, chosen = started[0]
    assert words == [sys.executable, *sys.orig_argv[1:]]
    assert (given["CUDA_VISIBLE_DEVICES"], given["VFSRBENCH_WORKER_AGAIN"], chosen) == ("4,7", "1", "7")
    assert "starting anew: " in capsys.readouterr().err
    forget()
    monkeypatch.setenv("VFSRBENCH_WORKER_AGAIN", "20")
    assert main.run(command) == 3 and len(started) == 1
    assert "the GPU was lost 21 times; this worker ends" in capsys.readouterr().err
