"""`vfsrbench import`: what is exactly known is undone, the rest refused; a manifest; rows marked."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vfsrbench.boards import data_set, moving, run_with, small_board, write_clip
from vfsrbench.cli import main
from vfsrbench.datasets.importing.manifest import ImportManifest, read_imports
from vfsrbench.datasets.importing.undo import Extent, check_undo, parse_all, parse_undo
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.plugins import methods

SIDE, FRAMES = 128, 12


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two clean clips, `one` of 12 frames and `two` of 11."""
    return data_set(tmp_path / "data", frames=FRAMES, side=SIDE)


def outputs(root: Path, frames: int | None = None, extra: int = 0, name: str = "{clip}") -> Path:
    """What a tool made of the clips, other pixels than theirs; `extra` rows and columns at the end."""
    for seed, clip in enumerate(("one", "two")):
        count = frames or FRAMES - seed
        made = moving(count, SIDE + extra, seed + 7)
        write_clip(root / name.replace("{clip}", clip), made)
    return root


def say(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    assert main.run([str(a) for a in arguments]) == code
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return said.out if code == 0 else said.err.strip().splitlines()[-1]


def stored(place: Path) -> NDArray[np.uint8]:
    return Clip.open(place).array()


def test_frames_and_padding_are_cut_and_the_manifest_says_how(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = outputs(tmp_path / "made", frames=17, name="{clip}_77")
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"numbers")
    out = tmp_path / "in"
    given = "ab" * 32
    said = say(
        capsys, "import", "flashvsr", made, "--out", out, "--dataset", data, "--undo", "crop128", "--undo",
        "frames8n1", "--names", "{clip}_77", "--weights", weights, "--weights", given, "--steps", 1,
        "--seed", 0, "--gpu", "NVIDIA H200", "--commit", "6dd38e5",
    )  # fmt: skip
    assert "undone: crop128, frames8n1" in said and f"--outputs flashvsr={out}" in said
    for clip, count in (("one", 12), ("two", 11)):
        assert np.array_equal(stored(out / clip), stored(made / f"{clip}_77")[:count])
        assert sorted(p.stem for p in (out / clip).glob("*.png")) == [f"{i:08d}" for i in range(count)]
    manifest = read_imports(out)[""]
    assert manifest.facts() == {
        "method": "flashvsr",
        "undone": "crop128, frames8n1",
        "weights": f"given {given}, net.pth {hashlib.sha256(b'numbers').hexdigest()}",
        "commit": "6dd38e5",
        "steps": "1",
        "seed": "0",
        "gpu": "NVIDIA H200",
    }
    assert manifest.clips["one"].made == "17 frames of 128x128" and manifest.clips["one"].source == "one_77"
    assert manifest.clips["two"].digest == Clip.open(out / "two").digest()
    before = {path: path.read_bytes() for path in made.rglob("*.png")}
    say(
        capsys,
        "import",
        "flashvsr",
        made,
        "--out",
        out,
        "--dataset",
        data,
        "--undo",
        "frames8n1",
        "--names",
        "{clip}_77",
    )
    assert before == {path: path.read_bytes() for path in made.rglob("*.png")}, (
        "the tool's folder is not changed"
    )
    assert read_imports(out)[""].undone == ("frames8n1",)


@pytest.mark.parametrize("spare", [0, 16])
def test_padding_at_the_bottom_and_right(
    spare: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = data_set(tmp_path / "data", frames=3, side=120)
    for seed, clip in enumerate(("one", "two")):
        write_clip(tmp_path / "made" / clip, moving(3 - seed, 128 if spare else 120, seed + 7))
    out = tmp_path / "in"
    say(capsys, "import", "vividface", tmp_path / "made", "--out", out, "--dataset", data, "--undo", "pad16")
    assert np.array_equal(stored(out / "one"), stored(tmp_path / "made" / "one")[:, :120, :120])


@pytest.mark.parametrize(
    ("frames", "extra", "undo", "message"),
    [
        (None, 0, ["pad16"], "is not known of the tool of 'flashvsr', its card lists crop128"),
        (None, 0, ["shift3"], "'shift3' is not known: write cropN"),
        (None, 0, ["frames8n1", "frames8n5"], "both change the number of frames"),
        (9, 0, ["frames8n1"], "9 frames where 12 are to be scored: the last 3 are not in the outputs"),
        (
            14,
            0,
            ["frames8n1"],
            "14 frames where 12 are to be scored; frames8n1 given with --undo explains only 17",
        ),
        (13, 0, [], "13 frames where 12 are to be scored; nothing given with --undo explains no difference"),
        (None, 8, ["crop128"], "136 rows where 128 are to be scored; crop128"),
        (None, -8, ["crop128"], "120 rows where 128 are to be scored: some were cut away"),
    ],
)
def test_what_is_not_exactly_known_is_refused_and_nothing_written(
    frames: int | None,
    extra: int,
    undo: list[str],
    message: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = outputs(tmp_path / "made", frames, extra)
    words = [word for each in undo for word in ("--undo", each)]
    line = say(
        capsys, "import", "flashvsr", made, "--out", tmp_path / "in", "--dataset", data, *words, code=2
    )
    assert re.search(re.escape(message), line), line
    assert not (tmp_path / "in").exists()


def test_cut_borders_cannot_be_brought_back() -> None:
    wanted = Extent(5, 720, 1280)
    assert parse_undo("crop128").made(wanted) == Extent(5, 640, 1280)
    with pytest.raises(InputError, match="crop128 cuts 1280x720 to 1280x640; what was cut away is not"):
        check_undo(parse_all(["crop128"]), Extent(5, 640, 1280), wanted, "x")
    with pytest.raises(InputError, match="what was cut away"):  # enlarged or padded since, who knows how
        check_undo(parse_all(["crop128"]), wanted, wanted, "x")
    check_undo(parse_all(["crop128"]), Extent(5, 512, 512), Extent(5, 512, 512), "x")


@pytest.mark.parametrize(("frames", "made"), [(1, 1), (2, 9), (9, 9), (10, 17), (24, 25)])
def test_the_arithmetic_of_frames(frames: int, made: int) -> None:
    assert parse_undo("frames8n1").made(Extent(frames, 4, 4)).frames == made
    check_undo(parse_all(["frames8n1"]), Extent(made, 4, 4), Extent(frames, 4, 4), "x")
    if made != frames:
        with pytest.raises(InputError):
            check_undo(parse_all(["frames8n1"]), Extent(made + 8, 4, 4), Extent(frames, 4, 4), "x")


def test_a_row_of_imported_outputs_is_marked_in_results_and_report(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, out, work = outputs(tmp_path / "made"), tmp_path / "in", tmp_path / "w"
    say(capsys, "import", "svfr", made, "--out", out, "--dataset", data, "--steps", "30", "--gpu", "H200")
    board = small_board(data, ["bicubic"], splits=["bi-x4"], metrics=["psnr"])
    summary = run_with(board, work, outputs={"svfr": out, "plain": made})
    assert summary.counts == {"ok": 6}
    record = next(r for r in summary.records.values() if r.method == "svfr")
    assert record.imported == {"method": "svfr", "steps": "30", "gpu": "H200"}
    assert (record.method_title, record.track) == ("SVFR", "none")
    assert (record.parameters, record.method_licence) == (2_254_450_000, methods()["svfr"].card.licence)
    plain = next(r for r in summary.records.values() if r.method == "plain")
    assert plain.imported == {} and plain.track == ""
    from reports.report import build_report

    report = build_report(board, work, tmp_path / "r", outputs={"svfr": out})
    text = (tmp_path / "r" / "leaderboard.md").read_text()
    assert "SVFR (imported outputs" in text and "plain (imported" not in text and "2.25 G" in text
    rows = {row.method: row.imported for row in report.tables[0].rows}
    assert rows == {"bicubic": False, "svfr": True, "plain": False}
    # other facts are another result: the row never says what another import said
    say(capsys, "import", "svfr", made, "--out", out, "--dataset", data, "--steps", "50")
    again = run_with(board, work, outputs={"svfr": out})
    assert {r.imported.get("steps") for r in again.records.values() if r.method == "svfr"} == {"50"}


def test_frames_that_changed_since_the_import_fail_alone(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, out = outputs(tmp_path / "made"), tmp_path / "in"
    say(capsys, "import", "svfr", made, "--out", out, "--dataset", data)
    first = next((out / "one").glob("*.png"))
    first.write_bytes((made / "two" / "00000003.png").read_bytes())
    board = small_board(data, [], splits=["bi-x4"], metrics=["psnr"], methods=["bicubic"])
    records = run_with(board, tmp_path / "w", outputs={"svfr": out}).records
    states = {r.clip: (r.status, r.reason) for r in records.values() if r.method == "svfr"}
    assert states["two"][0] == "ok" and states["one"][0] == "failed"
    assert "has other frames than were imported; import them again" in states["one"][1]


def test_splits_are_imported_into_folders_of_their_names(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, out = outputs(tmp_path / "made"), tmp_path / "in"
    for split in ("bi-x4", "bi-x8"):
        say(capsys, "import", "svfr", made, "--out", out / split, "--dataset", data, "--steps", "30")
    board = small_board(data, ["bicubic"], metrics=["psnr"])
    records = run_with(board, tmp_path / "w", outputs={"svfr": out}).records
    assert {r.imported.get("steps") for r in records.values() if r.method == "svfr"} == {"30"}
    say(capsys, "import", "svfr", made, "--out", out / "bi-x8", "--dataset", data, "--steps", "50")
    with pytest.raises(InputError, match="imported with different facts"):
        run_with(board, tmp_path / "w", outputs={"svfr": out})


def test_mistakes_are_one_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, out = outputs(tmp_path / "made"), tmp_path / "in"
    more = (made, "--out", out, "--dataset", data)
    assert "did you mean 'svfr'" in say(capsys, "import", "svfrr", *more, code=2)
    assert "'keep' is run here, not imported" in say(capsys, "import", "keep", *more, code=2)
    assert "must hold {clip}" in say(capsys, "import", "svfr", *more, "--names", "x", code=2)
    assert "no output for clip 'one'" in say(capsys, "import", "svfr", *more, "--names", "{clip}_1", code=2)
    assert "net.pth" in say(capsys, "import", "svfr", *more, "--weights", tmp_path / "net.pth", code=2)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "import.json").write_text("{}")
    line = say(capsys, "import", "svfr", made, "--out", tmp_path / "mine", "--dataset", data, code=2)
    assert "vfsrbench did not make it" in line
    line = say(capsys, "run", "demo", "--method", "svfr", "-w", tmp_path / "w", code=2)
    assert "is not run here: `vfsrbench import svfr FOLDER`" in line
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "import.json").write_text(json.dumps({"method": "svfr", "titel": "x"}))
    with pytest.raises(InputError, match=r"import\.json: unknown key 'titel', did you mean 'title'"):
        read_imports(damaged)


def test_every_card_of_kind_outputs_says_what_its_tool_does_and_the_page_has_its_command() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs/import.md").read_text(encoding="utf-8")
    cards = [entry.card for entry in methods() if entry.card.kind == "outputs"]
    assert {c.name for c in cards} == {
        "svfr", "seedvr2", "dove", "flashvsr", "vividface", "star", "vivid-vr",
    }  # fmt: skip
    for card in cards:
        assert card.factory is None and card.tool is not None and card.url and card.licence and card.paper
        assert card.tool.size and card.tool.length and card.tool.rate
        parse_all(card.tool.undo[:1])
        assert all(parse_undo(word) for word in card.tool.undo)
        section = page.partition(f"## {card.title}\n")[2].partition("\n## ")[0]
        assert f"vfsrbench import {card.name} " in section
        assert re.search("python |bash |torchrun ", section)
        assert card.url in section
        said = set(re.findall(r"--undo (\w+)", section))
        assert said <= set(card.tool.undo), card.name


def test_a_card_has_a_class_or_is_of_outputs(tmp_path: Path) -> None:
    from vfsrbench.card import MethodCard

    facts = {"name": "x", "title": "X", "description": "x"}
    tool = {"size": "kept", "length": "kept", "rate": "kept"}
    for wrong in (
        {"kind": "video"},
        {"kind": "outputs", "class": "a:B", "tool": tool},
        {"kind": "outputs"},
        {"kind": "image", "class": "a:B", "tool": tool},
    ):
        with pytest.raises(ValueError):
            MethodCard.model_validate({**facts, **wrong})
    assert MethodCard.model_validate({**facts, "kind": "outputs", "tool": tool}).tool is not None
    assert ImportManifest(method="x", title="X").facts() == {"method": "x"}
