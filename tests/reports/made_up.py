"""Tables of shipped boards with made-up values of usual size, without files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reports.material import default_sources
from reports.tables.leaderboard import build_tables
from reports.tables.model import Table
from tests.reports import synthetic
from vfsrbench.plugins import find_board, methods
from vfsrbench.results.load import StoredResult
from vfsrbench.results.schema import JobRecord

LICENCES = ("Apache-2.0", "S-Lab License 1.0 (non-commercial)", "MIT", "CC BY-NC-SA 4.0")


def made_up_tables(name: str) -> list[Table]:
    """The tables of a shipped board, with values of usual size for every method and column."""
    board = find_board(name)
    columns = board.metrics
    rng = np.random.default_rng(len(columns))
    sizes = {"psnr": 26.0, "ssim": 0.8}
    found = []
    for i, method in enumerate(board.methods):
        facts = {
            "method": method,
            "method_title": methods()[method].card.title,
            "method_licence": LICENCES[i % 4],
            "parameters": 5_334_792,
            "dataset": "d",
        }
        facts |= {"restore_seconds": 0.5, "peak_memory": 3 * 2**30, "frames": 12, "demo": name == "demo"}
        for split in board.splits:
            for clip in board.dataset.clips or synthetic.CLIPS:
                values = {m: float(sizes.get(m, 0.7) + rng.normal(0, 0.1)) for m in columns}
                where = {
                    "key": clip,
                    "restore_key": clip,
                    "split": split,
                    "clip": clip,
                    "clip_values": values,
                }
                record = JobRecord.model_validate({"status": "ok", **facts, **where})
                found.append(StoredResult(record, Path("nowhere")))
    return build_tables(board, found, default_sources(board, found), resamples=50)
