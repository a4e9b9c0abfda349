"""Columns of untrained metrics leave a result, with those that are derived from them."""

from __future__ import annotations

from pathlib import Path

from reports.inputs.trained import REASON, trained_only
from tests.reports import synthetic
from vfsrbench import plugins
from vfsrbench.results.job import read_record
from vfsrbench.results.load import StoredResult

CARDS = plugins.metrics().cards


def _stored(folder: Path, untrained: bool) -> StoredResult:
    scores = {"psnr": {"key": "a"}, "idd_dlib": {"key": "b", "untrained": untrained}}
    clip = synthetic.CLIPS[0]
    path = synthetic.write_result(folder, "one", "vfhq-mild", clip, scores=scores)
    record = read_record(path)
    names = ("psnr", "idd_dlib", "sigma_idd_dlib")
    facts = {"metrics": dict.fromkeys(names, 1), "clip_values": dict.fromkeys(names, 0.5)}
    return StoredResult(record.model_copy(update=facts), path)


def test_a_column_and_what_is_derived_from_it_go(tmp_path: Path) -> None:
    found = trained_only(_stored(tmp_path, True), CARDS)
    assert found.record.clip_values == {"psnr": 0.5}
    assert found.record.unavailable == {"idd_dlib": REASON, "sigma_idd_dlib": REASON}
    assert found.hidden == {"idd_dlib", "sigma_idd_dlib"} and "psnr" in found.values


def test_a_trained_result_stays_as_it_is(tmp_path: Path) -> None:
    result = _stored(tmp_path, False)
    assert trained_only(result, CARDS) is result
