"""A results file is what was written, or it is named as damaged: whichever bit of it has changed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vfsrbench as vb
from tests.vfsrbench.boards import data_set, method_folder, scores, small_board
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.results.frame_table import load_results
from vfsrbench.results.job import (
    ForeignFile,
    OtherFormat,
    Result,
    column_checksum,
    read_record,
    read_result,
    write_result,
)
from vfsrbench.results.schema import METADATA_KEY, JobRecord
from vfsrbench.results.store import Store
from vfsrbench.runs.run import run_board


def small() -> Result:
    facts = {"key": "k" * 64, "restore_key": "r" * 64, "status": "ok", "method": "m", "dataset": "d"}
    scores = {"psnr": {"key": "p" * 64}, "ssim": {"key": "s" * 64}}
    clip = {"psnr": 23.17, "ssim": float("nan")}
    more = {"split": "s", "clip": "c", "frames": 3, "scores": scores, "clip_values": clip}
    values = {"psnr": np.array([23.0, np.inf, np.nan]), "ssim": np.array([0.5, 0.25, 1.0])}
    return Result(JobRecord.model_validate({**facts, **more}), ["00", "01", "02"], values)


def flipped(data: bytes, every: int = 2, seed: int = 0) -> Iterator[bytes]:
    """The file with one bit changed, at every second byte of it."""
    dice = random.Random(seed)
    for place in range(dice.randrange(every), len(data), every):
        changed = bytearray(data)
        changed[place] ^= 1 << dice.randrange(8)
        yield bytes(changed)


def test_no_flipped_bit_gets_past_the_seal(tmp_path: Path):
    store = Store(tmp_path / "results")
    path = store.write(small())
    data, tried = path.read_bytes(), 0
    for changed in flipped(data):
        path.write_bytes(changed)
        for read in (read_record, read_result):
            with pytest.raises(DamagedFile, match=r"\.parquet: is damaged .*makes it again"):
                read(path)
        assert store.find("s", "m", "c", "k" * 64) is None
        frames, records, skipped = load_results([tmp_path])
        assert not records and frames.empty and len(skipped) == 1 and str(path) in skipped[0]
        tried += 1
    assert tried > 1000
    path.write_bytes(data)
    assert read_result(path).record.clip_values["psnr"] == 23.17


def test_no_cut_or_longer_file_gets_past_the_seal(tmp_path: Path):
    path = tmp_path / "a.parquet"
    write_result(path, small())
    data = path.read_bytes()
    for changed in (*(data[:n] for n in range(0, len(data), 61)), data + b"\0", data[:4] + data, b"\0" * 300):
        path.write_bytes(changed)
        with pytest.raises(DamagedFile):
            read_result(path)


def rewritten(path: Path, change) -> None:
    """The file with a valid seal around something that was not written so."""
    from vfsrbench.results import job

    table = pq.read_table(path)
    metadata = dict(pq.read_metadata(path).metadata)
    columns, record = change({n: table[n] for n in table.column_names}, json.loads(metadata[METADATA_KEY]))
    metadata = {METADATA_KEY: json.dumps(record).encode(), job.SEAL_KEY: b"0" * 64}
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), buffer)
    path.write_bytes(job._sealed(buffer.getvalue().to_pybytes()))


def test_columns_have_checksums_of_their_own(tmp_path: Path):
    path = tmp_path / "a.parquet"

    def louder(columns, record):
        return {**columns, "psnr": pa.array([33.0, np.inf, np.nan])}, record

    def swapped(columns, record):
        return {**columns, "psnr": columns["ssim"], "ssim": columns["psnr"]}, record

    def missing(columns, record):
        return {n: c for n, c in columns.items() if n != "psnr"}, record

    def more(columns, record):
        return {**columns, "fid": columns["psnr"]}, record

    def renamed(columns, record):
        return {**columns, "name": pa.array(["00", "02", "01"])}, record

    for change, why in {
        louder: "psnr",
        swapped: "psnr",
        missing: "psnr",
        more: "fid",
        renamed: "names",
    }.items():
        write_result(path, small())
        rewritten(path, change)
        with pytest.raises(DamagedFile, match=why):
            read_result(path)
    ones = np.ones(3)
    assert len({column_checksum("a", ones), column_checksum("b", ones), column_checksum("a", ones[:2])}) == 3


def test_other_formats_and_foreign_files_are_told_from_damaged_ones(tmp_path: Path):
    path = tmp_path / "a.parquet"
    write_result(path, small())
    rewritten(path, lambda columns, record: (columns, {**record, "schema_version": 99}))
    with pytest.raises(OtherFormat, match="newer vfsrbench"):
        read_record(path)
    record = {**small().record.model_dump(mode="json"), "schema_version": 1}
    old = pa.table({"frame": [0], "name": ["0"]}).replace_schema_metadata({"vfsrbench": json.dumps(record)})
    pq.write_table(old, path)
    with pytest.raises(OtherFormat, match="older vfsrbench"):
        read_record(path)
    record["schema_version"] = 2
    pq.write_table(old.replace_schema_metadata({"vfsrbench": json.dumps(record)}), path)
    with pytest.raises(DamagedFile, match="no checksum"):
        read_record(path)
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(ForeignFile):
        read_record(path)


def test_a_run_sets_damaged_results_aside_and_makes_them_again(tmp_path: Path):
    data = data_set(tmp_path / "data")
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    first = run_board(board, tmp_path / "w", engine="serial")
    before = scores(tmp_path / "w")
    path = first.files[0]
    good = path.read_bytes()
    for number, changed in enumerate(list(flipped(good))[:: len(good) // 12], start=1):
        path.write_bytes(changed)
        again = run_board(board, tmp_path / "w", engine="serial")
        assert again.exit_code == 0 and scores(tmp_path / "w") == before
        aside = sorted((tmp_path / "w" / "damaged" / "results").rglob("*.damaged"))
        assert len(aside) == number and any(p.read_bytes() == changed for p in aside)
        assert len(again.damaged) == 1 and str(path) in again.damaged[0]
    assert run_board(board, tmp_path / "w", engine="serial").damaged == ()


def test_a_foreign_file_in_a_results_place_is_set_aside_too(tmp_path: Path):
    data = data_set(tmp_path / "data", ["one"])
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    (path,) = run_board(board, tmp_path / "w", engine="serial").files
    pq.write_table(pa.table({"x": [1]}), path)
    again = run_board(board, tmp_path / "w", engine="serial")
    assert again.exit_code == 0 and isinstance(read_result(path), Result)
    with pytest.raises(InputError):
        read_result(next((tmp_path / "w" / "damaged").rglob("*.damaged")))


READ = """
import os, sys
from pathlib import Path
import pyarrow.parquet
from vfsrbench.results.job import read_result

def threads():
    return len(os.listdir("/proc/self/task"))

before = threads()
values = read_result(Path(sys.argv[1])).values
print(sorted(values), threads() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux, which lists threads")
def test_reading_starts_no_threads(tmp_path: Path):
    """Arrow's own live on; where the interpreter ends while one starts or stops, the process aborts."""
    write_result(tmp_path / "r.parquet", small())
    ran = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / "r.parquet")], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "['psnr', 'ssim'] 0"


def test_what_random_weights_of_a_metric_made_is_no_figure(tmp_path: Path):
    result = small()
    random_scores = {**result.record.scores}
    random_scores["ssim"] = random_scores["ssim"].model_copy(update={"untrained": True})
    write_result(
        tmp_path / "r.parquet",
        replace(result, record=result.record.model_copy(update={"scores": random_scores})),
    )
    frames, records = vb.load_results(tmp_path)
    assert "ssim" not in frames and list(frames["psnr"])[:2] == [23.0, np.inf]
    assert frames.attrs["untrained"] == ["ssim"] and records[0].scores["ssim"].untrained
