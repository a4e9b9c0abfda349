"""Bundles as liars change them: each keeps the checksums right that it thinks of."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipFile

import numpy as np

from reports.bundles import schema
from reports.bundles.archive import write_archive
from vfsrbench.io.images.folder import encode_png
from vfsrbench.results.job import column_checksum

Files = dict[str, bytes]
ROW = "results/bi-x4/bicubic"
ANN, BEN = f"{ROW}/ann.json", f"{ROW}/ben.json"


@dataclass(frozen=True)
class Tampering:
    """What a liar does. `alone`: what the bundle alone says to it; `with_frames`: what happens where the data
    set is here, and the outputs or frames in the bundle are scored again."""

    what: str
    change: Callable[[Files], None]
    alone: Literal["refused", "contradicted", "not checkable"]
    with_frames: Literal["refused", "contradicted"]
    resealed: bool = True


def tampered(bundle: Path, target: Path, how: Tampering) -> Path:
    """The bundle after it was changed."""
    with ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    how.change(files)
    if how.resealed:
        head = json.loads(files[schema.HEAD])
        head["files"] = {name: schema.sha256(data) for name, data in files.items() if name != schema.HEAD}
        head["results"] = sum(name.startswith("results/") for name in files)
        files[schema.HEAD] = schema.to_json(head)
    buffer = io.BytesIO()
    write_archive(buffer, files.items())
    target.write_bytes(buffer.getvalue())
    return target


@contextmanager
def edited(files: Files, name: str) -> Iterator[Any]:
    """A JSON file of the bundle, written back afterwards."""
    content = json.loads(files[name])
    yield content
    files[name] = schema.to_json(content, compact=name.startswith("results/"), in_order=False)


def _flip(files: Files) -> None:
    files[ANN] = files[ANN].replace(b'"frames":4', b'"frames":5')


def _take_out(files: Files) -> None:
    del files[ANN]


def _value(files: Files, checksum: bool = False, clip: bool = False, table: bool = False) -> None:
    """A frame is better than it was; the liar goes on as far as asked."""
    with edited(files, ANN) as job:
        column = job["values"]["psnr"]
        column[0] += 8.0
        if checksum:
            job["record"]["scores"]["psnr"]["checksum"] = column_checksum("psnr", np.array(column))
        if clip:
            job["record"]["clip_values"]["psnr"] = float(np.mean(column))
    if table:
        _retable(files)


def _retable(files: Files) -> None:
    """Means and intervals that follow from the clips' values, computed as the benchmark does."""
    from vfsrbench.results.stats import summarise

    values = [
        json.loads(files[f"{ROW}/{c}.json"])["record"]["clip_values"]["psnr"] for c in ("ann", "ben", "cleo")
    ]
    cell = summarise(np.array(values))
    assert cell.interval is not None
    with edited(files, schema.TABLES) as tables:
        row = next(row for row in tables["rows"] if row["method"] == "bicubic")
        row["cells"]["psnr"] |= {"mean": cell.mean, "low": cell.interval.low, "high": cell.interval.high}


def _clip_value(files: Files) -> None:
    with edited(files, ANN) as job:
        job["record"]["clip_values"]["psnr"] += 2.0
    _retable(files)


def _mean(files: Files) -> None:
    with edited(files, schema.TABLES) as tables:
        next(row for row in tables["rows"] if row["method"] == "bicubic")["cells"]["psnr"]["mean"] += 1.0


def _leave_out(files: Files) -> None:
    """The worst clip goes, and the mean is over the others."""
    del files[ANN]
    with edited(files, schema.TABLES) as tables:
        row = next(row for row in tables["rows"] if row["method"] == "bicubic")
        row["done"] = 2


def _missing(files: Files) -> None:
    """Frames without a value that nobody counts."""
    with edited(files, ANN) as job:
        column = job["values"]["psnr"]
        column[1] = None
        array = np.array([np.nan if value is None else value for value in column])
        job["record"]["scores"]["psnr"]["checksum"] = column_checksum("psnr", array)
        job["record"]["clip_values"]["psnr"] = float(np.nanmean(array))
    _retable(files)


def _restored_digest(files: Files) -> None:
    with edited(files, ANN) as job:
        job["record"]["restored_digest"] = "ab" * 32


def _lq_digest(files: Files) -> None:
    with edited(files, ANN) as job:
        job["record"]["lq_digest"] = "ab" * 32


def _lq_digest_everywhere(files: Files) -> None:
    for name in [name for name in files if name.endswith("/ann.json") and "/oracle/" not in name]:
        with edited(files, name) as job:
            job["record"]["lq_digest"] = "ab" * 32
    with edited(files, "splits/bi-x4.json") as manifest:
        manifest["clips"]["ann"]["digest"] = "ab" * 32


def _gt_digest(files: Files) -> None:
    with edited(files, ANN) as job:
        job["record"]["gt_digest"] = "ab" * 32


def _key(files: Files) -> None:
    with edited(files, ANN) as job:
        job["record"]["key"] = "ab" * 32


def _profile(files: Files) -> None:
    for name in [name for name in files if name.startswith(ROW)]:
        with edited(files, name) as job:
            job["record"]["profile"] = "fast"
    with edited(files, schema.ENVIRONMENT) as environment:
        environment["profiles"] = {"fast": 3, "strict": 6}


def _truth(files: Files) -> None:
    """What is no table of facts at all."""
    with edited(files, schema.PROTOCOL) as protocol:
        protocol["truth"] = {"ann": "nothing"}


def _size(files: Files) -> None:
    with edited(files, ANN) as job:
        job["record"]["height"] = 512


def _method_card(files: Files) -> None:
    with edited(files, "cards/methods/bicubic.json") as card:
        card["licence"] = "MIT"


def _metric_card(files: Files) -> None:
    with edited(files, "cards/metrics/ewarp_dis.json") as card:
        card["direction"] = "higher"


def _recipe(files: Files) -> None:
    with edited(files, "splits/bi-x4.json") as manifest:
        manifest["recipe"]["content"]["operators"] = manifest["recipe"]["content"]["operators"] * 2


def _licence(files: Files) -> None:
    with edited(files, schema.LICENCES) as licences:
        licences["some-net"] = "2026-01-01"


def _frames(files: Files) -> None:
    """Frames that were shifted by two pixels, under the digest of the others."""
    for name in [name for name in files if name.startswith("frames/bi-x4/bicubic/")]:
        files[name] = encode_png(_shifted(files[name]))


def _shift_all(files: Files) -> None:
    """The same, with the digest made anew."""
    from degradations.digest import frame_digest

    names = sorted(name for name in files if name.startswith("frames/bi-x4/bicubic/"))
    clip = names[0].split("/")[3]
    frames = np.stack([_shifted(files[name]) for name in names])
    for name, frame in zip(names, frames, strict=True):
        files[name] = encode_png(frame)
    with edited(files, f"{ROW}/{clip}.json") as job:
        job["record"]["restored_digest"] = frame_digest(frames)


def _shifted(png: bytes) -> np.ndarray:
    import cv2

    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.roll(picture[..., ::-1], 2, axis=1))


TAMPERINGS = (
    Tampering("a byte changed on its way", _flip, "refused", "refused", resealed=False),
    Tampering("a file taken out", _take_out, "refused", "refused", resealed=False),
    Tampering("a frame's value", _value, "refused", "refused"),
    Tampering("a frame's value, its checksum too", lambda f: _value(f, True), "contradicted", "contradicted"),
    Tampering(
        "a frame's value and the clip's", lambda f: _value(f, True, True), "contradicted", "contradicted"
    ),
    Tampering("a clip's value, the means too", _clip_value, "contradicted", "contradicted"),
    Tampering("a mean", _mean, "contradicted", "contradicted"),
    Tampering(
        "values of frames and clips, means and intervals: all that follows",
        lambda f: _value(f, True, True, True),
        "not checkable",
        "contradicted",
    ),
    Tampering("a clip left out", _leave_out, "contradicted", "contradicted"),
    Tampering("a frame without a value, not counted", _missing, "contradicted", "contradicted"),
    Tampering("the digest of restored frames", _restored_digest, "not checkable", "contradicted"),
    Tampering("the digest of degraded frames", _lq_digest, "contradicted", "contradicted"),
    Tampering(
        "the digest of degraded frames, everywhere", _lq_digest_everywhere, "not checkable", "contradicted"
    ),
    Tampering("the digest of ground truth", _gt_digest, "contradicted", "contradicted"),
    Tampering("a key", _key, "contradicted", "contradicted"),
    Tampering("what the protocol says of ground truth", _truth, "refused", "refused"),
    Tampering("the size of frames", _size, "contradicted", "contradicted"),
    Tampering("the profile", _profile, "contradicted", "contradicted"),
    Tampering("a method's card (its licence)", _method_card, "contradicted", "contradicted"),
    Tampering("a metric's card (its direction)", _metric_card, "contradicted", "contradicted"),
    Tampering("the recipe", _recipe, "refused", "refused"),
    Tampering("accepted licences", _licence, "contradicted", "contradicted"),
    Tampering("shifted frames under the old digest", _frames, "contradicted", "contradicted"),
    Tampering("shifted frames, their digest too", _shift_all, "not checkable", "contradicted"),
)


def as_table() -> str:
    """The list, for docs/bundles.md."""
    rows = ["| what was changed | the bundle alone | with the data set and frames |", "|:--|:--|:--|"]
    rows += [f"| {t.what} | {t.alone} | {t.with_frames} |" for t in TAMPERINGS]
    return "\n".join(rows)
