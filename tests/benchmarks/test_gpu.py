"""benchmarks/gpu.py in its reduced form: every step runs, what was found stays when a run is cut."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from benchmarks.gpu_steps import memory_texts, methods
from benchmarks.gpu_steps.session import Session
from benchmarks.gpu_steps.waits import waits_by_line

CPU = torch.device("cpu")


def test_every_step_runs_in_small(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "gpu.json"
    assert gpu.main(["--reduced", "--device", "cpu", "--seconds", "300", "--out", str(out)]) == 0
    results = gpu.load(out)
    steps = results["steps"]
    assert list(steps) == list(gpu.STEPS) and {step["state"] for step in steps.values()} == {"done"}
    assert steps["machine"]["parts"]["machine"]["device"].startswith("CPU")
    assert steps["machine"]["parts"]["cold start"]["first convolution"] > 0
    errors = {name: facts["strict"]["error"] for name, facts in steps["precision"]["parts"].items()}
    assert len(errors) == 6 and all(0 < error < 1e-4 for error in errors.values())
    assert steps["precision"]["parts"]["matmul"]["fast"]["error"] > 1e-3
    assert steps["attention"]["parts"]["strict, 4 axes"]["fused"]
    assert steps["attention"]["parts"]["strict: 3 and 4 axes"] == {"equal bits": True}
    edvr = steps["methods"]["parts"]["edvr"]
    for profile in ("strict", "fast"):
        assert edvr[profile]["repeatable"] and edvr[profile]["speed"][0]["frames_s"] > 0
        assert any(line.startswith("vfsrbench/") for line in edvr[profile]["waits"])
    assert edvr["fast"]["psnr_to_strict"] > 30
    batches = [row["frames_a_call"] for row in steps["methods"]["parts"]["bicubic"]["strict"]["speed"]]
    assert batches == [1, 2]
    assert steps["metrics"]["parts"]["lpips_alex"]["fast"]["restored_ms"] > 0
    assert "fast" not in steps["metrics"]["parts"]["psnr"]
    scoring = steps["scoring"]["parts"]["strict"]
    assert scoring["metrics"] == 2 and not scoring["unavailable"] and scoring["restored_frames_s"] > 0
    texts = steps["memory_texts"]["parts"]
    assert all(facts["recognized"] for facts in texts.values()) and "DefaultCPUAllocator" in str(texts)
    told = capfd.readouterr().out
    assert told.strip() == out.with_suffix(".md").read_text().strip()
    assert "## methods: done" in told and "--device cpu --reduced" in told


def given(out: Path, *more: str) -> argparse.Namespace:
    return gpu.parse(["--device", "cpu", "--reduced", "--out", str(out), *more])


def test_a_worker_that_dies_is_replaced_and_what_it_found_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def worker(given: argparse.Namespace, steps: list[str], ends: float) -> str:
        asked.append(list(steps))
        results = gpu.load(given.out)
        if len(asked) == 1:
            results["steps"]["machine"] = {"state": "done", "parts": {"machine": {"device": "a card"}}}
            results["steps"]["precision"] = {"state": "running", "parts": {"conv2d": {"error": 1.0}}}
            gpu.save(given.out, results)
            return "its process ended with -11"
        for name in steps:
            results["steps"][name] = {"state": "done", "parts": {}}
        gpu.save(given.out, results)
        return ""

    monkeypatch.setattr(gpu, "work_until", worker)
    out = tmp_path / "gpu.json"
    assert gpu.run(given(out)) == 1
    assert asked == [list(gpu.STEPS), list(gpu.STEPS[2:])]
    steps = gpu.load(out)["steps"]
    assert steps["machine"]["parts"] == {"machine": {"device": "a card"}}
    assert steps["precision"] == {
        "state": "cut",
        "why": "its process ended with -11",
        "parts": {"conv2d": {"error": 1.0}},
    }
    assert steps["memory_texts"]["state"] == "done"
    # one step again: the others' results stay
    monkeypatch.setattr(gpu, "work_until", lambda given, steps, ends: "its process ended with 1")
    assert gpu.run(given(out, "--steps", "attention")) == 1
    steps = gpu.load(out)["steps"]
    assert steps["attention"]["state"] == "not reached" and steps["machine"]["state"] == "done"


ASKED = ("--steps", "methods", "--methods", "one", "two", "three", "four")


def in_this_process(monkeypatch: pytest.MonkeyPatch, facts_of: Callable[[str, Session], object]) -> list[str]:
    """Workers run here; what they are asked for is listed."""
    asked: list[str] = []

    def looked(spec: str, session: Session) -> object:
        asked.append(spec)
        return facts_of(spec, session)

    def worker(given: argparse.Namespace, steps: list[str], ends: float) -> str:
        code = gpu.work(argparse.Namespace(**{**vars(given), "steps": steps}))
        return f"its process ended with {code}" if code else ""

    monkeypatch.setattr(methods, "facts_of", looked)
    monkeypatch.setattr(gpu, "work_until", worker)
    return asked


def test_a_method_that_fails_or_loses_the_card_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def facts_of(spec: str, session: Session) -> object:
        if spec == "two":
            raise ValueError("no such shape")
        if spec == "three":
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return {"load_s": 1.0}

    asked = in_this_process(monkeypatch, facts_of)
    out = tmp_path / "gpu.json"
    assert gpu.run(given(out, *ASKED)) == 0
    assert asked == ["one", "two", "three", "four"], "the new process goes on behind the one that lost it"
    step = gpu.load(out)["steps"]["methods"]
    assert step["parts"]["one"] == step["parts"]["four"] == {"load_s": 1.0}
    assert "no such shape" in step["parts"]["two"]["failed"]
    assert "an illegal memory access" in step["parts"]["three"]["failed"]
    # again: what was found stays, what failed is tried
    assert gpu.run(given(out, *ASKED[:2], "--resume")) == 0 and len(asked) == 4
    more = in_this_process(monkeypatch, lambda spec, session: {"load_s": 2.0})
    step["state"] = "cut"
    gpu.save(out, {"steps": {"methods": step, "machine": {"state": "done", "parts": {}}}})
    monkeypatch.setattr(methods, "specs", lambda: ["one", "two", "three", "four"])
    monkeypatch.setattr(methods, "REDUCED", ("one", "two", "three", "four"))
    assert gpu.run(given(out, "--resume", "--steps", "methods", "machine")) == 0
    assert more == ["two", "three"]
    found = gpu.load(out)["steps"]
    assert [found["methods"]["parts"][name]["load_s"] for name in ("one", "two", "four")] == [1, 2, 1]
    assert "--resume" in gpu.load(out)["command"] and found["machine"]["state"] == "done"
    # one method anew: the others stay
    assert gpu.run(given(out, "--steps", "methods", "--methods", "one")) == 0
    assert {name: facts["load_s"] for name, facts in gpu.load(out)["steps"]["methods"]["parts"].items()} == {
        "one": 2.0,
        "two": 2.0,
        "three": 2.0,
        "four": 1.0,
    }


def test_what_kills_its_process_is_told_and_the_step_goes_on_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def facts_of(spec: str, session: Session) -> object:
        if spec == "two":
            raise Killed
        return {"load_s": 1.0}

    asked = in_this_process(monkeypatch, facts_of)
    work = gpu.work_until

    def worker(given: argparse.Namespace, steps: list[str], ends: float) -> str:
        try:
            return work(given, steps, ends)
        except Killed:
            return "its process ended with -11"

    monkeypatch.setattr(gpu, "work_until", worker)
    out = tmp_path / "gpu.json"
    assert gpu.run(given(out, *ASKED)) == 0 and asked == ["one", "two", "three", "four"]
    step = gpu.load(out)["steps"]["methods"]
    assert step["parts"]["two"] == {"failed": "its process ended with -11"} and step["state"] == "done"


def test_methods_leave_time_for_the_steps_after_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "SHARES", {"methods": 0.0})
    asked = in_this_process(monkeypatch, lambda spec, session: {})
    out = tmp_path / "gpu.json"
    assert gpu.run(given(out, *ASKED[:2], "machine", *ASKED[2:])) == 1 and not asked
    steps = gpu.load(out)["steps"]
    assert steps["methods"]["state"] == "cut" and "--resume goes on" in steps["methods"]["why"]
    assert steps["machine"]["state"] == "done"


@pytest.mark.slow
def test_a_run_that_is_cut_keeps_what_it_has(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    arguments = given(out, "--seconds", "20", "--methods", "bicubic", "flair[K=2,degradation=x8]")
    assert gpu.run(arguments) == 1
    steps = gpu.load(out)["steps"]
    assert steps["machine"]["state"] == steps["attention"]["state"] == "done"
    assert steps["methods"]["state"] == "cut" and steps["methods"]["why"] == "the time was over"
    assert "bicubic" in steps["methods"]["parts"]
    assert steps["scoring"] == {"state": "not reached", "parts": {}}


def test_a_part_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    arguments = given(
        out, "--seconds", "100", "--steps", "methods", "machine", "--methods", "gfpgam", "bicubic"
    )
    gpu.work(arguments)
    steps = gpu.load(out)["steps"]
    assert "gfpgam" in steps["methods"]["parts"]["gfpgam"]["failed"]
    assert steps["methods"]["parts"]["bicubic"]["strict"]["repeatable"]
    assert steps["machine"]["state"] == "done"


def test_waits_are_counted_by_line() -> None:
    session = Session(CPU, ends=0.0, reduced=True)

    def asks() -> None:
        values = torch.arange(3.0)
        total = sum(value.item() for value in values)
        assert total == 3 and bool((values > 1).any())

    first = asks.__code__.co_firstlineno
    here = Path(__file__).relative_to(gpu.ROOT)
    assert waits_by_line(session, asks) == {f"{here}:{first + 2}": 3, f"{here}:{first + 3}": 1}
    assert waits_by_line(session, lambda: torch.arange(3.0).sum()) == {}


def test_errors_of_memory_are_recorded_to_the_letter() -> None:
    def fails() -> None:
        raise RuntimeError("cuDNN error:\n  CUDNN_STATUS_ALLOC_FAILED")

    told = memory_texts.said(fails)
    assert told == {
        "error": "builtins.RuntimeError",
        "text": "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "recognized": True,
    }
    assert not memory_texts.said(lambda: [][1])["recognized"]
    assert memory_texts.said(lambda: None) == {"error": "none"}
