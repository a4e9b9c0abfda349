"""README's first picture and table: of the demo board, and what is said of them follows from the figures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import readme_demo
from reports.tables.layout import heading
from reports.tables.leaderboard import column
from tests.vfsrbench.boards import run_with
from tests.vfsrbench.metrics.dlib_references import lacking
from vfsrbench import plugins
from vfsrbench.board import load_board
from vfsrbench.io.clip import Clip
from vfsrbench.weights.resolve import resolve_weights

TEXT = readme_demo.README.read_text(encoding="utf-8")
BOARD = load_board(plugins.board_files()["demo"])


def block(name: str, text: str = TEXT) -> str:
    (found,) = re.findall(rf"<!-- {name}:[^\n]*-->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    return str(found)


def test_the_table_has_the_boards_columns_and_rows() -> None:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block("leaderboard").splitlines()]
    cards = plugins.metrics().cards
    heads = [heading(column(metric, cards[metric])) for metric in BOARD.metrics]
    assert lines[0][1:] == heads
    methods = plugins.methods()
    assert {line[0].partition(" (shifted")[0] for line in lines[2:]} == {
        methods[name].card.title for name in BOARD.methods
    }
    assert all(re.search(r"\d", cell) for line in lines[2:] for cell in line[1:])
    for said in ("IDD (dlib)", "sigma IDD (dlib)"):
        assert any(head.startswith(said) for head in heads)


def test_the_first_picture_is_in_true_colours_and_not_too_heavy() -> None:
    first = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT)[0]
    path = readme_demo.ROOT / first
    assert path == readme_demo.PICTURE and path.stat().st_size < 800_000
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        assert len(image.getcolors(1 << 24) or ()) > 10_000, "not a palette's few"


def test_the_words_name_the_boards_clip_and_methods() -> None:
    said = block("identity")
    assert readme_demo.CLIP in BOARD.dataset.clips and readme_demo.SPLIT in BOARD.splits
    for name in (readme_demo.SHARP, readme_demo.PLAIN):
        assert plugins.methods()[name].card.title in " ".join(said.split())
    assert re.search(r"sigma \d+\.\d against \d+\.\d", said)


def test_lines_are_put_between_their_marks_and_nowhere_else() -> None:
    text = "a\n<!-- one: how -->\nold\nlines\n<!-- /one -->\nb\n"
    assert (
        readme_demo.with_block(text, "one", r"new \1") == "a\n<!-- one: how -->\nnew \\1\n<!-- /one -->\nb\n"
    )
    with pytest.raises(SystemExit, match="no one place <!-- two"):
        readme_demo.with_block(text, "two", "new")


def test_the_gradient_says_how_sharp_a_clip_is() -> None:
    ramp = np.repeat(np.arange(0, 64, 2, dtype=np.uint8)[None, :], 32, axis=0)
    frames = np.repeat(ramp[None, ..., None], 3, axis=-1)
    assert readme_demo.gradient(Clip.from_array(frames, "ramp")) == pytest.approx(1.0)  # 2 across, 0 down
    assert readme_demo.gradient(Clip.from_array(np.full_like(frames, 9), "flat")) == 0.0


@pytest.mark.slow
def test_picture_table_and_words_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = resolve_weights(plugins.methods()["realesrgan"].card.weights).missing or lacking()
    if missing:
        pytest.skip(missing)
    board = BOARD.replace(
        splits=[readme_demo.SPLIT],
        methods=["bicubic", "realesrgan", "oracle"],
        dataset=BOARD.dataset.replace(clips=[readme_demo.CLIP], frames=2),
        metrics=["psnr", "idd_dlib", "sigma_idd_dlib"],
        figures={},
    )
    run_with(board, tmp_path / "w", keep="video")
    monkeypatch.setattr(readme_demo, "find_board", lambda name: board)
    for name in ("README", "PICTURE"):
        monkeypatch.setattr(readme_demo, name, tmp_path / name)
    readme_demo.README.write_text(TEXT)
    readme_demo.main([str(tmp_path / "w")])
    made = readme_demo.README.read_text()
    story = readme_demo.Story.of(tmp_path / "w")
    values = {m: story.clip_value(m, "idd_dlib") for m in ("realesrgan", "bicubic")}
    words = " ".join(block("identity", made).split())
    assert ("farther from" if values["realesrgan"] > values["bicubic"] else "nearer to") in words
    assert f"IDD {values['realesrgan']:.3f} against {values['bicubic']:.3f}" in words
    assert "is sharper than" in words and "higher in PSNR" in words
    assert len(block("leaderboard", made).splitlines()) == 2 + 3
    with Image.open(readme_demo.PICTURE) as image:
        assert image.mode == "RGB" and 1300 < image.width <= readme_demo.WIDE * readme_demo.DOTS
    with pytest.raises(SystemExit) as left:
        readme_demo.main([str(tmp_path / "w"), "--check"])
    assert left.value.code == 0, "what was just written is not stale"
