"""Memory that does not suffice for a method's window, the cold start, and what a method's memory is."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

from reports.site.provenance import facts
from reports.tables.leaderboard import Sources, build_tables
from tests.vfsrbench.boards import data_set, method_folder, small_board
from tests.vfsrbench.cli.commands import fails
from tests.vfsrbench.restoration.test_restore import Scripted, go, ramp, same
from tests.vfsrbench.runs.recording import run
from vfsrbench.cli import main
from vfsrbench.errors import JobFailure
from vfsrbench.method_spec import choose_method
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache

FULL = "CUDA out of memory. Tried to allocate 3.00 GiB"


def hungry(self, frames, generator):
    if len(frames) > 2:
        raise torch.OutOfMemoryError(FULL)
    return frames


def test_a_window_that_shows_in_the_result_is_not_halved_unless_it_is_allowed(tmp_path: Path):
    with pytest.raises(JobFailure, match="--allow-smaller-windows") as caught:
        go(Scripted(hungry, window=6, window_dependent=True), ramp(), tmp_path, smaller_windows=False)
    assert caught.value.status == "oom" and "with 6 frames at a time" in caught.value.reason
    out, report = go(Scripted(hungry, window=6, window_dependent=True), ramp(), tmp_path)
    assert report.smaller_windows and report.window == 1 and len(out) == 9
    assert "another protocol, as this method's result depends on that" in report.warnings[0]
    _, plain = go(Scripted(hungry, window=6), ramp(), tmp_path, smaller_windows=False)
    assert plain.halved == 2 and not plain.smaller_windows and "protocol" not in plain.warnings[0]


def test_the_row_says_so_and_the_job_is_oom_without_the_option(tmp_path: Path, capsys):
    data = data_set(tmp_path / "data", ["one"], frames=6)
    act = f"if len(frames) > 3: raise torch.OutOfMemoryError('{FULL}')"
    folder = method_folder(tmp_path, "m", act, more="window = 6\nwindow_dependent = true")
    board = small_board(data, [folder, method_folder(tmp_path, "n")], splits=["bi-x4"], metrics=["psnr"])
    summary, _ = run(board, tmp_path / "w")
    assert {job.method: r.status for job, r in summary.records.items()} == {"m": "oom", "n": "ok"}
    (oom,) = [r for r in summary.records.values() if r.status == "oom"]
    assert "--allow-smaller-windows" in oom.reason and "--retry-failed" in oom.reason

    summary, _ = run(board, tmp_path / "w", retry_failed=True, smaller_windows=True, keep="png")
    records = {job.method: r for job, r in summary.records.items()}
    assert summary.counts == {"ok": 2}
    assert records["m"].smaller_windows and records["m"].window == 3 and not records["n"].smaller_windows
    assert dict(facts(records["m"]))["Window"] == "3 frames, another protocol: memory ran out"

    from reports.inputs.results import read_results
    from reports.site.table_html import to_html
    from reports.tables.formats import to_csv, to_markdown

    table = build_tables(board, read_results(list(summary.files))[0], Sources())[0]
    for text in (to_html(table), to_markdown(table)):
        assert "m (smaller windows)" in text and "n (" not in text
    assert "smaller_windows" in to_csv([table]).splitlines()[0]
    assert [n for n in table.notes if n.startswith("m: another protocol. Memory ran out in 1 of 1 clip, ")]
    # kept frames say the same when other metrics are asked of them
    more, _ = run(small_board(data, [folder], splits=["bi-x4"], metrics=["ssim"]), tmp_path / "w")
    assert all(r.smaller_windows for r in more.records.values())
    del capsys


def test_the_option_of_the_command_line(tmp_path: Path, capsys):
    from tests.vfsrbench.boards import board_file

    data = data_set(tmp_path / "data", ["one"], frames=6)
    act = f"if len(frames) > 3: raise torch.OutOfMemoryError('{FULL}')"
    folder = method_folder(tmp_path, "m", act, more="window = 6\nwindow_dependent = true")
    board = small_board(data, [folder], splits=["bi-x4"], metrics=["psnr"])
    file = board_file(tmp_path / "b.toml", board)
    command = ["run", str(file), "-w", str(tmp_path / "w"), "--engine", "serial", "--no-report"]
    assert main.run(command) == 3
    assert "--allow-smaller-windows --retry-failed" in capsys.readouterr().err
    assert main.run([*command, "--allow-smaller-windows", "--retry-failed"]) == 0
    fails(capsys, "score", "--outputs", "a=b", "--allow-smaller-windows")


def test_a_window_before_the_clock_runs_changes_nothing_but_the_time(tmp_path: Path):
    def noise(self, frames, generator):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 1:
            import time

            time.sleep(0.5)  # the cold start
        return torch.rand(frames.shape, generator=generator)

    cold, report = go(Scripted(noise, window=4, stateful=True), ramp(), tmp_path)
    warm_one = Scripted(noise, window=4, stateful=True)
    warm, after = go(warm_one, ramp(), tmp_path, warm_up=True)
    assert np.array_equal(cold, warm) and report.seconds > 0.5 > after.seconds > 0
    assert after.warmed_up and not report.warmed_up
    assert after.reach == report.reach and after.window == report.window == 4
    assert warm_one.windows == [[4], [4, 4, 1]], "the clip is begun anew after the first window"


def test_memory_that_ends_in_the_first_window_leaves_the_clip_as_it_would_be(tmp_path: Path):
    out, report = go(Scripted(hungry, window=4), ramp(), tmp_path, warm_up=True)
    assert np.array_equal(out, go(Scripted(hungry, window=4), ramp(), tmp_path)[0])
    assert (report.warmed_up, report.halved, report.window) == (False, 1, 2)


def test_a_gpu_warms_up_once_a_method_and_a_cpu_never(tmp_path: Path):
    use = MethodUse(choose_method(method_folder(tmp_path, "m")))
    cache = PredictorCache(torch.device("cpu"))
    cache.get(use)
    assert not cache.warms_up(use)
    cache = PredictorCache(torch.device("cpu"))
    cache.get(use)
    cache.device = torch.device("cuda")
    assert cache.warms_up(use) and not cache.warms_up(use)


def test_the_record_says_that_a_window_went_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(PredictorCache, "warms_up", lambda self, use: True)
    data = data_set(tmp_path / "data", ["one"], frames=6)
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    (record,) = run(board, tmp_path / "w")[0].records.values()
    assert record.warmed_up
    said = dict(facts(record))
    assert said["Restored in"].endswith(" s, after a window to warm up")
    assert said["Restored on"] == said["Scored on"] == record.device == record.scores["psnr"].device


class Layered(Scripted):
    """Holds 32 MiB of weights and takes 64 MiB while it restores."""

    def load(self, weights, device):
        super().load(weights, device)
        self.net = torch.nn.Linear(1 << 11, 1 << 12, bias=False)


def act_on_memory(self, frames, generator):
    taken = torch.ones(64 << 18)
    return frames + 0 * taken[0]


def peaks(folder: Path) -> tuple[int, int]:
    """Peak memory of a method that takes 64 MiB beside a network of 32, and of one that takes nothing."""
    neighbour = torch.ones(300 << 18)
    predictor = Layered(act_on_memory, window=9)
    predictor.load({}, torch.device("cpu"))
    _, report = go(predictor, ramp(), folder)
    _, small = go(Scripted(same, window=9), ramp(), folder)
    assert len(neighbour)
    return report.peak_memory, small.peak_memory


def test_peak_memory_is_the_method_s_own(tmp_path: Path):
    """In a process of its own: what earlier tests freed there would be taken again, unseen."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        large, small = pool.submit(peaks, tmp_path).result()
    assert 90 << 20 < large < 150 << 20
    assert small < 40 << 20


def test_a_known_peak_is_the_least_that_stands_in_the_record_and_counts_the_networks(tmp_path: Path):
    predictor = Layered(same, window=9)
    predictor.load({}, torch.device("cpu"))
    _, report = go(predictor, ramp(), tmp_path, known_peak=4 << 30)
    assert report.peak_memory == 4 << 30
