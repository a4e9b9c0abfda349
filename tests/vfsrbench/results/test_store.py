"""Results on disk: safe names, whole files, NaN kept, foreign and damaged files passed over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.io.names import slug
from vfsrbench.results.frame_table import load_results
from vfsrbench.results.schema import SCHEMA, JobRecord
from vfsrbench.results.store import Result, Store, read_result, write_result

HOSTILE = [
    "Clip+-1Jouc19Ixo+P0+C1+F4196-4320",
    "keep[cfa=false]",
    "keep[cfa=true]",
    "-1Jouc19Ixo",
    "..",
    ".hidden",
    "a/b",
    "a\\b",
    "a b",
    "ä",
    "con",
    "dot.",
    "x" * 300,
    "x" * 301,
    "new\nline",
    "*?",
]


def record(**facts: object) -> JobRecord:
    base = {"key": "k" * 64, "restore_key": "r" * 64, "status": "ok", "method": "m", "dataset": "d"}
    return JobRecord.model_validate({**base, "split": "s", "clip": "c", **facts})


def result(**facts: object) -> Result:
    values = {"psnr": np.array([30.0, np.inf, np.nan]), "ssim": np.array([0.5, 0.25, 1.0])}
    return Result(record(**facts), ["00", "01", "02"], values)


def test_slugs_are_safe_and_different_for_different_names(tmp_path: Path):
    slugs = [slug(name) for name in HOSTILE]
    assert len({s.casefold() for s in slugs}) == len(HOSTILE)
    for name in slugs:
        (tmp_path / name).touch()
        assert (tmp_path / name).parent == tmp_path and not name.startswith(("-", "."))
    assert len(list(tmp_path.iterdir())) == len(HOSTILE)
    assert slug("Clip+-1Jouc19Ixo+P0+C1+F4196-4320") == "Clip+-1Jouc19Ixo+P0+C1+F4196-4320"


def test_a_result_comes_back_as_it_was(tmp_path: Path):
    values = {"psnr": float("nan"), "ssim": 0.5, "best": float("inf")}
    given = result(clip_values=values, missing={"psnr": 1}, warnings=["ä"], options={"a": True, "b": 2})
    path = Store(tmp_path).write(given)
    back = read_result(path)
    new = {"clip_values", "scores", "names_checksum"}
    assert back.record.model_dump(exclude=new) == given.record.model_dump(exclude=new)
    assert set(back.record.scores) == {"psnr", "ssim"} and len(back.record.names_checksum) == 64
    assert np.isnan(back.record.clip_values["psnr"]) and back.record.clip_values["best"] == np.inf
    assert list(back.frame_names) == ["00", "01", "02"]
    for metric, column in given.values.items():
        np.testing.assert_array_equal(back.values[metric], column)
    assert type(back.record.options["a"]) is bool


def test_equal_results_are_equal_bytes(tmp_path: Path):
    write_result(tmp_path / "a", result())
    write_result(tmp_path / "b", result())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_job_is_found_by_its_key_alone(tmp_path: Path):
    store = Store(tmp_path)
    store.write(result())
    assert store.find("s", "m", "c", "k" * 64) is not None
    assert store.find("s", "m", "c", "k" * 63 + "x") is None, "16 digits of the key name the file, all count"
    assert store.find("s", "m", "other", "k" * 64) is None
    path = store.path("s", "m", "c", "k" * 64)
    path.write_bytes(path.read_bytes()[:100])
    assert store.find("s", "m", "c", "k" * 64) is None, "a damaged file is work to be done again"


def test_features_of_both_sides_come_back_and_the_truth_is_kept_once(tmp_path: Path):
    store = Store(tmp_path)
    truth = np.arange(6, dtype=np.float32).reshape(3, 2)
    for method in ("m", "n"):
        gt = store.write_truth_features("t" * 64, "fid", "f" * 64, truth)
        place = ("s", method, "c", "k" * 64)
        ours = store.write_features(place, "fid", "f" * 64, truth + ord(method))
        score = {"key": "f", "features": ours, "gt_features": gt}
        store.write(result(method=method, scores={"fid": score}))
    assert len(list((tmp_path / "_truth").iterdir())) == 1
    found = store.find("s", "n", "c", "k" * 64)
    assert found is not None and store.features_are_whole(found, "fid")
    pair = store.read_features(found, "fid")
    assert pair is not None
    np.testing.assert_array_equal(pair[0], truth + ord("n"))
    np.testing.assert_array_equal(pair[1], truth)
    assert store.read_features(found, "psnr") is None and store.features_are_whole(found, "psnr")
    file = store.path("s", "n", "c", "k" * 64).with_name(found.scores["fid"].features)
    file.write_bytes(file.read_bytes()[:-1])
    assert not store.features_are_whole(found, "fid")
    with pytest.raises(DamagedFile, match="npz"):
        store.read_features(found, "fid")
    store.write(result(method="n"))
    assert not file.exists(), "features that no record names go away"
    assert len(list(file.parent.iterdir())) == 1


def test_all_results_become_one_table_and_what_is_no_result_is_named(tmp_path: Path):
    store = Store(tmp_path)
    store.write(result(finished="2026-01-01T00:00:00"))
    store.write(result(method="n", key="n" * 64, clip_values={"psnr": 1.0}))
    newer = result(key="z" * 64, finished="2026-01-02T00:00:00")
    newer.values = {"psnr": np.array([1.0, 2.0, 3.0])}
    store.write(newer)
    store.write(Result(record(method="bad", key="b" * 64, status="failed", reason="broke")))
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "foreign.parquet")
    (tmp_path / "half.parquet").write_bytes(store.path("s", "n", "c", "n" * 64).read_bytes()[:-50])
    (tmp_path / ".abc.part.parquet").write_bytes(b"PAR1")
    write_result(tmp_path / "future.parquet", result(schema_version=SCHEMA + 1))
    frames, records, skipped = load_results([tmp_path])
    assert [(r.method, r.status) for r in records] == [("bad", "failed"), ("m", "ok"), ("n", "ok")]
    assert frames[frames.method == "m"].psnr.tolist() == [1.0, 2.0, 3.0], "the later of two results counts"
    assert np.isnan(frames[frames.method == "n"].psnr.iloc[2]) and set(frames["clip"]) == {"c"}
    assert len(skipped) == 3 and {Path(s.split(": ")[0]).name for s in skipped} == {
        "foreign.parquet",
        "half.parquet",
        "future.parquet",
    }
    with pytest.raises(InputError, match="no such results"):
        load_results([tmp_path / "none"])


def test_newer_records_are_refused_and_unknown_fields_ignored(tmp_path: Path):
    write_result(tmp_path / "x.parquet", result(schema_version=SCHEMA + 1))
    with pytest.raises(InputError, match="newer vfsrbench"):
        read_result(tmp_path / "x.parquet")
    assert record(surprise=1).method == "m"
