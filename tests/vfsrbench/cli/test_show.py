"""`vfsrbench show` and `list --json`; metrics in any spelling, and by family."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vfsrbench as vb
from tests.vfsrbench.boards import method_folder
from vfsrbench.cli.main import run
from vfsrbench.cli.verbs.cards.cells import licence_word
from vfsrbench.errors import InputError
from vfsrbench.plugins import find_board, metrics
from vfsrbench.runs.needed_weights import board_weights


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(list(words)) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_a_card_is_shown_with_all_that_it_says(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = said(capsys, "show", "keep")
    card = vb.methods()["keep"]
    flat = " ".join(text.split())
    assert text.startswith("method keep\n") and card.licence in flat and card.paper in flat
    assert all(" ".join(line.split()) in flat for line in card.deviations)
    assert "max_length: type = int, default = 20" in flat and "keep-v1 (net): " in flat
    assert said(capsys, "show", "keep[layout=asian]").startswith("method keep[layout=asian]\n")
    folder = method_folder(tmp_path, "mine")
    assert "a test's method" in said(capsys, "show", folder)


def test_metrics_boards_and_recipes_are_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = " ".join(said(capsys, "show", "psnr", "demo", "vfhq-mild").split())
    assert " ".join(vb.metrics()["psnr"].definition.split()) in text
    assert "board demo" in text and "sort by psnr" in text
    assert "recipe vfhq-mild" in text and "op = " in text
    wanted = "op = blur, kind = {isotropic = 0.7, anisotropic = 0.3}, size = 21, sigma = [5.0, 10.0] "
    assert wanted in text, "with its settings"
    source = "sigma_ids_w600k_r50"
    assert "w600k_r50 (" in said(capsys, "show", source), "the weights of what it is derived from"
    (tmp_path / "mine.toml").write_text(Path(vb.recipes()["bi-x4"].path).read_text())
    assert said(capsys, "show", str(tmp_path / "mine.toml")).startswith("recipe bi-x4\n")


def test_what_is_not_there_is_told_with_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'codeformer'" in said(capsys, "show", "codefromer", code=2)
    assert "no method's folder, and no file" in said(capsys, "show", "./nothing", code=2)


def test_cards_as_json_are_the_cards(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = json.loads(said(capsys, "show", "psnr", "--json"))
    card = vb.metrics()["psnr"]
    assert (found["kind"], found["cap"], found["definition"]) == ("metric", card.cap, card.definition)


@pytest.mark.parametrize("kind", ["methods", "metrics", "recipes", "boards", "datasets", "engines"])
def test_every_kind_is_listed_as_json(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    found = json.loads(said(capsys, "list", kind, "--json"))
    assert list(found) == [kind] and len(found[kind]) > 1
    assert all(list(row) == list(found[kind][0]) for row in found[kind])
    if kind == "recipes":
        rows = {row["name"]: row["description"] for row in found[kind]}
        assert rows == {name: " ".join(r.description.split()) for name, r in vb.recipes().items()}, "in full"


@pytest.mark.parametrize("kind", ["methods", "metrics", "recipes", "boards", "datasets", "engines"])
def test_every_list_fits_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    folded = said(capsys, "list", kind)
    assert max(map(len, folded.splitlines())) <= 80
    monkeypatch.delenv("COLUMNS")
    lines = said(capsys, "list", kind).splitlines()
    rows = json.loads(said(capsys, "list", kind, "--json"))[kind]
    first = next(iter(rows[0]))
    assert [line.split()[0] for line in lines[4 : 4 + len(rows)]] == [row[first] for row in rows], "in a pipe"


def test_a_method_is_listed_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    text = said(capsys, "list", "methods")
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["keep"] == ["KEEP", "2024", "fetch", "S-Lab*"]
    assert rows["bicubic"][-2:] == ["none", "Apache-2.0"]
    assert rows["gfpgan"][-1] == "Apache-2.0*+" and rows["gpen"][-1] == "none*+"
    assert "* not for commercial use" in text
    full = json.loads(said(capsys, "list", "methods", "--json"))["methods"]
    licences = {row["name"]: row["licence"] for row in full}
    assert licences["gfpgan"] == vb.methods()["gfpgan"].licence, "in full"


def test_a_licence_that_nobody_has_stated_is_a_question_mark() -> None:
    """`new` writes "unknown" on a card; that is no licence of its own."""
    assert [licence_word(text, None) for text in ("unknown", "", "Our licence of 2026")] == ["?", "?", "own+"]


def test_a_name_after_its_kind_shows_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "list", "metrics", "psnr") == said(capsys, "show", "psnr")
    assert said(capsys, "list", "methods", "keep", "gpen") == said(capsys, "show", "keep", "gpen")
    assert "'psnr' is none of the methods" in said(capsys, "list", "methods", "psnr", code=2)
    near = said(capsys, "list", "boards", "keep-table2", code=2)
    assert "unknown board 'keep-table2': did you mean 'keep-table1'" in near and "method" not in near
    assert "unknown kind of thing 'keep'" in said(capsys, "list", "keep", code=2)


def test_derived_metrics_need_what_they_derive_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    rows = {row["id"]: row for row in json.loads(said(capsys, "list", "metrics", "--json"))["metrics"]}
    derived = {card.id: card.derived.metric for card in vb.metrics().values() if card.derived is not None}
    assert derived and {m: rows[m]["weights"] for m in derived} == {
        m: rows[source]["weights"] for m, source in derived.items()
    }
    assert rows["sigma_ids_w600k_r50"]["weights"].startswith("missing: ")
    listed = said(capsys, "weights", "list", "sigma_ids_w600k_r50").splitlines()
    (row,) = (line for line in listed if line.startswith("w600k_r50 "))
    assert " sigma_ids_w600k_r50," in row and " fetched " in row
    board = find_board("demo").replace(metrics=("sigma_ids_w600k_r50",), sort_by=None, versus=None)
    needed = {one.name: one.users for one in board_weights(board)}
    assert needed["w600k_r50"] == ("ids_w600k_r50", "sigma_ids_w600k_r50")


def test_all_kinds_are_one_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, "list", "--json"))
    assert list(found) == ["methods", "metrics", "recipes", "boards", "datasets", "engines"]
    assert {row["name"] for row in found["methods"]} == set(vb.methods())


@pytest.mark.parametrize(
    ("written", "meant"),
    [("psnr", "psnr"), ("PSNR", "psnr"), ("Ewarp-DIS", "ewarp_dis"), ("SSIM", "ssim"), ("FVD", "fvd")],
)
def test_metrics_go_by_any_spelling(written: str, meant: str) -> None:
    assert metrics().named(written) == meant
    assert vb.metrics()[written].id == meant


def test_a_name_of_its_own_is_no_family(capsys: pytest.CaptureFixture[str]) -> None:
    shared = [name for name in vb.metrics() if any(other.startswith(f"{name}_") for other in vb.metrics())]
    assert {"psnr", "ssim"} <= set(shared)
    assert [metrics().spelled(name.upper()) for name in shared] == shared
    assert (
        said(capsys, "show", "PSNR")
        == said(capsys, "list", "metrics", "PSNR")
        == said(capsys, "show", "psnr")
    )


def test_a_family_is_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ids = [name for name in vb.metrics() if name.startswith("ids_")]
    text = said(capsys, "show", "IDS")
    assert [line.split()[1] for line in text.splitlines() if line.startswith("metric ")] == ids
    line = ["run", "demo", "--metric", "IDS", "--dry-run", "-w", str(tmp_path / "w")]
    error = said(capsys, *line, code=2)
    assert f"is a family of {len(ids)}: choose " in error and all(name in error for name in ids)
    with pytest.raises(InputError, match="is a family of"):
        vb.metric("IDS")
    with pytest.raises(KeyError, match="is a family of"):
        vb.metrics()["ids"]
    assert "ids" not in vb.metrics()


def test_a_board_may_spell_metrics_in_any_case(tmp_path: Path) -> None:
    text = 'name = "x"\ntitle = "X"\nversion = 1\nsplits = ["bi-x4"]\nmethods = ["bicubic"]\n'
    text += 'metrics = ["PSNR", "Ewarp_DIS"]\nsort_by = "PSNR"\n[dataset]\nlayout = "demo"\n[figures]\n'
    (tmp_path / "x.toml").write_text(text + 'curves = ["PSNR"]\n')
    board = find_board(str(tmp_path / "x.toml"))
    assert (board.metrics, board.sort_by, board.figures.curves) == (("psnr", "ewarp_dis"), "psnr", ("psnr",))
