"""The rules of a leaderboard: each is broken once, and told."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from degradations.reading.typed_toml import parse
from reports.bundles import schema
from reports.leaderboard.comment import comment, lines_of
from reports.leaderboard.config import Rules, rules_from
from reports.leaderboard.filing import add_board, submit
from reports.leaderboard.fitting import misfits
from reports.leaderboard.rules import Outcome, check_change
from reports.leaderboard.tree import FolderTree, tree_of
from tests.reports.leaderboard.conftest import Repository
from tests.reports.sharing import tampering
from tests.reports.sharing.tampering import Files, Tampering, edited, tampered
from vfsrbench.cli.main import run
from vfsrbench.errors import InputError

NORTH = "submissions/north/bicubic.vfsr.zip"


def check(board: Repository, by: str = "") -> Outcome:
    return check_change(tree_of(board.root, "main"), FolderTree(board.root), by)


def refused(board: Repository, *words: str, by: str = "") -> None:
    """Exactly one problem, which has the words."""
    problems = check(board, by).problems
    assert len(problems) == 1 and all(word in problems[0] for word in words), problems


def changed(board: Repository, change: object, name: str = NORTH) -> None:
    path = board.root / name
    tampered(path, path, Tampering("", change, "refused", "refused"))  # type: ignore[arg-type]


def test_a_new_row_is_taken_and_stands_in_the_table(board: Repository, bundles: dict[str, Path]) -> None:
    submit(board.root, bundles["east/lanczos"], "east")
    done = check(board, "anybody")
    assert done.ok and done.lab == "east" and [e.method for e in done.new] == ["lanczos"]
    assert "labs, bi-x4: lanczos of east: consistent, official weights" in "\n".join(lines_of(done))
    text = comment(done, tree_of(board.root, "main"))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1].startswith("| **Lanczos (OpenCV) @<!-- --> east") and "Bicubic" in rows[2]
    assert "@" not in text.replace("@<!-- -->", ""), "nobody is mentioned"


def test_a_comment_is_not_longer_than_github_takes(board: Repository) -> None:
    done = check(board)
    done.problems += [f"problem {n} " + "x" * 900 for n in range(100)]
    text = comment(done, tree_of(board.root, "main"))
    assert len(text) < 65_536 and text.endswith("too long.\n") and "problem 50 " in text


def test_a_row_made_again_by_another_laboratory_is_no_duplicate(
    board: Repository, bundles: dict[str, Path]
) -> None:
    submit(board.root, bundles["east/bicubic"], "east")
    assert check(board).ok


def test_a_copy_of_anothers_results_is_refused(board: Repository, bundles: dict[str, Path]) -> None:
    submit(board.root, bundles["north/bicubic"], "east")
    refused(board, "submissions/east/bicubic.vfsr.zip", "byte for byte those of", NORTH)


def test_a_row_twice_is_refused(board: Repository, bundles: dict[str, Path]) -> None:
    again = board.root / "submissions" / "north" / "bicubic-2.vfsr.zip"
    again.write_bytes(bundles["east/bicubic"].read_bytes())
    refused(board, "bicubic of north on labs stands there already, in", NORTH)


def test_another_ground_truth_is_refused(board: Repository, bundles: dict[str, Path]) -> None:
    submit(board.root, bundles["south/lanczos"], "south")
    refused(board, "another ground truth of 1 clip ('ben')")


def test_other_files_than_its_own_are_refused(board: Repository, bundles: dict[str, Path]) -> None:
    submit(board.root, bundles["east/lanczos"], "east")
    (board.root / "CONTRIBUTING.md").write_text("mine")
    refused(board, "CONTRIBUTING.md", "its own files alone")
    board.git("checkout", "-q", "--", "CONTRIBUTING.md")
    (board.root / "submissions" / "east" / "setup.py").write_text("import os")
    refused(board, "setup.py", "METHOD.vfsr.zip and lab.toml alone")
    (board.root / "submissions" / "east" / "setup.py").unlink()
    about = board.root / "submissions" / "north" / "lab.toml"
    about.write_text('title = "Not north"\n')
    refused(board, "submissions/north: is another laboratory's")


def test_a_laboratory_with_owners_is_theirs(board: Repository, bundles: dict[str, Path]) -> None:
    about = board.root / "submissions" / "north" / "lab.toml"
    submit(board.root, bundles["east/lanczos"], "north")
    refused(board, "names no owners: maintainers alone change it", by="eve")
    (board.root / "submissions" / "north" / "lanczos.vfsr.zip").unlink()
    about.write_text('title = "North"\nowners = ["ann"]\n')
    board.commit()
    submit(board.root, bundles["east/lanczos"], "north")
    about.write_text('title = "North"\nowners = ["eve"]\n')
    refused(board, "belongs to ann, not to 'eve'", by="eve")
    assert check(board, "ann").ok
    about.write_text("title = 3\n")
    refused(board, "lab.toml: key 'title'", by="ann")


def test_a_new_laboratory_names_its_owner(board: Repository, bundles: dict[str, Path]) -> None:
    submit(board.root, bundles["east/lanczos"], "east", owner="eve")
    about = board.root / "submissions" / "east" / "lab.toml"
    assert 'owners = ["eve"]' in about.read_text()
    assert check(board, "eve").ok
    about.unlink()
    refused(board, "submissions/east: has no lab.toml")
    with pytest.raises(InputError, match="login"):
        submit(board.root, bundles["east/bicubic"], "west", owner='a"]')


def test_maintainers_may_change_more(board: Repository, bundles: dict[str, Path]) -> None:
    settings = board.root / "leaderboard.toml"
    settings.write_text(settings.read_text().replace("maintainers = []", 'maintainers = ["max"]'))
    assert not check(board, "max").problems and "for the maintainers" in check(board, "max").notes[0]
    board.commit()
    submit(board.root, bundles["east/lanczos"], "north")
    settings.write_text(settings.read_text().replace("epsilon = 0.001", "epsilon = 0.0005"))
    assert check(board, "max").ok and not check(board, "eve").ok
    assert run(["leaderboard", "check", str(board.root), "--base", "main", "--by", "eve"]) == 2
    assert run(["leaderboard", "check", str(board.root), "--base", "main", "--by", "max"]) == 0


def test_a_laboratory_is_no_others_in_other_letters(board: Repository, bundles: dict[str, Path]) -> None:
    submit(board.root, bundles["east/lanczos"], "NORTH")
    refused(board, "submissions/NORTH: some file systems do not tell it from submissions/north")


def test_a_boards_file_has_its_protocol_weights_and_papers(bundles: dict[str, Path]) -> None:
    """Of a shipped board papers' figures come along; texts of every kind are TOML."""
    from dataclasses import replace

    from reports.bundles.reading import read_bundle

    bundle = read_bundle(bundles["north/bicubic"])
    named = bundle.board.replace(name="vfhq-blind", title='"A" \\ b', description="two\nlines")
    first, *rest = bundle.results
    score = first.record.scores["psnr"].model_copy(update={"weights": {"a b.pth": "1" * 64}})
    scores = {**first.record.scores, "psnr": score}
    weighted = replace(first, record=first.record.model_copy(update={"scores": scores}))
    text = rules_from(replace(bundle, board=named, results=(weighted, *rest)))
    rules = parse(Rules, tomllib.loads(text), "vfhq-blind")
    assert (rules.title, rules.description) == ('"A" \\ b', "two\nlines")
    assert rules.weights == {"psnr": {"a b.pth": "1" * 64}} and rules.sort_by == "psnr"
    assert rules.clips == bundle.protocol.clips and set(rules.recipes) == {"bi-x4"}
    assert [use.file for use in rules.published] == [
        "dvface.csv",
        "pgtformer.csv",
        "bfvr_stc.csv",
        "svfr.csv",
    ]
    assert rules.published[0].splits == {"bfr": "blind"}


def test_results_made_otherwise_do_not_fit(bundles: dict[str, Path]) -> None:
    """Another profile, a part of the ground truth, degraded clips of one's own."""
    from dataclasses import replace

    from reports.bundles.reading import read_bundle

    bundle = read_bundle(bundles["north/bicubic"])
    rules = parse(Rules, tomllib.loads(rules_from(bundle)), "labs")
    assert rules.profile == "strict" and list(misfits(bundle, rules)) == []
    changes = {"profile": "fast", "cropped": "the centre", "canonical": False}
    results = tuple(replace(r, record=r.record.model_copy(update=changes)) for r in bundle.results)
    lines = list(misfits(replace(bundle, results=results), rules))
    assert [line.split(" of ")[0] for line in lines] == [
        "has results",
        "was scored on a part",
        "has degraded clips that are not canonical: 3 clips ('ann', 'ben', 'cleo')",
    ]


def test_a_row_that_stands_keeps_its_values(board: Repository) -> None:
    changed(board, lambda files: tampering._value(files, checksum=True, clip=True, table=True))
    refused(board, "psnr of the row that stands changes from", "by more than 0.001 of itself")
    settings = board.root / "leaderboard.toml"
    text = settings.read_text()
    agreed = '\n[[corrections]]\nlab = "north"\nmethod = "bicubic"\nreason = "shifted"\n'
    settings.write_text(text + agreed)
    assert not check(board).ok, "a submission cannot agree with itself"
    row = board.root / NORTH
    other = row.read_bytes()
    board.git("checkout", "-q", "--", NORTH)
    board.commit("agreed")
    row.write_bytes(other)
    done = check(board)
    assert done.ok and done.notes == ["bicubic of north may change: shifted"]


def test_a_change_within_epsilon_is_taken(board: Repository, bundles: dict[str, Path]) -> None:
    """The same method, restored and scored anew: times differ, values do not."""
    submit(board.root, bundles["east/bicubic"], "north", replace=True)
    assert check(board).ok


def test_the_boards_own_split_cannot_be_left_out(board: Repository) -> None:
    def without(files: Files) -> None:
        for name in [n for n in files if n.startswith("results/")]:
            if "bicubic" in name:
                del files[name]
        with edited(files, schema.TABLES) as tables:
            tables["rows"] = [row for row in tables["rows"] if row["method"] != "bicubic"]

    changed(board, without)
    problems = check(board).problems
    assert any("has 0 methods" in line for line in problems), problems
    assert any("by another one" in line for line in problems), problems


def test_a_split_on_which_a_row_stands_cannot_be_left_out(board: Repository) -> None:
    """The row stands on two splits, its replacement is on one."""

    def with_another(files: Files) -> None:
        with edited(files, schema.TABLES) as tables:
            row = next(row for row in tables["rows"] if row["method"] == "bicubic")
            tables["rows"].append({**row, "split": "bi-x8"})

    row = (board.root / NORTH).read_bytes()
    changed(board, with_another)
    board.commit("two splits")
    (board.root / NORTH).write_bytes(row)
    refused(board, "the split 'bi-x8', on which its row stands, was removed")


def test_a_bundle_that_does_not_hold_is_refused(board: Repository) -> None:
    changed(board, tampering._mean)
    assert any("bicubic, bi-x4" in line for line in check(board).problems)
    (board.root / NORTH).write_bytes(b"no zip")
    assert any(NORTH in line for line in check(board).problems)


def test_what_stands_is_not_taken_away(board: Repository) -> None:
    (board.root / NORTH).unlink()
    refused(board, NORTH, "was taken away")


def test_no_split_or_board_goes_away_by_a_change_of_the_configuration(board: Repository) -> None:
    path = board.root / "boards" / "labs.toml"
    text = path.read_text()
    path.write_text(text.replace("bi-x4 =", "bi-x8 ="))
    assert any("the split 'bi-x4' was taken away" in line for line in check(board).problems)
    path.write_text(text.replace("ben =", "bea ="))
    assert any("the clip 'ben' was taken away" in line for line in check(board).problems)
    path.unlink()
    refused(board, "the board was taken away")
    path.write_text(text)
    settings = board.root / "leaderboard.toml"
    settings.write_text(settings.read_text().replace("epsilon = 0.001", "epsilon = 0.5"))
    refused(board, "epsilon was raised from 0.001 to 0.5")


def test_links_and_commits_are_read_as_data(board: Repository, bundles: dict[str, Path]) -> None:
    """A commit is never checked out, and what its attributes say does not hide a file."""
    board.git("checkout", "-q", "-b", "change")
    (board.root / "submissions" / "east").mkdir()
    (board.root / "submissions" / "east" / "lanczos.vfsr.zip").symlink_to("/etc/passwd")
    (board.root / "hidden").write_text("x")
    (board.root / ".gitattributes").write_text("hidden export-ignore\n")
    board.commit()
    board.git("checkout", "-q", "main")
    done = check_change(tree_of(board.root, "main"), tree_of(board.root, "change"))
    assert any("is no regular file" in line for line in done.problems)
    assert any("'hidden': is not of the submission" in line for line in done.problems)
    assert not (board.root / "hidden").exists()
    for named in ("nowhere", "--output=x"):
        with pytest.raises(InputError, match="neither a folder nor a commit"):
            tree_of(board.root, named)


def test_divisions_are_found_and_a_board_may_be_closed(board: Repository, bundles: dict[str, Path]) -> None:
    def own(files: Files) -> None:
        for name in [n for n in files if n.startswith("results/bi-x4/bicubic")]:
            with edited(files, name) as job:
                job["record"]["weights"] = {"mine": "0" * 64}

    path = board.root / "boards" / "labs.toml"
    path.write_text(path.read_text().replace('["official", "open"]', '["official"]'))
    board.commit()
    submit(board.root, bundles["east/bicubic"], "east")
    changed(board, own, "submissions/east/bicubic.vfsr.zip")
    assert any("no official checksum of mine is known" in line for line in check(board).problems)


def test_new_writes_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "leaderboard.toml").write_text("mine")
    assert run(["new", "leaderboard", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["leaderboard.toml"]
    assert run(["new", "leaderboard"]) == 2


def test_boards_and_submissions_write_over_nothing(board: Repository, bundles: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="is there already"):
        add_board(board.root, bundles["north/bicubic"])
    with pytest.raises(InputError, match="--replace hands in anew"):
        submit(board.root, bundles["east/bicubic"], "north")
    with pytest.raises(InputError, match=r"laboratory '\.\./x'"):
        submit(board.root, bundles["east/bicubic"], "../x")
    assert sorted(p.name for p in (board.root / "submissions").iterdir()) == ["README.md", "north"]
