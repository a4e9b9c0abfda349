"""LaTeX tables in a two-column article: no overfull box, by pdflatex or else by estimate."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from reports.tables import formats
from reports.tables.latex.escape import tex_caption, tex_heading, tex_unit
from reports.tables.latex.sheet import COLUMN, NARROW_GAP, PAGE, SURE, Sheet
from reports.tables.latex.width import heading_width, width_of
from reports.tables.model import Table
from tests.reports.made_up import made_up_tables

LATEX = shutil.which("pdflatex")
CLASSES = (
    r"\documentclass[10pt,twocolumn,letterpaper]{article}",
    r"\documentclass[10pt,twocolumn,letterpaper]{article}\usepackage{times}"
    r"\textwidth=6.875in\columnsep=0.3125in\oddsidemargin=-0.2in",  # CVPR's measures
    r"\documentclass{article}\textwidth=12.2cm",  # ECCV's
)


@pytest.fixture(scope="module")
def boards() -> dict[str, list[Table]]:
    names = ("demo", "keep-table1", "keep-fig9a")
    return {name: made_up_tables(name) for name in names}


def texts(boards: dict[str, list[Table]]) -> list[str]:
    """Every table of the boards, alone and with all splits, and a small one."""
    found = [formats.to_latex(table) for tables in boards.values() for table in tables]
    found += [formats.to_latex_splits(tables) for tables in boards.values()]
    found.append(formats.to_latex(boards["keep-table1"][0], intervals=True))
    demo = boards["demo"][0]
    found.append(
        formats.to_latex(
            replace(demo, columns=demo.columns[:2], facts=False, own_caption=r"$\sigma$: a 50\% more")
        )
    )
    found.append(
        formats.to_latex(replace(demo, columns=demo.columns[:4], facts=False, own_caption="50% & #1"))
    )
    return found


@pytest.mark.skipif(LATEX is None, reason="no pdflatex")
@pytest.mark.parametrize("number", range(len(CLASSES)))
def test_no_box_is_overfull(number: int, boards: dict[str, list[Table]], tmp_path: Path) -> None:
    body = "\n".join(text.replace(r"\label{", rf"\label{{{i}") for i, text in enumerate(texts(boards)))
    packages = r"\usepackage{booktabs,graphicx}\usepackage[T1]{fontenc}"
    source = f"{CLASSES[number]}{packages}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    (tmp_path / "a.tex").write_text(source)
    command = [str(LATEX), "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    log = (tmp_path / "a.log").read_text(errors="replace")
    assert done.returncode == 0, log[-3000:]
    assert "Overfull" not in log, [line for line in log.splitlines() if "Overfull" in line]
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_wide_goes_over_the_page_and_is_shrunk(boards: dict[str, list[Table]]) -> None:
    for text in texts(boards):
        wide = r"\begin{table*}" in text
        assert wide == (r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}" in text)
        assert text.startswith("% needs \\usepackage{booktabs,graphicx}\n")
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert r"\begin{table*}" in formats.to_latex(boards["demo"][0])
    small = replace(boards["demo"][0], columns=boards["demo"][0].columns[:1], facts=False)
    assert r"\begin{table}[t]" in formats.to_latex(small)


def test_estimated_tables_fit_or_are_readable() -> None:
    """By the estimate: plain tables have room to spare; what is shrunk keeps more than half its size."""
    narrow = Sheet(["h"], [["r"]], [60.0, 50.0, 50.0])
    assert narrow.width(12.0) <= SURE * COLUMN and r"\begin{table}" in narrow.latex("c", "l")
    tight = Sheet(["h"], [["r"]], [60.0, *[25.0] * 5])
    assert r"\tabcolsep}{3pt}" in tight.latex("c", "l") and r"\begin{table}" in tight.latex("c", "l")
    wide = Sheet(["h"], [["r"]], [60.0, *[60.0] * 9])
    assert r"\begin{table*}" in wide.latex("c", "l") and wide.readable
    assert not Sheet(["h"], [["r"]], [60.0, *[60.0] * 12]).readable
    assert wide.width(NARROW_GAP) > PAGE


def test_facts_that_make_it_too_small_are_left_out_and_named(boards: dict[str, list[Table]]) -> None:
    table = boards["demo"][0]
    long = replace(
        table, rows=tuple(replace(row, licence="a licence of many words " * 4) for row in table.rows)
    )
    text = formats.to_latex(long)
    assert "% left out, it would be too wide: Memory, Licence\n" in text and "many words" not in text
    assert "Parameters" in text and "Rank by PSNR" in text


@pytest.mark.skipif(LATEX is None, reason="no pdflatex")
def test_the_estimate_is_what_latex_sets(tmp_path: Path) -> None:
    words = [
        "26.40",
        "Real-ESRGAN (imported outputs)",
        "0.8312",
        "Bicubic",
        "1.23 GiB",
        "S-Lab License 1.0",
        "GFPGAN éö",
    ]
    shorts = ["PSNR", "σ_IDS", "E_warp", "SSIM_vt"]
    lines = [rf"\setbox0\hbox{{{w}}}\typeout{{W \the\wd0}}" for w in [*words, *map(tex_heading, shorts)]]
    source = "\\documentclass[10pt]{article}\\begin{document}\n" + "\n".join(lines) + "\n\\end{document}\n"
    (tmp_path / "a.tex").write_text(source)
    subprocess.run([str(LATEX), "-interaction=nonstopmode", "a.tex"], cwd=tmp_path, capture_output=True)
    measured = [
        float(w) for w in re.findall(r"^W ([\d.]+)pt$", (tmp_path / "a.log").read_text(), re.MULTILINE)
    ]
    estimated = [*map(width_of, words), *map(heading_width, shorts)]
    assert len(measured) == len(estimated)
    for own, real, what in zip(estimated, measured, [*words, *shorts], strict=True):
        assert real <= own * 1.03 and own <= real * 1.25, what


def test_splits_stand_side_by_side_or_below_each_other(boards: dict[str, list[Table]]) -> None:
    three = boards["keep-fig9a"]
    text = formats.to_latex_splits(three)
    assert text.count(r"\begin{tabular}") == 1 and r"\label{tab:keep-fig9a}" in text
    for table in three:
        assert text.count(table.split) >= 2, "in the caption and above its columns"
    narrow = [replace(t, columns=t.columns[:1]) for t in three]
    beside = formats.to_latex_splits(narrow)
    groups = [rf"\multicolumn{{1}}{{c}}{{{t.split}}}" for t in three]
    assert " & ".join(["", *groups]) in beside and r"\cmidrule(lr){2-2}\cmidrule(lr){3-3}" in beside
    rows = [line for line in beside.splitlines() if line.startswith(("Bicubic", "Method"))]
    assert {line.count("&") for line in rows} == {len(three)}
    below = formats.to_latex_splits(boards["demo"])
    assert r"\multicolumn{9}{@{}l}{\textit{vfhq-mild}} \\" in below
    assert below.count("\nBicubic (OpenCV) & ") == 3 and "Rank" not in below


def test_a_method_that_one_split_lacks_has_dashes_there(boards: dict[str, list[Table]]) -> None:
    one, two = (replace(t, columns=t.columns[:2]) for t in boards["demo"][:2])
    others = tuple(row for row in two.rows if row.method != "unsharp")
    text = formats.to_latex_splits([one, replace(two, rows=others)])
    first = next(line for line in text.splitlines() if line.startswith("Bicubic + unsharp"))
    assert first.endswith(r"& -- & -- \\") and first.count("&") == 4


def test_units_and_variants_stand_in_the_caption(boards: dict[str, list[Table]]) -> None:
    text = formats.to_latex(boards["keep-table1"][0])
    caption = re.search(r"\\caption\{(.*)\}$", text, re.MULTILINE)
    assert caption is not None
    assert "PSNR in dB; LPIPS (AlexNet); IDS (w600k\\_r50)" in caption[1]
    assert r"$\sigma_{IDS}$ (w600k\_r50) in $10^{-2}$" in caption[1] and "Best in bold" in caption[1]
    head = next(line for line in text.splitlines() if line.startswith("Method"))
    for name in ("PSNR", "SSIM", "LPIPS", "IDS", "AKD", r"$\sigma_{IDS}$", r"$\sigma_{AKD}$"):
        assert re.search(rf"& {re.escape(name)} \$\\(up|down)arrow\$ ", head), name
    assert "dB" not in head
    assert r"E$_{warp}$ $\downarrow$" in formats.to_latex(boards["demo"][0])


def test_captions_are_text_unless_they_are_latex() -> None:
    assert tex_caption("50% & more") == r"50\% \& more"
    assert tex_caption(r"\textbf{Ours} at $4\times$") == r"\textbf{Ours} at $4\times$"
    assert tex_unit("1e-2 px") == r"$10^{-2}$ px" and tex_heading("σ_CLIP-IQA").startswith(
        r"$\sigma_{\mathrm{"
    )


def test_the_boards_caption_and_label_serve_several_tables(boards: dict[str, list[Table]]) -> None:
    own = [replace(t, own_caption="Ours", own_label="tab:x") for t in boards["demo"][:2]]
    alone = [formats.to_latex(table) for table in own]
    assert r"\label{tab:x-vfhq-mild}" in alone[0] and r"\label{tab:x-vfhq-medium}" in alone[1]
    assert r"\caption{Ours (vfhq-mild). " in alone[0]
    both = formats.to_latex_splits(own)
    assert r"\label{tab:x}" in both and r"\caption{Ours. " in both
