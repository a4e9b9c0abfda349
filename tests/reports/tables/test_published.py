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
    "dvface.csv": {"Faces": 7 * (14 + 14 + 8 + 8), "General video restorers": 6 * 14},
    "pgtformer.csv": {
        "README, first block": 6 * 7,
        "README, second block": 6 * 7,
        "README, VFHQ's table": 8 * 3,
    },
    "bfvr_stc.csv": {"Blind restoration": 6 * 4, "Brightness flicker": 4, "Stage I reconstruction": 6 * 2},
    "svfr.csv": {"Blind restoration": 5 * 6},
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
    ("dvface.csv", "Faces", "VFHQ-Test", "blind", "keep", "psnr", 28.58),
    ("dvface.csv", "Faces", "VFHQ-Test", "blind", "bfvr_stc", "lpips", 0.13613),
    ("dvface.csv", "Faces", "VFHQ-Test", "blind", "svfr", "akd_relative", 0.0126),
    ("dvface.csv", "Faces", "HDTF", "blind", "dicface", "fvd", 107.9),
    ("dvface.csv", "Faces", "RFV-LQ", "lq", "pgtformer", "ewarp", 1.02),
    ("dvface.csv", "Faces", "VoxCeleb2", "lq", "dvface", "vidd", 0.4795),
    ("dvface.csv", "General video restorers", "VFHQ-Test", "blind", "dove", "fvd", 49.58),
    (
        "dvface.csv",
        "General video restorers",
        "VFHQ-Test",
        "blind",
        "seedvr2",
        "parameters_millions",
        3642.12,
    ),
    ("dvface.csv", "General video restorers", "VFHQ-Test", "blind", "upscale_a_video", "seconds", 349.73),
    ("pgtformer.csv", "README, first block", "VFHQ-Test", "blind", "pgtformer", "psnr", 30.74),
    ("pgtformer.csv", "README, second block", "VFHQ-Test", "blind", "codeformer", "msrl", 25.54),
    ("pgtformer.csv", "README, VFHQ's table", "VFHQ-Test", "blind", "bicubic", "ssim", 0.7909),
    ("bfvr_stc.csv", "Blind restoration", "VFHQ-Test, 24 frames", "blind", "keep", "fvd", 264.9),
    (
        "bfvr_stc.csv",
        "Brightness flicker",
        "VFHQ-Test, 24 frames",
        "flicker",
        "bfvr_stc[task=deflicker]",
        "fvd",
        100.7,
    ),
    ("svfr.csv", "Blind restoration", "VFHQ-Test", "blind", "svfr", "psnr", 29.563),
    ("svfr.csv", "Blind restoration", "VFHQ-Test", "blind", "keep", "vidd", 0.787),
    ("svfr.csv", "Blind restoration", "VFHQ-Test", "blind", "gpen", "fvd", 412.81),
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
    figures = figures_of(board.published)
    if figures is None:
        return
    cards = {m: columns[m].card for m in board.metrics}
    tables = build_tables(board, [], Sources(cards=cards, published=figures))
    assert [t.split for t in tables] == list(board.splits)
    shown = {
        (row.method, metric, *figure)
        for t in tables
        for row in t.published
        for metric, papers in row.values.items()
        for figure in papers.figures
    }
    wanted = {
        (f.method, metric, f.paper, f.value)
        for table in figures.tables
        for f in table.figures
        for metric in board.metrics
        if f.metric == table.aliases.get(metric, metric)
    }
    assert shown == wanted and shown
    assert all("published figures only" in t.notes[0] for t in tables)


def test_mistakes_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did you mean 'keep\.csv'"):
        figures_of([PublishedUse(file="kep.csv")])
    with pytest.raises(InputError, match="did you mean 'Table 1'"):
        figures_of([PublishedUse(file="keep.csv", table="Tabel 1")])
    bad = tmp_path / "mine.csv"
    bad.write_text("paper,table,dataset,split,method,label,metric,value,where\nP,T,D,s,m,M,psnr,many,here\n")
    with pytest.raises(InputError, match="line 2: 'many' is not a number"):
        read(bad)
    assert Figure("P", "T", "D", "s", "m", "M", "psnr", 1.0, "here").value == 1.0
