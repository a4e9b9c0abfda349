"""What a method took stands in each of its records, not in that of its first clip alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.vfsrbench.boards import method_folder, moving, small_board, write_clip
from vfsrbench.engines.serial import SerialEngine
from vfsrbench.runs.run import run_board


def test_each_record_has_what_the_method_took_at_its_peak(tmp_path: Path, data: Path) -> None:
    """A worker keeps freed memory: a clip restored in it takes none from the system."""
    take = "kept = [torch.ones(6 << 18) for _ in range(10)]; last = torch.ones(1)"
    large, small = method_folder(tmp_path, "large", take), method_folder(tmp_path, "small")
    summary = run_board(small_board(data, [large, small]), tmp_path / "w", workers=1)
    peaks = {(job.method, job.split, job.clip): r.peak_memory >> 20 for job, r in summary.records.items()}
    assert len(peaks) == 8
    assert all(60 <= peak < 100 for (method, *_), peak in peaks.items() if method == "large"), peaks
    assert all(peak < 40 for (method, *_), peak in peaks.items() if method == "small"), peaks


class HalvedOnce(SerialEngine):
    """Hands out the clips in the order of their names, the last one with smaller windows."""

    def run(self, factory, tasks, on_event, on_lost, /):  # type: ignore[no-untyped-def]
        *first, last = sorted(tasks, key=lambda task: task.clip.name)
        return super().run(factory, [*first, replace(last, halved=1)], on_event, on_lost)


def test_what_a_larger_window_or_clip_took_does_not_stand_in_other_records(tmp_path: Path) -> None:
    for name, frames, side in (("a", 8, 64), ("b", 8, 32), ("c", 8, 64)):
        write_clip(tmp_path / "data" / name, moving(frames, side))
    # 64 MiB, 32 and 32, and 8 in each, as the process may let go of some that are not the method's meanwhile
    take = "kept = torch.ones((frames.shape[0] * frames.shape[2] << 17) + (2 << 20))"
    method = method_folder(tmp_path, "m", take, more="window = 8")
    board = small_board(tmp_path / "data", [method], splits=["bi-x4"], metrics=["psnr"])
    summary = run_board(board, tmp_path / "w", engine=HalvedOnce())
    peaks = {job.clip: record.peak_memory >> 20 for job, record in summary.records.items()}
    assert peaks["a"] >= 64 and 32 <= peaks["b"] < 60 and 32 <= peaks["c"] < 60, peaks
