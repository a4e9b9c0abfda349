"""Memory that ends at any step, generators that belong to others, values that cannot be meant."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from reports.tables.leaderboard import Sources, build_tables
from tests.vfsrbench.boards import data_set, method_folder, small_board
from tests.vfsrbench.restoration.test_restore import Scripted, go, ramp, same
from tests.vfsrbench.runs.recording import run
from vfsrbench.errors import JobFailure
from vfsrbench.method_spec import choose_method
from vfsrbench.metrics.fidelity import Psnr
from vfsrbench.metrics.ssim import Ssim
from vfsrbench.plugins import metrics
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.runtime.memory import held_bytes
from vfsrbench.runtime.reach import Reach
from vfsrbench.runtime.seeding import seeded
from vfsrbench.scoring.scorer import Scorer

CPU = torch.device("cpu")
FULL = "raise torch.cuda.OutOfMemoryError('CUDA out of memory')"


class Hungry(Scripted):
    """Its `start_clip` finds no memory while others hold some."""

    def start_clip(self, info):
        super().start_clip(info)
        if HELD["others"]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")


HELD = {"others": 0}


def give_back() -> bool:
    HELD["others"] -= 1
    return HELD["others"] >= 0


def test_memory_that_ends_before_the_first_frame_is_given_back_and_the_clip_goes_on(tmp_path: Path):
    HELD["others"] = 2
    predictor = Hungry(same, window=4)
    out, report = go(predictor, ramp(), tmp_path, release=give_back)
    assert np.array_equal(out, ramp().read(0, 9))
    assert predictor.started == 3 and (report.window, report.halved) == (4, 0)


def test_memory_that_stays_away_before_the_first_frame_ends_the_job_as_oom(tmp_path: Path):
    HELD["others"] = 2
    with pytest.raises(JobFailure, match="before the first frame") as caught:
        go(Hungry(same, window=4), ramp(), tmp_path)
    assert caught.value.status == "oom"


def test_a_run_goes_on_when_a_method_finds_no_memory_to_start_a_clip(tmp_path: Path):
    folder = method_folder(tmp_path, "hungry")
    code = tmp_path / "hungry" / "code.py"
    code.write_text(code.read_text() + f"\n    def start_clip(self, info):\n        {FULL}\n")
    data = data_set(tmp_path / "data")
    board = small_board(data, [folder, method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    summary, _ = run(board, tmp_path / "w")
    assert {(job.method, r.status) for job, r in summary.records.items()} == {("hungry", "oom"), ("m", "ok")}


ONCE = """
    def {call}:
        if not Path({mark!r}).exists():
            Path({mark!r}).touch()
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().{given}
"""


@pytest.mark.parametrize("call", ["load(self, weights, device)", "start_clip(self, info)"])
def test_memory_that_is_there_at_the_second_try_is_no_failure(tmp_path: Path, call: str):
    folder = method_folder(tmp_path, "m")
    code = tmp_path / "m" / "code.py"
    given = call.replace("self, ", "")
    code.write_text(code.read_text() + ONCE.format(call=call, given=given, mark=str(tmp_path / "tried")))
    board = small_board(data_set(tmp_path / "data"), [folder], splits=["bi-x4"], metrics=["psnr"])
    summary, _ = run(board, tmp_path / "w")
    assert (tmp_path / "tried").exists() and summary.counts == {"ok": 2}


@pytest.mark.parametrize(
    ("always", "step"),
    [
        *((False, step) for step in ("prepare", "score", "finish")),
        (True, "score"),
        *(pytest.param(True, step, marks=pytest.mark.slow) for step in ("prepare", "finish")),
    ],
)
def test_a_metric_without_memory_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, always: bool
):
    plain, calls = getattr(Ssim, step), []

    def hungry(self, *given):
        calls.append(step)
        if always or len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(self, *given)

    monkeypatch.setattr(Ssim, step, hungry)
    data, folder = data_set(tmp_path / "data", ["one"]), method_folder(tmp_path, "m")
    board = small_board(data, [folder], splits=["bi-x4"], metrics=["psnr", "ssim"])
    summary, _ = run(board, tmp_path / "w")
    (record,) = summary.records.values()
    assert record.status == "ok" and set(record.clip_values) == {"psnr", *([] if always else ["ssim"])}
    assert record.broken == (["ssim"] if always else []) and summary.exit_code == (3 if always else 0)
    if always:
        assert "even with one frame at a time" in record.unavailable["ssim"]
        monkeypatch.setattr(Ssim, step, plain)
        again, _ = run(board, tmp_path / "w", retry_failed=True)
        assert again.exit_code == 0


@pytest.mark.parametrize("enough", [True, False])
def test_memory_that_ends_while_a_metric_is_loaded(monkeypatch: pytest.MonkeyPatch, enough: bool):
    held = [1, 2]
    load = Psnr.load

    def hungry(self, weights, device):
        if held or not enough:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        load(self, weights, device)

    monkeypatch.setattr(Psnr, "load", hungry)
    scorer = Scorer(["psnr", "ssim"], metrics(), CPU, release=lambda: bool(held) and bool(held.pop()))
    assert ("psnr" in scorer.metrics) == enough and "ssim" in scorer.metrics
    if enough:
        return
    assert "out of memory" in scorer.unavailable["psnr"] and "psnr" in scorer.broken
    # the next clip finds the memory that this one did not
    monkeypatch.setattr(Psnr, "load", load)
    from tests.vfsrbench.scoring.test_scorer import info

    clip = ramp(4, 16)
    ((scores,), _) = scorer.score(clip, info(clip), [clip])
    assert scores.clip_values["psnr"] == 100 and not scores.broken and not scores.unavailable


DRAWS = {
    "torch": lambda: torch.rand(3).tolist(),
    "numpy": lambda: np.random.rand(3).tolist(),
    "Python": lambda: [random.random() for _ in range(3)],
}


@pytest.mark.parametrize("which", DRAWS)
@pytest.mark.parametrize("where", ["restore", "start_clip"])
def test_a_method_that_draws_from_a_global_generator_is_reproducible(tmp_path: Path, which: str, where: str):
    seen: list[list[float]] = []

    class Drawing(Scripted):
        def start_clip(self, info):
            super().start_clip(info)
            if where == "start_clip":
                seen.append(DRAWS[which]())

    def act(self, frames, generator):
        if where == "restore":
            seen.append(DRAWS[which]())
        return frames

    with seeded(5, CPU):
        after = DRAWS[which]()
    with seeded(5, CPU):
        go(Drawing(act, window=9), ramp(), tmp_path)
        assert DRAWS[which]() == after, "the method leaves the generator as it was"
    DRAWS[which]()
    go(Drawing(act, window=9), ramp(), tmp_path)
    assert seen[0] == seen[1]


def test_a_block_that_fails_puts_the_generators_back():
    for draw in DRAWS.values():
        with seeded(3, CPU):
            expected = draw()
        with seeded(3, CPU):
            with pytest.raises(KeyError), seeded(99, CPU):
                draw()
                raise KeyError
            assert draw() == expected


def use(root: Path, name: str) -> MethodUse:
    folder = method_folder(root, name)
    code = root / name / "code.py"
    load = "super().load(weights, device); self.net = torch.nn.Linear(256, 1024)"
    code.write_text(code.read_text() + f"\n    def load(self, weights, device):\n        {load}\n")
    method = choose_method(folder)
    return MethodUse(method)


def test_a_cpu_worker_holds_so_many_methods_and_drops_the_one_used_longest_ago(tmp_path: Path):
    a, b, c, d = (use(tmp_path, name) for name in "abcd")
    cache = PredictorCache(CPU)
    cache.most = 3
    first = cache.get(a)
    for method in (b, c, a, d):
        cache.get(method)
    assert cache.held == ["c", "a", "d"] and cache.get(a) is first
    assert held_bytes(first) == 4 * (256 * 1024 + 1024)
    cache.most_bytes = 2 * held_bytes(first)
    cache.get(b)
    assert cache.held == ["a", "b"]
    cache.most_bytes = 1
    cache.get(c)
    assert cache.held == ["c"], "the method in use is held however large it is"


def test_what_is_loaded_again_gives_the_same(tmp_path: Path):
    """Random layers that no checkpoint fills are seeded when a method is loaded."""
    method = use(tmp_path, "a")
    one, other = (PredictorCache(CPU).get(method).net.weight for _ in range(2))  # type: ignore[attr-defined]
    assert torch.equal(one, other)  # type: ignore[arg-type]


def test_values_far_outside_are_counted_exactly():
    reach = Reach()
    reach.count(torch.tensor([-0.05, 0.0, 1.0, 1.05]), -0.05, 1.05)
    assert (reach.far, reach.total, reach.warnings) == (0, 4, [])
    reach.count(torch.tensor([-0.11, float("inf"), 1.2, -float("inf")]), -float("inf"), float("inf"))
    assert (reach.far, reach.total, reach.clamped) == (4, 8, 0.5)
    assert reach.warnings == ["wrong range? 50.0% of the values were clamped: they reach from -inf to inf"]


SCALES = {
    "out = out * 255": 0.9,
    "out = out * 2 - 1": 0.2,
    "out[:, :, :4] = float('inf')": 0.12,
    "out[:, :, :4] = -float('inf')": 0.12,
}


@pytest.mark.parametrize("act", SCALES)
def test_a_wrong_range_is_said_in_the_record_and_on_the_board(
    tmp_path: Path, act: str, capsys: pytest.CaptureFixture[str]
):
    from rich.console import Console

    from reports.inputs.results import read_results
    from reports.site.table_html import to_html
    from reports.tables.formats import to_markdown
    from reports.tables.terminal import print_tables

    data = data_set(tmp_path / "data", frames=6)
    wrong = method_folder(tmp_path, "wrong", act)
    board = small_board(data, [wrong, method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    summary, _ = run(board, tmp_path / "w", keep="png")
    for job, record in summary.records.items():
        assert record.status == "ok"
        assert (record.clamped > SCALES[act]) == (job.method == "wrong")
        assert any("wrong range?" in w for w in record.warnings) == (job.method == "wrong")
    table = build_tables(board, read_results(list(summary.files))[0], Sources())[0]
    assert [note for note in table.notes if "wrong range?" in note and note.startswith("wrong:")]
    print_tables([table], Console(width=120))
    printed = capsys.readouterr().out
    assert "wrong (wrong range?)" in printed and "m (wrong" not in printed
    assert "wrong (wrong range?)" in to_html(table) and "wrong range?" in to_markdown(table)
    # kept frames say the same when other metrics are asked of them
    more, _ = run(small_board(data, [wrong], splits=["bi-x4"], metrics=["ssim"]), tmp_path / "w")
    assert all(r.clamped > SCALES[act] and r.warnings for r in more.records.values())


def test_a_little_overshoot_is_no_wrong_range(tmp_path: Path):
    assert go(Scripted(lambda s, f, g: f * 1.05 - 0.02), ramp(), tmp_path)[1].warnings == []
