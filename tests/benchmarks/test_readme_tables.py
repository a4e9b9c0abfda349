"""README's tables of methods and boards say what cards, boards and recorded facts say."""

from __future__ import annotations

import pytest

from benchmarks import readme_tables
from benchmarks.shown.facts import Facts
from benchmarks.shown.files import load_facts
from reports.leaderboard.pages.parity import against_official
from tests.benchmarks.recorded import a_run
from vfsrbench import plugins

TEXT = readme_tables.README.read_text(encoding="utf-8")


def rows(table: str) -> dict[str, list[str]]:
    """Cells by the name in the first one's code."""
    cells = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    return {row[0].split("`")[1]: row for row in cells}


def test_the_readme_has_the_tables_of_today() -> None:
    made = readme_tables.rewritten(TEXT, load_facts())
    assert made == TEXT, "README is out of date: run `python benchmarks/readme_tables.py`"
    with pytest.raises(SystemExit, match="no one place"):
        readme_tables.rewritten(TEXT.replace("<!-- /boards -->", ""), load_facts())


def test_pages_of_leaderboards_have_the_recorded_parity() -> None:
    made = readme_tables.parity_file(load_facts())
    assert readme_tables.PARITY.read_text(encoding="utf-8") == made, (
        "run `python benchmarks/readme_tables.py`"
    )
    largest = {fact.name: fact.largest for fact in load_facts().packs}
    lines = {line.split(",")[0]: line.split(",") for line in made.splitlines()[1:]}
    assert lines["codeformer"][3] == f"{largest['codeformer']:.1e}" and "bicubic" not in lines
    assert lines["codeformer"][3] in against_official("codeformer") and against_official("bicubic") == ""


def test_every_method_and_board_is_there() -> None:
    table = readme_tables.methods_table(load_facts())
    assert rows(table).keys() == {e.card.name for e in plugins.methods() if e.card.weights}
    assert all(f"`{e.card.name}`" in table for e in plugins.methods())
    assert rows(readme_tables.boards_table()).keys() == set(plugins.board_files())


def test_official_weights_are_claimed_of_recorded_runs_alone() -> None:
    found = rows(readme_tables.methods_table(load_facts()))
    official = {run.name for run in load_facts().runs if run.official}
    assert {name for name, row in found.items() if row[5] == "yes"} == official & found.keys()
    assert found["realesrgan"][5].startswith("no, but with trained weights"), "from a package"
    assert found["keep"][1:4] == ["Feng et al., ECCV 2024", "2024", "`fetch`, S-Lab*"]
    nothing = rows(readme_tables.methods_table(Facts()))
    assert {row[5] for row in nothing.values()} == {"no"} and {r[4] for r in nothing.values()} == {"none yet"}


def test_a_recorded_run_with_the_authors_file_says_yes() -> None:
    run = a_run()
    assert not run.official and rows(readme_tables.methods_table(Facts(runs=(run,))))[run.name][5] != "yes"
    file = run.weights[0].model_copy(
        update={"name": "realesrgan-x4plus", "vouched": "published", "package": ""}
    )
    theirs = run.model_copy(update={"weights": (file,)})
    assert theirs.official and rows(readme_tables.methods_table(Facts(runs=(theirs,))))[run.name][5] == "yes"
