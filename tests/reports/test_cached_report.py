"""A report in which nothing changed decodes, draws and imports nothing for it; what changed is noticed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports import build_report
from reports.figures import kept
from reports.figures.style import figure_file
from reports.known import statistics, unchanged
from reports.report import Report
from reports.site import media
from tests.reports import synthetic
from vfsrbench.board import Board
from vfsrbench.io.clip import Clip
from vfsrbench.io.images import reader
from vfsrbench.io.images.folder import PictureSource
from vfsrbench.io.video.reader import VideoSource
from vfsrbench.results.slice_store import StripStore, write_strip

EVERY = {"curves", "jump", "levels", "grid", "slices"}
FIGURES = {"curves": ["psnr"], "jumps": ["psnr"], "levels": ["psnr"], "grids": 1}
NOT_IMPORTED = ("matplotlib", "scipy", "cv2", "av", "torch", "pandas", "vfsrbench.io.clip")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("workspace")
    (workspace / "cache").mkdir()
    synthetic.write_board(workspace / "results")
    synthetic.write_strips(workspace)
    synthetic.write_frames(workspace, workspace / "data")
    return workspace


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(unchanged, "SETTLED", -(10**12))  # files of this test need not be old
    return shutil.copytree(made, tmp_path / "workspace")


def board(place: Path, **changes: object) -> Board:
    dataset = {"layout": "folder", "path": str(place / "data")}
    return synthetic.board(**{"dataset": dataset, "figures": FIGURES, "versus": "bicubic"} | changes)


def report(place: Path, **changes: object) -> Report:
    return build_report(board(place, **changes), place, place / "out", site=True)


def contents(made: Report) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in made.files}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was decoded, drawn, encoded or computed."""
    found: list[str] = []
    for holder, name in (
        (VideoSource, "__init__"),
        (PictureSource, "__init__"),
        (Clip, "open"),
        (reader, "read_picture"),
        (media, "write_mp4"),
        (media, "write_png"),
        (statistics.stats, "ranks"),
        (statistics.stats, "compare"),
        (StripStore, "truth"),
        (StripStore, "restored"),
        (StripStore, "degraded"),
    ):
        real = getattr(holder, name)

        def noting(*given: object, name: str = name, real: object = real, **how: object) -> object:
            found.append(name)
            return real(*given, **how)  # type: ignore[operator]

        monkeypatch.setattr(holder, name, noting)

    def drawn(asked: tuple[object, object, Path, tuple[str, ...]]) -> list[Path]:
        """A point stands for a figure: how they look is tested elsewhere."""
        found.append(asked[2].name)
        asked[2].parent.mkdir(parents=True, exist_ok=True)
        files = [figure_file(asked[2], kind) for kind in asked[3]]
        for file in files:
            Image.new("RGB", (1, 1)).save(file)
        return files

    monkeypatch.setattr(kept, "_draw", drawn)
    return found


def test_nothing_is_decoded_drawn_or_imported_where_nothing_changed(place: Path, counted: list[str]) -> None:
    first = contents(report(place))
    assert {"__init__", "open", "levels", "write_mp4", "write_png", "ranks", "compare", "truth"} <= set(
        counted
    )
    report(place)  # what the first one wrote itself is as old as the rest now
    counted.clear()
    assert contents(report(place)) == first
    assert counted == []
    names = ", ".join(map(repr, NOT_IMPORTED))
    fresh = (
        "import sys; from pathlib import Path; from reports import build_report\n"
        "from vfsrbench.board import Board\n"
        f"made = Board.model_validate_json({board(place).model_dump_json(by_alias=True)!r})\n"
        f"build_report(made, Path({str(place)!r}), Path({str(place / 'out')!r}), site=True)\n"
        f"print([name for name in ({names}) if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", fresh], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def shown(made: Report) -> dict[str, bool]:
    """Which tracks of a clip's page have a video."""
    text = (made.index.parent / "clips" / "vfhq-mild" / "calm.html").read_text()
    found = re.search(r'<script[^>]*id="clip-data"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return {track["id"]: track["video"] is not None for track in json.loads(found[1])["tracks"]}


def test_frames_that_were_changed_or_removed_are_noticed(place: Path, counted: list[str]) -> None:
    report(place)
    before = shown(report(place))
    assert {name for name, there in before.items() if not there} == {"oracle"}
    folder = place / "restored" / "vfhq-mild"
    flipped, removed = folder / "bicubic" / "calm.mkv", folder / "nearest" / "calm.mkv"
    state, content = flipped.stat(), bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    os.utime(flipped, ns=(state.st_atime_ns, state.st_mtime_ns))
    removed.unlink()
    third, fourth = sorted((place / "data" / "calm").glob("*.png"))[3:5]
    third.write_bytes(fourth.read_bytes())
    made = report(place)
    gone = {name for name, there in shown(made).items() if there != before[name]}
    # the degraded clip is shown beside its ground truth alone
    assert gone == {"bicubic", "nearest", "_truth", "_degraded"}
    assert any("bicubic/calm.mkv" in line and "checksum differs" in line for line in made.skipped)
    assert any("not those any more that the run read" in line for line in made.skipped)


def drawn_by(place: Path, counted: list[str], **changes: object) -> set[str]:
    """The kinds of figures that a report draws."""
    counted.clear()
    build_report(board(place, **changes), place, place / "out")
    return {name.partition("-")[0] for name in counted if name.partition("-")[0] in EVERY}


def test_whatever_a_figure_follows_from_it_is_drawn_again(
    place: Path, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert drawn_by(place, counted) == EVERY
    assert drawn_by(place, counted) == set()
    assert drawn_by(place, counted, table={"highlight": "nearest"}) == EVERY - {"grid"}, "an option"
    assert drawn_by(place, counted, table={"highlight": "nearest"}) == set()
    assert drawn_by(place, counted) == EVERY - {"grid"}
    job = ("bicubic", "calm", "vfhq-mild")
    record = next(r for r in synthetic.records(place) if (r.method, r.clip, r.split) == job)
    write_strip(StripStore(place / "slices").restored_path(record), np.zeros((64, 12, 3), np.uint8))
    assert drawn_by(place, counted) == {"slices"}
    monkeypatch.setattr(kept, "_version", lambda package: "another version")
    kept._surroundings.cache_clear()
    try:
        assert drawn_by(place, counted) == EVERY
    finally:
        kept._surroundings.cache_clear()


def test_other_fonts_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reports.figures import fonts
    from reports.known.unchanged import Unchanged

    monkeypatch.setattr(unchanged, "SETTLED", -(10**12))
    listed, asked = tmp_path / "fontlist.json", []
    listed.write_text("fonts")
    monkeypatch.setattr(fonts, "_font_list", lambda: listed)
    monkeypatch.setattr(fonts, "families", lambda: asked.append(1) or ("DejaVu Sans",))
    known = Unchanged()
    noted = fonts.families_noted({}, known)
    assert fonts.families_noted(noted, known) == noted == {"families": ["DejaVu Sans"], "list": str(listed)}
    assert len(asked) == 1
    listed.write_text("others")
    monkeypatch.setattr(fonts, "families", lambda: ("DejaVu Sans", "Noto Sans CJK SC"))
    assert fonts.families_noted(noted, known)["families"] == ["DejaVu Sans", "Noto Sans CJK SC"]
    listed.unlink()
    assert fonts.families_noted(noted, known)["families"] == ["DejaVu Sans", "Noto Sans CJK SC"]
