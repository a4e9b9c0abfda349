"""Bundles of real runs: the same bytes each time, nothing private, whole; and what a check says of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from reports.bundles.reading import read_bundle
from reports.bundles.schema import HEAD
from reports.sharing.auditing import Auditor
from reports.sharing.checking import check_bundle
from reports.sharing.writing import Written, write_bundle
from tests.reports.sharing import labs
from vfsrbench.errors import InputError
from vfsrbench.results.load import find_results
from vfsrbench.results.store import read_result, write_result


def bundled(root: Path, out: Path, **how: object) -> Written:
    return write_bundle(labs.board(root / "data"), root / "workspace", out, **how)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lab() -> Path:
    return labs.lab()


def test_the_same_bytes_on_each_call_and_from_a_copied_workspace(lab: Path, tmp_path: Path) -> None:
    first, again, copied = (tmp_path / f"{name}.vfsr.zip" for name in ("first", "again", "copied"))
    one = bundled(lab, first, with_frames=1)
    bundled(lab, again, with_frames=1)
    shutil.copytree(lab, tmp_path / "elsewhere")
    other = bundled(tmp_path / "elsewhere", copied, with_frames=1)
    assert first.read_bytes() == again.read_bytes() == copied.read_bytes()
    assert one.digest == other.digest == read_bundle(first).digest
    with ZipFile(first) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[-1] == HEAD


def test_what_is_in_it(lab: Path, tmp_path: Path) -> None:
    made = bundled(lab, tmp_path / "a.vfsr.zip", with_frames=2)
    bundle = read_bundle(made.path)
    records = {r.record.key: r.record for r in find_results([lab / "workspace" / "results"])}
    assert len(bundle.results) == len(records) == made.results == 9
    for result in bundle.results:
        record = records[result.record.key]
        for name in ("clip_values", "lq_digest", "restored_digest", "gt_digest", "versions", "restore_key"):
            assert getattr(result.record, name) == getattr(record, name)
        whole = read_result(next((lab / "workspace" / "results").rglob(f"*{record.key[:20]}*")))
        for metric, column in whole.values.items():
            assert result.values[metric].tobytes() == column.tobytes()
    assert set(bundle.metrics) == {"psnr", "ssim", "ewarp_dis"}
    assert set(bundle.methods) == {"bicubic", "nearest", "oracle"}
    manifest = bundle.manifests["bi-x4"]
    assert (
        set(manifest.clips) == set(labs.CLIPS) and manifest.recipe.digest == bundle.protocol.recipes["bi-x4"]
    )
    assert len(bundle.head.frames_of) == 2
    assert not any(bundle.has_frames(r.record) for r in bundle.results if r.record.method == "oracle")
    record = next(r.record for r in bundle.results if bundle.has_frames(r.record))
    assert bundle.frames(record, tmp_path / "frames").digest() == record.restored_digest


def test_nothing_private_is_in_it(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    root = tmp_path / "quillfeather" / "private place"
    shutil.copytree(lab, root)
    monkeypatch.setenv("HOME", "/home/quillfeather")
    monkeypatch.setattr("getpass.getuser", lambda: "quillfeather")
    monkeypatch.setattr("socket.gethostname", lambda: "nimbus7")
    for number, path in enumerate(sorted((root / "workspace" / "results").rglob("*.parquet"))):
        result = read_result(path)
        place = root / "workspace"
        changed: dict[str, object] = {
            "warnings": [
                f"read {place}/splits/x.png",
                "by quillfeather on nimbus7",
                r"C:\Users\quillfeather\a.png",
            ],
            "unavailable": {"ssim": f"weights {place}/net.pth: and '{root}/my net.pth' are gone"},
            "imported": {
                "command": "python /home/quillfeather/run.py --out ~quillfeather/out/x",
                "n": str(number),
            },
        }
        if result.record.method == "nearest":  # an option that is a file
            changed["method"] = "nearest[net=/home/quillfeather/nets/best.pth]"
        write_result(
            path, type(result)(result.record.model_copy(update=changed), result.frame_names, result.values)
        )
    made = bundled(root, tmp_path / "a.vfsr.zip")
    assert not made.doubts
    secrets = (b"quillfeather", b"nimbus7", b"private place", str(tmp_path).encode(), b"/home", b"C:\\")
    with ZipFile(made.path) as archive:
        for data in (made.path.read_bytes(), *(archive.read(name) for name in archive.namelist())):
            assert not [secret for secret in secrets if secret in data]
        said = json.loads(archive.read("results/bi-x4/bicubic/ann.json"))["record"]
    assert "nearest[net=…/best.pth]" in {r.record.method for r in read_bundle(made.path).results}
    assert said["warnings"] == ["read …/x.png", "by <user> on <host>", "…/a.png"]
    assert said["imported"]["command"] == "python …/run.py --out …/x"


def test_a_clip_that_has_the_users_name_is_told(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    made = bundled(lab, tmp_path / "a.vfsr.zip")
    assert made.doubts == ("the bundle says 'ann', the name of user here: look whether it should be shared",)


def test_what_cannot_be_written_is_one_line(lab: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.vfsr.zip"
    target.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        bundled(lab, target)
    assert target.read_text() == "mine"
    bundled(lab, target, replace=True)
    with pytest.raises(InputError, match="is a folder"):
        bundled(lab, tmp_path)
    with pytest.raises(InputError, match="lies inside the input"):
        bundled(lab, lab / "workspace" / "results" / "a.vfsr.zip")
    shutil.copytree(lab, tmp_path / "lab")
    shutil.rmtree(tmp_path / "lab" / "workspace" / "restored")
    with pytest.raises(InputError, match="not kept here: `vfsrbench run labs --keep png`"):
        bundled(tmp_path / "lab", tmp_path / "b.vfsr.zip", with_frames=1)
    assert not (tmp_path / "b.vfsr.zip").exists()


def test_an_honest_bundle_is_consistent_and_says_what_was_not_looked_at(lab: Path, tmp_path: Path) -> None:
    checked = check_bundle(bundled(lab, tmp_path / "a.vfsr.zip").path)
    assert checked.ok and not checked.problems
    assert {(row.method, row.verdict) for row in checked.rows} == {
        (method, "consistent") for method in ("bicubic", "nearest", "oracle")
    }
    unchecked = {line for row in checked.rows for line in row.unchecked}
    assert all("frames were not looked at" in line for line in unchecked), unchecked


def test_with_data_set_and_outputs_it_is_scored_and_with_the_method_restored_again(
    lab: Path, tmp_path: Path
) -> None:
    made = bundled(lab, tmp_path / "a.vfsr.zip")
    how = {"dataset": lab / "data", "outputs": {"": lab / "workspace"}, "count": 2, "seed": 3}
    scored = check_bundle(made.path, Auditor(**how))  # type: ignore[arg-type]
    assert scored.ok and {row.verdict for row in scored.rows} == {"re-scored here"}
    assert len(scored.audited) == 2 and scored.degraded == 3
    assert all(d.largest == 0 and d.clips == 2 for row in scored.rows for d in row.differences)
    assert {d.metric for d in scored.rows[0].differences} == {"psnr", "ssim", "ewarp_dis"}
    restored = check_bundle(made.path, Auditor(dataset=lab / "data", restore=True, count=1))
    assert restored.ok and {row.verdict for row in restored.rows} == {"re-run here"}
    with pytest.raises(InputError, match="--dataset"):
        check_bundle(made.path, Auditor(count=1))


def test_another_ground_truth_here_is_told(lab: Path, tmp_path: Path) -> None:
    made = bundled(lab, tmp_path / "a.vfsr.zip")
    other = labs.write_data(tmp_path / "data", changed="ben")
    checked = check_bundle(made.path, Auditor(dataset=other))
    assert not checked.ok
    assert checked.rows[0].problems == ("ben: its ground truth is not that of the data set here",)
