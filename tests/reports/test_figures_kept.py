"""Figures are drawn again only where what they show changed, and a damaged one is never taken over."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from reports import build_report
from reports.figures import curves, kept
from tests.reports import synthetic
from vfsrbench.board import Board
from vfsrbench.errors import InputError

OTHER = {"psnr": np.full(12, 33.0), "ssim": np.full(12, 0.9), "ewarp_dis": np.full(12, 0.1)}
LATER = {"finished": "2030-01-01T00:00:00+00:00"}


Made = tuple[Path, dict[str, bytes], list[str]]


@pytest.fixture
def workspace(made: Made, tmp_path: Path) -> Path:
    """Results, without a report."""
    for name in ("results", "slices"):
        shutil.copytree(made[0] / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A workspace with its report, the figures in it, and the names of those that were drawn."""
    place, names = tmp_path_factory.mktemp("made"), list[str]()
    synthetic.write_board(place / "results")
    synthetic.write_strips(place)
    with pytest.MonkeyPatch.context() as patch:
        note_drawn(patch, names)
        return place, report(place), names


@pytest.fixture
def first(made: Made, workspace: Path) -> dict[str, bytes]:
    """The workspace of the test has its report: these are the figures in it."""
    shutil.copytree(made[0], workspace, dirs_exist_ok=True)
    return dict(made[1])


@pytest.fixture
def redrawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the figures that were drawn."""
    names: list[str] = []
    note_drawn(monkeypatch, names)
    return names


def note_drawn(patch: pytest.MonkeyPatch, names: list[str]) -> None:
    finish = kept.Figures.finish

    def noting(self: kept.Figures) -> list[Path]:
        self.on_drawn = names.append
        return finish(self)

    patch.setattr(kept.Figures, "finish", noting)


def report(workspace: Path, board: Board | None = None, **how: object) -> dict[str, bytes]:
    made = build_report(board or synthetic.board(), workspace, workspace / "r", **how)
    return {path.name: path.read_bytes() for path in made.files if path.parent.name == "figures"}


def test_nothing_is_drawn_again_where_nothing_changed(
    workspace: Path,
    made: Made,
    first: dict[str, bytes],
    redrawn: list[str],
) -> None:
    light = {name for name in first if name.endswith(".png") and not name.endswith("-dark.png")}
    assert len(made[2]) == len(light) > 4
    photographs = {name.removesuffix(".png") for name in light if name.startswith("slices")}
    assert {name for name in first if name.endswith("-dark.png")} == {f"{n}-dark.png" for n in photographs}
    assert not [name for name in first if name.endswith(".pdf")]
    assert report(workspace) == first
    assert not redrawn


def test_figures_whose_results_changed_are_drawn_and_no_others(
    workspace: Path, first: dict[str, bytes], redrawn: list[str]
) -> None:
    synthetic.write_result(workspace / "results", "bicubic", "vfhq-mild", "calm", values=OTHER, **LATER)
    second = report(workspace)
    assert redrawn and all("vfhq-mild" in name or name == "levels" for name in redrawn), redrawn
    assert not [name for name in redrawn if name.startswith("slices")]
    for name, content in second.items():
        if name.endswith(".png") and Path(name).stem not in redrawn:
            assert content == first[name]
    changed = "curves-vfhq-mild-psnr.png"
    assert second[changed] != first[changed]
    # and what is drawn is what a report from nothing draws
    fresh = build_report(synthetic.board(), workspace, workspace / "other")
    assert {p.name: p.read_bytes() for p in fresh.files if p.suffix == ".png"} == {
        name: content for name, content in second.items() if name.endswith(".png")
    }


def test_damaged_figures_and_notes_are_not_taken_over(workspace: Path, first: dict[str, bytes]) -> None:
    note = workspace / "r" / "figures" / kept.NOTE
    sound = note.read_text()
    note.write_text(sound.replace("a", "b", 7))
    other = kept.Figures(workspace / "x", workspace / "r" / "figures")
    assert other._kept("curves-vfhq-mild-psnr.png", "no such key") is None
    note.write_text("{")
    assert kept.Figures(workspace / "x", workspace / "r" / "figures")._known == {}
    note.write_text(sound)
    place = workspace / "r" / "figures" / "curves-vfhq-mild-psnr.png"
    content = bytearray(place.read_bytes())
    content[100] ^= 1
    place.write_bytes(content)
    key = kept.Figures(workspace / "x", workspace / "r" / "figures")._known[place.name]["key"]
    assert kept.Figures(workspace / "x", workspace / "r" / "figures")._kept(place.name, key) is None
    place.write_bytes(first[place.name])
    again = kept.Figures(workspace / "x", workspace / "r" / "figures")
    assert again._kept(place.name, key) == first[place.name]


def test_a_pdf_is_written_on_request_and_kept_up_to_date_then(workspace: Path, redrawn: list[str]) -> None:
    few = synthetic.board(splits=["vfhq-mild"], figures={"curves": ["psnr"]})
    asked = report(workspace, few, formats=("png", "pdf"))
    assert "curves-vfhq-mild-psnr.pdf" in asked
    redrawn.clear()
    assert report(workspace, few) == asked and not redrawn
    synthetic.write_result(workspace / "results", "bicubic", "vfhq-mild", "calm", values=OTHER, **LATER)
    later = report(workspace, few)
    assert later["curves-vfhq-mild-psnr.pdf"] != asked["curves-vfhq-mild-psnr.pdf"]


def test_a_key_sees_every_number_and_the_code() -> None:
    def key(*data: object) -> str:
        return kept.figure_key(curves.draw_curves, data)

    values = np.arange(6.0)
    same = curves.Panel("clip", {"a": values})
    assert key(same) == key(curves.Panel("clip", {"a": values.copy()}))
    other = values.copy()
    other[3] = np.nextafter(other[3], 9)
    keys = [
        key(same),
        key(curves.Panel("clip", {"a": other})),
        key(curves.Panel("clip", {"b": values})),
        key(curves.Panel("clop", {"a": values})),
        key(curves.Panel("clip", {"a": values.astype(np.float32)})),
        key(curves.Panel("clip", {"a": values.reshape(2, 3)})),
        key([1, 2]), key([12]), key(["1", "2"]), key(True), key(1), key(1.0), key(None), key(np.nan),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert kept.figure_key(curves.find_scale, [same]) != key(same)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot be named by a object"):
        key(object())


def test_several_processes_draw_the_same(
    made: Made,
    workspace: Path,
    first: dict[str, bytes],
    redrawn: list[str],
) -> None:
    assert len(made[2]) >= 2 * kept.FEW
    again = build_report(synthetic.board(), workspace, workspace / "other", workers=2)
    assert {p.name: p.read_bytes() for p in again.files if p.parent.name == "figures"} == first
    assert redrawn == made[2]


def test_what_cannot_be_drawn_ends_the_report(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error comes back from another process as it is, and nothing takes its place half done."""
    monkeypatch.setattr(kept, "_draw", _refuse)
    with pytest.raises(InputError, match="no room for "):
        build_report(synthetic.board(), workspace, workspace / "r", workers=2)
    assert not list((workspace / "r").rglob("*.png")) and not (workspace / "r" / "index.html").exists()


def _refuse(asked: tuple[object, object, Path, object]) -> list[Path]:
    raise InputError(f"no room for {asked[2].name}")


def test_data_that_take_long_to_read_are_read_where_a_figure_is_drawn(tmp_path: Path) -> None:
    read: list[str] = []

    def figures(content: str, whole: bool = True) -> bytes:
        """A report's figure whose data are named by their content, in the folder of the one before."""

        def data() -> tuple[str, bool]:
            read.append(content)
            return content, whole

        def draw(shown: str, path: Path, formats: tuple[str, ...]) -> list[Path]:
            path.with_suffix(".png").parent.mkdir(exist_ok=True)
            path.with_suffix(".png").write_text(shown)
            return [path.with_suffix(".png")]

        place = tmp_path / str(len(list(tmp_path.iterdir())))
        before = tmp_path / str(len(list(tmp_path.iterdir())) - 1)
        made = kept.Figures(place, before)
        drawn = made.draw(draw, "one", kept.Later((content,), data))
        made.finish()
        return drawn.files[0].read_bytes()

    assert figures("a") == figures("a") == b"a" and read == ["a"]
    assert figures("b") == b"b" and read == ["a", "b"]
    assert figures("c", whole=False) == b"c", "what was there of it is shown"
    assert figures("c") == b"c" and read == ["a", "b", "c", "c"], "and tried again"
