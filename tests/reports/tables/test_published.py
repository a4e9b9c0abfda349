"""The transcribed figures: counted table by table, checked at spots, and readable through every board."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from reports.tables.leaderboard import Sources, build_tables
from reports.tables.published import FOLDER, Figure, figures_of, read
from vfsrbench.board import PublishedUse
from vfsrbench.errors import InputError
from vfsrbench.method_spec import choose_method
from vfsrbench.plugins import board_files, choose_metric, find_board, methods, metrics

FILES = {path.name: read(path) for path in FOLDER.glob("*.csv")}
# rows x columns of each printed table (what the texts hold of them)
COUNTS = {
    "keep.csv": {"Table 1": 5 * 7, "Table 2": 3 * 3, "Table 3": 2 * 3, "Figure 7": 2, "text": 1},
    "flair.csv": {"Table 1": 23 * 12, "Table 2": 11 * 12, "Table 3": 5 + 20, "Table 4": 8 * 12},
    "secnet.csv": {
        "Table I": 26,
        "Table II": 20 * 14 + 2 * 16,
        "Table III": 8 * 7 + 12 * 7,
        "Table IV": 11 * 4,
        "Table V": 4 * 6,
        "Table VI": 7 * 3,
        "Table VII": 4 * 3,
        "text": 7,
    },
}
SPOTS = [
    ("keep.csv", "Table 1", "VFHQ-Test", "vfhq-mild", "keep", "psnr", 27.9994),
    ("keep.csv", "Table 1", "VFHQ-Test", "vfhq-mild", "codeformer", "sigma_ids", 6.3726),
    ("keep.csv", "Table 2", "VFHQ-Test", "vfhq-mild", "keep[kfn=false]", "ids", 0.7773),
    ("keep.csv", "Table 3", "VFHQ-Test", "vfhq-mild", "keep[flow=pwcnet]", "akd", 8.78),
    ("flair.csv", "Table 1", "CelebV-HQ", "flair-gauss", "diffpir", "fid", 83.07),
    ("flair.csv", "Table 1", "CelebV-Text, short clips", "bi-x8", "pseudo-inverse", "kid", 150.72),
    ("flair.csv", "Table 1", "CelebV-Text, short clips", "flair-jpeg60", "flair", "lpips", 0.178),
    ("flair.csv", "Table 2", "CelebV-Text, long clips", "flair-jpeg60", "flair", "ssim", 0.860),
    ("flair.csv", "Table 2", "CelebV-Text, long clips", "bi-x16", "flair+restoreformerpp", "kid", 23.78),
    ("flair.csv", "Table 3", "CelebV-Text, long clips", "bi-x16", "flair", "ewarp", 2.546),
    ("flair.csv", "Table 4", "CelebV-Text, long clips", "bi-x8", "flair_space_time", "lpips", 0.160),
    ("secnet.csv", "Table II", "VoxCeleb", "secnet-bd4", "frvsr", "psnr_clip", 34.33),
    ("secnet.csv", "Table II", "RAVDESS", "secnet-bd4", "secnet", "ssim_vt", 0.9517),
    ("secnet.csv", "Table II", "VoxCeleb", "secnet-bd4", "gln", "parameters", 40818842),
    ("secnet.csv", "Table II", "VoxCeleb", "secnet-bd4", "bicubic", "psnr_clip_t", 201),
    ("secnet.csv", "Table III", "VID4", "secnet-bd4", "spmc-released", "psnr_clip_p", 0.08),
    ("secnet.csv", "Table V", "VoxCeleb", "secnet-bd4", "secnet-attention-spatial-se", "psnr_clip_t", -1.16),
    ("secnet.csv", "Table VI", "VoxCeleb, validation", "secnet-bd4", "secnet-t2-2-t3-6", "psnr_clip", 36.04),
    ("secnet.csv", "Table VII", "VoxCeleb", "secnet-bd4", "secnet-blocks-16", "ssim", 0.9548),
]


def test_every_printed_figure_is_there() -> None:
    found = {name: dict(Counter(f.table for f in figures)) for name, figures in FILES.items()}
    assert found == COUNTS


@pytest.mark.parametrize("spot", SPOTS, ids=lambda s: f"{s[1]}-{s[4]}-{s[5]}")
def test_spots(spot: tuple[str, str, str, str, str, str, float]) -> None:
    name, *place, value = spot
    hits = [f.value for f in FILES[name] if [f.table, f.dataset, f.split, f.method, f.metric] == place]
    assert hits == [value]


def test_no_figure_comes_twice_and_each_says_where_it_was_read() -> None:
    for figures in FILES.values():
        places = Counter((f.table, f.dataset, f.split, f.method, f.metric) for f in figures)
        assert [p for p, n in places.items() if n > 1] == []
        assert all(f.where and f.label and f.paper for f in figures)


@pytest.mark.parametrize("name", sorted(board_files()))
def test_boards_name_what_there_is(name: str) -> None:
    board, known, columns = find_board(name), methods(), metrics()
    for spec in board.methods:
        choose_method(spec, known)
    for metric in board.metrics:
        choose_metric(metric, columns)
    wanted = board.figures
    named = {*wanted.curves, *wanted.averages, *wanted.jumps, *wanted.levels, *wanted.persons, *wanted.speed}
    assert named <= set(board.metrics)
    if board.published is None:
        return
    figures = figures_of(board.published)
    cards = {m: columns[m].card for m in board.metrics}
    tables = build_tables(board, [], Sources(cards=cards, published=figures))
    assert [t.split for t in tables] == list(board.splits)
    shown = sum(len(row.values) for t in tables for row in t.published)
    aliases = {board.published.metrics.get(m, m) for m in board.metrics}
    assert shown == sum(1 for f in figures.figures if f.metric in aliases) > 0
    assert all("published figures only" in t.notes[0] for t in tables)


def test_mistakes_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did you mean 'keep\.csv'"):
        figures_of(PublishedUse(file="kep.csv"))
    with pytest.raises(InputError, match="did you mean 'Table 1'"):
        figures_of(PublishedUse(file="keep.csv", table="Tabel 1"))
    bad = tmp_path / "mine.csv"
    bad.write_text("paper,table,dataset,split,method,label,metric,value,where\nP,T,D,s,m,M,psnr,many,here\n")
    with pytest.raises(InputError, match="line 2: 'many' is not a number"):
        read(bad)
    assert Figure("P", "T", "D", "s", "m", "M", "psnr", 1.0, "here").value == 1.0
