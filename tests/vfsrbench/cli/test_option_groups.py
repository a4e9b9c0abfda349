"""Groups of options: a verb takes them as one object, and the command line stays what it was."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from reports.cli.report import report
from tests.vfsrbench.boards import method_folder, small_board
from vfsrbench.cli import main
from vfsrbench.cli.option_groups import BoardChanges, HowToRun, MethodChoice, Without, grouped
from vfsrbench.cli.verbs.demo import demo
from vfsrbench.cli.verbs.run import run
from vfsrbench.cli.verbs.score import score
from vfsrbench.errors import InputError
from vfsrbench.plugins import find_board


@dataclass(frozen=True)
class Group:
    many: Annotated[list[str] | None, typer.Option("--one", help="said again and again")] = None
    deep: Annotated[int, typer.Option(min=1)] = 3


def invoke(verb, *arguments: str):
    app = typer.Typer()
    app.command()(verb)
    return CliRunner().invoke(app, list(arguments))


def test_a_group_is_an_object_made_of_its_options() -> None:
    seen = []

    def verb(name: str, *, group: Group, other: bool = False) -> None:
        """Does it."""
        seen.append((name, group, other))

    assert invoke(grouped(verb), "x", "--one", "a", "--one", "b", "--other").exit_code == 0
    assert invoke(grouped(verb), "y", "--deep", "5").exit_code == 0
    assert seen == [("x", Group(["a", "b"]), True), ("y", Group(deep=5), False)]
    assert invoke(grouped(verb), "y", "--deep", "0").exit_code == 2, "limits of options stay"
    assert "Does it." in invoke(grouped(verb), "--help").output


def test_a_verb_may_leave_options_of_a_group_out() -> None:
    seen = []

    def verb(group: Annotated[Group, Without(("deep",))]) -> None:
        seen.append(group)

    assert invoke(grouped(verb), "--one", "a").exit_code == 0
    assert invoke(grouped(verb), "--deep", "5").exit_code == 2
    assert seen == [Group(["a"])]


def test_verbs_have_the_options_of_their_groups_and_no_others() -> None:
    names = {verb.__name__: set(inspect.signature(verb).parameters) for verb in (run, demo, score, report)}
    data = {"dataset", "layout", "clip", "frames", "split", "metric", "scale"}
    assert data | {"seed", "only_method"} <= names["run"] and data | {"seed"} <= names["report"]
    assert data <= names["score"] and "seed" not in names["score"]
    assert names["demo"] == {
        "workspace",
        "engine",
        "workers",
        "keep",
        "frames",
        "method",
        "method_path",
        "force",
    }


def test_a_changed_board(tmp_path: Path) -> None:
    board = small_board(Path("here"), ["bicubic", "edvr[n=5]"], sort_by="psnr", versus="bicubic")
    same = BoardChanges().of(board)
    assert same == board
    changed = BoardChanges(dataset=Path("there"), metric=["ssim"], seed=4, split=["vfhq-mild"]).of(
        board, MethodChoice(method=["lanczos"], only_method=["edvr"])
    )
    assert (changed.dataset.path, changed.metrics, changed.seed) == ("there", ("ssim",), 4)
    assert changed.methods == ("edvr[n=5]", "lanczos") and changed.splits == ("vfhq-mild",)
    assert changed.sort_by is None and changed.versus is None
    with pytest.raises(InputError, match="did you mean 'bicubic'"):
        MethodChoice(only_method=["bicubik"]).of(board)
    mine = method_folder(tmp_path, "mine")
    for beside in (MethodChoice(method=[mine]), MethodChoice(method_path=[mine])):
        for name in ("mine", mine):
            assert replace(beside, only_method=[name]).of(board) == (mine,)
        assert replace(beside, only_method=["bicubic", "mine"]).of(board) == ("bicubic", mine)
        with pytest.raises(InputError, match="unknown method of board 'small' 'nine'"):
            replace(beside, only_method=["nine"]).of(board)
    chosen = MethodChoice(method=["keep[max_length=10]"], only_method=["keep"])
    assert chosen.of(board) == ("keep[max_length=10]",)
    assert BoardChanges(seed=0, frames=3).given("dataset", "frames", "seed") == {"frames", "seed"}
    assert HowToRun(outputs=["a=b"], keep="png").options().outputs == {"a": Path("b")}


def test_another_data_set_does_not_have_the_clips_that_the_board_picks(tmp_path: Path) -> None:
    demo_board = find_board("demo")
    assert demo_board.dataset.clips
    own = BoardChanges(dataset=tmp_path).of(demo_board)
    assert (own.dataset.layout, own.dataset.clips) == ("folder", ())
    assert BoardChanges(dataset=tmp_path, clip=["mine"]).of(demo_board).dataset.clips == ("mine",)
    assert BoardChanges(frames=2).of(demo_board).dataset.clips == demo_board.dataset.clips


@pytest.mark.parametrize("verb", ["check", "restore"])
def test_help_shows_how_options_of_a_method_are_given(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main.run([verb, "--help"]) == 0
    assert "name[option=value]" in "".join(capsys.readouterr().out.split())


def test_a_method_that_the_board_has_is_run_once(tmp_path: Path) -> None:
    board = find_board("demo")
    assert MethodChoice(method=["nearest", "lanczos", "lanczos"]).of(board) == (*board.methods, "lanczos")
    assert MethodChoice(method=["nearest"], only_method=["nearest"]).of(board) == ("nearest",)
    crf = MethodChoice(method=["unsharp[amount=0.9]"]).of(board)
    assert crf == (*board.methods, "unsharp[amount=0.9]"), "with another option it is another row"
    taken = method_folder(tmp_path, "nearest")
    assert MethodChoice(method_path=[taken]).of(board) == (*board.methods, taken), (
        "refused by its name, later"
    )
