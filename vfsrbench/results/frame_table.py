"""Results as one table, a row a frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vfsrbench.errors import InputError
from vfsrbench.results.job import Result
from vfsrbench.results.load import find_results, latest
from vfsrbench.results.schema import JobRecord

if TYPE_CHECKING:
    import pandas as pd


def load_results(places: Iterable[Path]) -> tuple[pd.DataFrame, list[JobRecord], list[str]]:
    """Results of any origin as one table.

    Args:
        places: A workspace, a folder of results, a results file, or several of these.

    Returns:
        The frames (a row a frame: dataset, split, method, clip, frame, name and a column a metric; without
        values that random weights of a metric made), the records (the latest result of each job), and what
        was skipped and why: files that are not ours, or not whole.

    Raises:
        InputError: A place does not exist.
    """
    import pandas as pd

    skipped: list[str] = []
    results: list[Result] = []
    for found in latest(find_results(places, lambda error: skipped.append(str(error)))):
        try:
            results.append(found.whole)
        except InputError as error:
            skipped.append(str(error))
    tables = [_frame_table(r) for r in results if len(r.frame_names)]
    frames = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return frames, [r.record for r in results], skipped


def _frame_table(result: Result) -> pd.DataFrame:
    import pandas as pd

    record = result.record
    names = list(result.frame_names)
    head = {"dataset": record.dataset, "split": record.split, "method": record.method, "clip": record.clip}
    random = {metric for metric, score in record.scores.items() if score.untrained}
    values = {metric: v for metric, v in result.values.items() if metric not in random}
    return pd.DataFrame({**head, "frame": np.arange(len(names)), "name": names, **values})
