"""benchmarks/parity_table.py and its page: a section for every golden pack of a method, all limits held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import parity_table
from tests.baselines.taps import code_taps
from tests.baselines.taps import taps as tap_tools

PAGE = Path(__file__).resolve().parents[2] / "docs/parity.md"
METHODS = {
    "codeformer", "keep", "keep_v1", "keep_kalman", "keep_cfa", "gmflow", "pwcnet", "gfpgan", "restoreformer",
    "restoreformerpp", "gpen", "vqfr", "basicvsrpp", "basicvsrpp_same", "basicvsrpp_n15", "basicvsr",
    "realbasicvsr", "edvr", "edvr_l", "edvr_m_wotsa", "spynet", "raft", "flair_unet", "flair_unet_blur",
    "flair_dc", "flair_sampler", "flair_face", "bfvr_stc", "bfvr_stc_latent", "dicface", "pgtformer",
}  # fmt: skip
METRICS = {"dists", "musiq", "clipiqa", "liqe", "maniqa", "dover"}


def test_every_networks_pack_has_a_row_and_a_section() -> None:
    sections = parity_table.sections_of(PAGE.read_text(encoding="utf-8"))
    assert {row.pack for row in parity_table.ROWS} == METHODS | METRICS
    assert list(sections) == [row.pack for row in parity_table.ROWS]


@pytest.mark.parametrize("row", parity_table.ROWS, ids=lambda row: row.pack)
def test_the_page_shows_every_tap_that_the_pack_records(row: parity_table.Row) -> None:
    golden = tap_tools.pack(row.pack)
    section = parity_table.sections_of(PAGE.read_text(encoding="utf-8"))[row.pack]
    shown = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][1:]
    of_networks = [case for case in golden["cases"] if case.get("kind") not in ("views", "whole")]
    assert {tap for case in of_networks for tap in case["outputs"]} <= set(shown)
    assert "missed" not in section


def test_other_sections_of_the_page_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Old heading\n\ntext\n\n## flair_face\n\nold\n\n## codeformer\n\nkept as it is\n")
    assert parity_table.main(["flair_face", "--write", str(page)]) == 0
    text = page.read_text()
    assert text.startswith(parity_table.HEADING) and "old\n" not in text
    assert text.index("## codeformer\n\nkept as it is\n") < text.index("## flair_face\n")
    assert "| affine |" in text


def test_unknown_packs_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parity_table.main(["kep"])
    assert "no row for kep; known: codeformer, keep," in capsys.readouterr().err


def test_a_case_that_is_missed_stays_missed_and_the_largest_difference_is_shown() -> None:
    found: dict[str, parity_table.Tap] = {}
    for number, (difference, held) in enumerate(((1e-5, True), (1e-2, False), (1e-3, True))):
        parity_table.keep_largest(found, "out", parity_table.Tap(difference, 1e-3, held, f"case{number}"))
    assert found["out"] == parity_table.Tap(1e-2, 1e-3, False, "case1")
    row = parity_table.Row("keep", "somewhere", "somewhat")
    done = parity_table.Measured(found, 3, ["a note"])
    assert done.missed
    assert "| out | 1.0e-02 **missed** | 1.0e-03 | case1 |" in parity_table.section(row, done)
    assert "\n- a note\n" in parity_table.section(row, done)


def test_flipped_tokens_are_told_with_their_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    case: dict[str, Any] = {"name": "t2", "ties": {"smallest_top1_top2_gap": 0.00017}, "outputs": {}}
    logits = torch.zeros(1, 256, 1024)
    logits[0, 7, 5] = 0.25
    taps = {"out": torch.zeros(1, 1, 3, 8, 8), "logits_0": logits}
    case["outputs"]["top_idx"] = {"samples": [[7, 5]]}
    assert (
        parity_table.tokens(taps, case)
        == "t2: no token flipped; the two best codes are 1.7e-04 apart at least."
    )
    case["outputs"]["top_idx"] = {"samples": [[7, 3]]}
    assert code_taps.flipped(taps, case)
    assert (
        parity_table.tokens(taps, case)
        == "t2: 1 flipped: frame 0, row 0, token 7: 5 instead of 3, gap 2.5e-01."
    )
