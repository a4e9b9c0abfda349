"""What a method took stands in each of its records, not in that of its first clip alone."""

from __future__ import annotations

from pathlib import Path

from tests.vfsrbench.boards import method_folder, small_board
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
