"""One flipped bit in each kind of file that is kept: no changed number, no traceback, no dead end."""

from __future__ import annotations

import csv
import pickle
import shutil
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degradations.recipe import load_recipe
from reports import build_report
from reports.inputs.results import read_results
from tests.campaigns.flips import Kind, Tally, try_all
from tests.vfsrbench.boards import contents, data_set, method_folder, run_with, small_board
from vfsrbench.board import Board
from vfsrbench.datasets.dataset import DatasetClip, open_dataset
from vfsrbench.datasets.demo import clips as demo
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.io.digest_cache import ClipDigests
from vfsrbench.io.safety import lease
from vfsrbench.io.safety.ownership import NOTE, check_replaceable
from vfsrbench.io.safety.targets import check_own_file
from vfsrbench.results.board_note import protocols
from vfsrbench.results.frame_table import load_results
from vfsrbench.results.job import Job, read_record, read_result
from vfsrbench.results.restored_store import kept_note, look_at, reopen
from vfsrbench.results.slice_store import StripStore
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.progress import Silent
from vfsrbench.runs.summary import RunSummary
from vfsrbench.splits.degraded import read_degraded_note
from vfsrbench.splits.split import Split, degraded_clip
from vfsrbench.weights.receipts import Receipt, read_receipt, update_receipt

SPLIT, CLIP = "bi-x4", "one"


def run(board: Board, workspace: Path, **more: Any) -> RunSummary:
    return run_with(board, workspace, progress=Silent(), **more)


class Place:
    """A workspace in which a board was run, its frames kept in one form, and a report of it."""

    def __init__(self, root: Path, board: Board, keep: str) -> None:
        self.board, self.root = board, root
        (self.record,) = run(board, root, keep=keep).records.values()
        self.expected = contents(root)
        build_report(board, root, root / "reports" / "small", formats=("png",))

    def copy(self, root: Path) -> Place:
        """The same elsewhere, to be damaged."""
        other = copy(self)
        other.root = Path(shutil.copytree(self.root, root))
        return other

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root)

    @property
    def job(self) -> Job:
        record = self.record
        return Job(
            **{name: getattr(record, name) for name in ("method", "split", "clip", "key")},
            restore_key=record.restore_key,
        )

    def one(self, pattern: str) -> Path:
        (path,) = self.root.glob(pattern)
        return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Place]:
    root = tmp_path_factory.mktemp("flips")
    data = data_set(root / "data", [CLIP], frames=4)
    board = small_board(data, [method_folder(root, "m")], splits=[SPLIT])
    return {keep: Place(root / keep, board, keep) for keep in ("png", "video")}


def by_bits(value: Any) -> bytes:
    """To compare what was read, arrays and NaN included."""
    return pickle.dumps(value)


def clip_of(place: Place) -> DatasetClip:
    return open_dataset("folder", place.board.dataset.path).clips()[0]


def removes(error: DamagedFile) -> None:
    """Instead of setting aside."""
    shutil.rmtree(error.path) if error.path.is_dir() else error.path.unlink()


def results(place: Place, tmp: Path) -> Kind:
    path = place.one("results/*/*/*.parquet")

    def read() -> bytes | None:
        frames, records, skipped = load_results([place.root / "results"])
        found, lost = read_results([place.root / "results"])
        assert len(records) + len(skipped) == 1 and len(found) == (not lost) == len(records)
        if skipped:
            assert str(path) in skipped[0] + lost[0]
            with pytest.raises(DamagedFile):
                read_record(path)
            return None
        result = read_result(path)
        return by_bits((frames.to_dict(), records, found[0].record, result.frame_names, dict(result.values)))

    return Kind(path, read)


def features(place: Place, tmp: Path, truth: bool) -> Kind:
    store, array = Workspace(tmp).store, np.arange(60, dtype=np.float32).reshape(6, 10)
    ours = store.write_features(place.job.place, "fid", "f" * 64, array)
    theirs = store.write_truth_features("t" * 64, "fid", "f" * 64, array + 1)
    score = {"key": "f", "features": ours, "gt_features": theirs}
    record = type(place.record).model_validate({**place.record.model_dump(), "scores": {"fid": score}})
    (path,) = (tmp / "results").rglob(theirs if truth else ours)

    def read() -> bytes | None:
        whole = store.features_are_whole(record, "fid")
        assert bool(store.damaged_features(record, ["fid"])) != whole
        return by_bits(store.read_features(record, "fid"))

    return Kind(path, read)


def truth_arrays(place: Place, tmp: Path) -> Kind:
    cache = Workspace(tmp).truth_cache("0" * 64)
    cache.put("flow", {"values": np.arange(60.0).reshape(20, 3)})
    (path,) = tmp.rglob("*.npz")
    return Kind(path, lambda: None if (found := cache.get("flow")) is None else by_bits(found))


def digest(place: Place, tmp: Path) -> Kind:
    clip = clip_of(place).gt
    assert clip is not None
    digests = ClipDigests(tmp / "digests", removes)
    digests.of(clip)
    (path,) = (tmp / "digests").iterdir()
    return Kind(path, lambda: digests.of(clip), needed=True)


def strip(place: Place, tmp: Path, which: str) -> Kind:
    store = StripStore(place.workspace.slices, "auto", removes)
    path = dict(zip(("truth", "degraded", "restored"), store.paths(place.record), strict=True))

    def read() -> bytes | None:
        found = getattr(store, which)(place.record)
        return None if found is None else by_bits(found)

    return Kind(path[which], read)


def split_note(place: Place, tmp: Path) -> Kind:
    path = place.one(f"splits/{SPLIT}/{CLIP}.*.json")
    return Kind(path, lambda: read_degraded_note(path))


def degraded_frame(place: Place, tmp: Path) -> Kind:
    clip = clip_of(place)
    assert clip.gt is not None
    gt, split = clip.gt.digest(), Split(SPLIT, load_recipe(SPLIT))

    def read() -> Any:
        frames, facts = degraded_clip(split, clip, gt, 0, tmp, set_aside=removes)
        return frames.digest(), facts.digest, facts.parameters

    read()
    return Kind(next(tmp.rglob("00000002.png")), read, needed=True)


def degrade_note(place: Place, tmp: Path) -> Kind:
    from vfsrbench.plugins import get_engine
    from vfsrbench.splits.export import degrade_splits

    def read() -> Any:
        made = degrade_splits([load_recipe(SPLIT)], place.board.dataset, tmp, 0, get_engine("serial"))
        assert not made.failed
        return made.manifests[SPLIT].clips

    read()
    return Kind(next((tmp / SPLIT / ".clips").iterdir()), read, needed=True)


def board_note(place: Place, tmp: Path) -> Kind:
    path = place.workspace.board_note("small")
    return Kind(path, lambda: protocols(place.workspace, "small", removes) or None)


def kept(place: Place, tmp: Path, pattern: str) -> Kind:
    path = place.one(f"restored/{SPLIT}/m/{pattern}")
    shutil.copytree(place.workspace.restored, tmp / "restored")

    def read() -> Any:
        note = kept_note(place.workspace, place.job)
        shown = look_at(place.workspace, place.job, place.record.restored_digest, 25.0, lambda error: None)
        found = reopen(place.workspace, place.job, 25.0)
        if (place.root / "damaged").exists():
            shutil.rmtree(place.root / "damaged")
            shutil.rmtree(place.workspace.restored)
            shutil.copytree(tmp / "restored", place.workspace.restored)
        assert shown is None or shown.digest() == place.record.restored_digest
        return None if found is None or note is None else (found[0].digest(), found[1], note)

    return Kind(path, read)


def journal(place: Place, tmp: Path, name: str) -> Kind:
    """Whatever becomes of a folder's note, the files in it stay known as ours."""
    folder = place.root / name
    ours = [p for p in folder.rglob("*") if p.is_file() and p.name != NOTE]

    def read() -> Any:
        if name.startswith("restored"):
            check_replaceable(folder)
            check_replaceable(folder, mend=True)
        for path in ours if name else []:
            check_own_file(path, folder)
        Workspace.open(place.root)
        return "all of it is ours"

    return Kind(folder / NOTE, read, needed=True)


def receipt(place: Place, tmp: Path) -> Kind:
    update_receipt(tmp, "net", path="/w/net.pth", sha256="a" * 64, size=7, licence="MIT", accepted="2026")

    def read() -> Receipt | None:
        found = read_receipt(tmp, "net")
        return None if found == Receipt() else found

    return Kind(tmp / ".receipts" / "net.json", read)


def lease_note(place: Place, tmp: Path) -> Kind:
    """A dead process's note on where its unfinished file is: nothing else goes away."""
    unfinished, precious = tmp / "disk" / f".{'a' * 12}.part.png", tmp / "disk" / "precious.png"
    scratch = tmp / "scratch" / f"host-{'0' * 12}-1-1"
    note = scratch / f"{unfinished.name}.beside"
    for path in (unfinished, precious, note):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(unfinished))

    def read() -> Any:
        whole = note.read_bytes()
        lease._remove(scratch)  # as `sweep` does when the lease has run out
        assert not scratch.exists()
        scratch.mkdir()
        note.write_bytes(whole)
        return sorted(p.name for p in precious.parent.iterdir() if p != unfinished)

    return Kind(note, read, needed=True)


def demo_frame(place: Place, tmp: Path, seal: bool) -> Kind:
    demo.demo_clip("demo-calm", 1, tmp)
    file = next(tmp.rglob("*.png"))
    pixels = file.read_bytes()
    # what is not whole is rendered again: a third of a second, so that is not done each time
    return Kind(demo._seal(file) if seal else file, lambda: pixels if demo._is_whole(file) else None)


Make = Callable[[Place, Path], Kind]
KINDS: dict[str, tuple[str, Make]] = {
    "results": ("png", results),
    "split features": ("png", lambda place, tmp: features(place, tmp, False)),
    "ground-truth features": ("png", lambda place, tmp: features(place, tmp, True)),
    "ground-truth arrays": ("png", truth_arrays),
    "digest": ("png", digest),
    "strip of the ground truth": ("png", lambda place, tmp: strip(place, tmp, "truth")),
    "strip of degraded frames": ("png", lambda place, tmp: strip(place, tmp, "degraded")),
    "strip of restored frames": ("png", lambda place, tmp: strip(place, tmp, "restored")),
    "split note": ("png", split_note),
    "degraded frame": ("png", degraded_frame),
    "note of degrade": ("png", degrade_note),
    "board note": ("png", board_note),
    "kept note": ("png", lambda place, tmp: kept(place, tmp, f"{CLIP}.json")),
    "kept frame": ("png", lambda place, tmp: kept(place, tmp, f"{CLIP}/00000002.png")),
    "kept video": ("video", lambda place, tmp: kept(place, tmp, f"{CLIP}.mkv")),
    "journal of kept frames": ("png", lambda place, tmp: journal(place, tmp, f"restored/{SPLIT}/m/{CLIP}")),
    "journal of a report": ("png", lambda place, tmp: journal(place, tmp, "reports/small")),
    "journal of the workspace": ("png", lambda place, tmp: journal(place, tmp, "")),
    "weights receipt": ("png", receipt),
    "lease": ("png", lease_note),
    "demo frame": ("png", lambda place, tmp: demo_frame(place, tmp, False)),
    "seal of a demo frame": ("png", lambda place, tmp: demo_frame(place, tmp, True)),
}


def campaign(kind: str, made: dict[str, Place], tmp_path: Path, stride: Callable[[int], int]) -> Tally:
    keep, make = KINDS[kind]
    (tmp_path / "more").mkdir()
    one = make(made[keep].copy(tmp_path / "w"), tmp_path / "more")
    size = one.path.stat().st_size
    tally = try_all(one, stride(size))
    print(f"{kind}: {size} bytes, {tally.tried} tried, {tally.held} held, {tally.noticed} noticed")
    return tally


@pytest.mark.parametrize("kind", KINDS)
def test_some_flips_of_each_kind(kind: str, made: dict[str, Place], tmp_path: Path) -> None:
    tally = campaign(kind, made, tmp_path, lambda size: max(2, size // 24) | 1)
    assert tally.wrong == [] and tally.tried >= 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_flip_at_every_second_byte(kind: str, made: dict[str, Place], tmp_path: Path) -> None:
    tally = campaign(kind, made, tmp_path, lambda size: 2)
    assert tally.wrong == []


def cells(root: Path) -> dict[str, list[Any]]:
    """What the report's table says of each metric, one value a method."""
    with (root / "reports" / "small" / "leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0] if name in {"psnr", "ewarp_dis"}}


VERBS = {
    "results": f"results/{SPLIT}/m/{CLIP}.*.parquet",
    "board note": "boards/small.json",
    "kept frame": f"restored/{SPLIT}/m/{CLIP}/00000002.png",
    "journal of kept frames": f"restored/{SPLIT}/m/{CLIP}/{NOTE}",
    "journal of a report": f"reports/small/{NOTE}",
    "journal of the workspace": NOTE,
}


@pytest.mark.parametrize(
    ("kind", "flipped"),
    [pytest.param(kind, n, marks=[pytest.mark.slow] * (n > 2)) for kind in VERBS for n in (2, 25)],
)
def test_report_and_run_go_on_after_a_flip(
    kind: str, flipped: int, made: dict[str, Place], tmp_path: Path
) -> None:
    """The whole verbs, at some places of the file: `report` shows no other number, `run` mends it."""
    source = made["png"]
    (original,) = source.root.glob(VERBS[kind])
    size, shown = original.stat().st_size, cells(source.root)
    for number in range(flipped):
        place = source.copy(tmp_path / f"w{number}")
        root = place.root
        path, at = root / original.relative_to(source.root), number * (size - 1) // (flipped - 1)
        data = bytearray(path.read_bytes())
        data[at] ^= 1 << number % 8
        path.write_bytes(data)
        what = f"bit {number % 8} of byte {at}"
        try:
            build_report(place.board, root, root / "reports" / "small", formats=("png",))
        except InputError as error:
            assert kind == "results" and "is damaged" in str(error), what  # the only one that there is
        assert cells(root) == shown, what
        for force in (False, True):
            summary = run(place.board, root, keep="png", force=force)
            assert summary.exit_code == 0 and contents(root) == source.expected, what
        build_report(place.board, root, root / "reports" / "small", formats=("png",))
        assert cells(root) == shown, what
        shutil.rmtree(root)
