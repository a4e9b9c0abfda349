"""Results as one table, a row a frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vfsrbench.errors import InputError
from vfsrbench.results.job import Result, read_result
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.store import age, result_files

if TYPE_CHECKING:
    import pandas as pd


def load_results(
    folders: Iterable[Path], keys: Iterable[str] | None = None
) -> tuple[pd.DataFrame, list[JobRecord], list[str]]:
    """Results of any origin as one table: (frames, records, what was skipped and why).

    `frames` has a row a frame: dataset, split, method, clip, frame, name and a column a metric. `keys`
    restricts the results to these; where several are left of one job (other code, other weights), the one
    that was written last counts (`age`). Files that are not ours, or not whole, are skipped and named.
    """
    import pandas as pd

    wanted = None if keys is None else set(keys)
    chosen: dict[tuple[Any, ...], Result] = {}
    skipped: list[str] = []
    for path in result_files(folders):
        try:
            result = read_result(path)
        except InputError as error:
            skipped.append(str(error))
            continue
        record = result.record
        if wanted is not None and record.key not in wanted:
            continue
        job = (record.dataset, record.split, record.method, record.clip)
        if job not in chosen or age(chosen[job].record) < age(record):
            chosen[job] = result
    results = [chosen[job] for job in sorted(chosen)]
    tables = [_frame_table(r) for r in results if len(r.frame_names)]
    frames = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return frames, [r.record for r in results], skipped


def _frame_table(result: Result) -> pd.DataFrame:
    import pandas as pd

    record = result.record
    names = list(result.frame_names)
    head = {"dataset": record.dataset, "split": record.split, "method": record.method, "clip": record.clip}
    return pd.DataFrame({**head, "frame": np.arange(len(names)), "name": names, **result.values})
