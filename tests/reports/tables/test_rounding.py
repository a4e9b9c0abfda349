"""Halves go away from zero and zeros have no sign, in every form of a table and in the site's script."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from reports.inputs.results import read_results
from reports.site import clip_data
from reports.site.table_html import to_html
from reports.tables import formats, layout
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Table
from reports.tables.published import Figure, PrintedTable, Published
from reports.tables.rounding import as_printed, fixed, significant
from reports.tables.terminal import print_tables
from tests.reports import synthetic

SCRIPT = Path(clip_data.__file__).parent / "assets" / "common.js"
HALVES = (30.125, 1.005, 2.675, 0.285, 1.45, -30.125, 0.5, 99.995)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """30.125 against 30.1249 and a paper's 30.124: one better as printed, and a difference of nothing."""
    for method, level in (("bicubic", 30.125), ("lanczos", 30.1249)):
        values = {"psnr": np.full(4, level)}
        synthetic.write_result(tmp_path, method, "vfhq-mild", "calm", frames=4, values=values)
    found, _ = read_results([tmp_path])
    paper = Figure("P", "T", "D", "vfhq-mild", "lanczos", "L", "psnr", 30.126, "here")
    sources = Sources(cards=synthetic.CARDS, published=Published((PrintedTable((paper,), "P"),)))
    return build_tables(synthetic.board(metrics=["psnr"]), found, sources, resamples=50)[0]


def test_decimals_as_a_reader_rounds_them() -> None:
    for value in HALVES:
        for digits in range(4):
            want = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
            assert Decimal(fixed(value, digits)) == want, (value, digits)
    assert [significant(v) for v in (5.325, 1234.5, 2.0, 0.0, 0.06125)] == [
        "5.33",
        "1230",
        "2",
        "0",
        "0.0613",
    ]


def test_a_mean_of_short_decimals_has_no_noise() -> None:
    """In binary it lies below the half that it has on paper."""
    mean = (0.7 + 0.1) * 10 - 7.875
    assert mean < 0.125 and fixed(mean, 2) == "0.13"


def test_no_zero_has_a_sign() -> None:
    assert layout.number(-0.001, 2) == "0.00" == layout.number(0.001, 2, sign=True)
    assert layout.number(-0.001, 2, sign=True) == "0.00" and layout.number(-0.4, 0) == "0"
    assert layout.number(-0.005, 2) == "−0.01" and as_printed(-0.0, 1) == 0


def test_every_form_prints_the_same(table: Table) -> None:
    out = io.StringIO()
    print_tables([table], Console(file=out, width=100))
    for text in (formats.to_markdown(table), formats.to_latex(table), to_html(table), out.getvalue()):
        assert "30.13" in text and "30.12" in text and "−0.00" not in text and "-0.00" not in text, text
    assert [table.row(m).cells["psnr"].mark for m in ("bicubic", "lanczos")] == ["best", "second"]


def test_counts_and_parts_round_so_too() -> None:
    assert (layout.count(5_325_000), layout.size(1500 * 2**20)) == ("5.33 M", "1.46 GiB")


@pytest.mark.skipif(shutil.which("node") is None, reason="no node")
def test_the_pages_script_prints_what_tables_do() -> None:
    rng = np.random.default_rng(3)
    halves = [float(v) for v in np.round(rng.uniform(-50, 50, 400), 3) + 0.0005]
    values = [*HALVES, *halves, -0.001, 0.0, 1e-9, 123456789.0625, 1e15, *map(float, rng.normal(0, 1e3, 200))]
    asked = [[v, d] for v in values for d in (0, 1, 2, 3)]
    code = (
        "globalThis.document = {addEventListener() {}};"
        "const [path, asked] = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "require('vm').runInThisContext(require('fs').readFileSync(path, 'utf8') + ';globalThis.P = Page');"
        "console.log(JSON.stringify(asked.map(([v, d]) => P.number(v, d))));"
    )
    given = json.dumps([str(SCRIPT), asked])
    done = subprocess.run(["node", "-e", code], input=given, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [layout.number(v, d) for v, d in asked]


def test_a_shortened_value_on_the_page_prints_as_the_whole_one() -> None:
    near = 30.1249999
    assert round(near, 6) == 30.125 and clip_data.plain(near, 2) == near
    assert clip_data.plain(near, 4) == 30.125 and clip_data.plain(1 / 3, 2) == 0.333333
    assert clip_data.plain_list(np.array([near, np.nan]), 2) == [near, None]
