"""--quiet, --verbose and completion: where they stand, and what they change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vfsrbench.cli.app import VERBS
from vfsrbench.cli.main import run
from vfsrbench.cli.verbosity import Verbosity, choose, one_command_line, verbosity

SCORE = ["run", "demo", "--only-method", "nearest", "--clip", "demo-calm", "--frames", "2"]
SCORE += ["--metric", "psnr", "--split", "bi-x4", "--engine", "serial", "--no-report"]


@pytest.mark.parametrize("place", ["before", "behind"])
def test_quiet_prints_no_progress_and_no_notes(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*SCORE, "-w", str(tmp_path / "w")]
    arguments = ["-q", *arguments] if place == "before" else [*arguments, "--quiet"]
    assert run(arguments) == 0
    assert capsys.readouterr().err == ""


def test_verbose_prints_steps_and_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SCORE, "-w", str(tmp_path / "w"), "--verbose"]) == 0
    loud = capsys.readouterr().err
    assert "nearest, bi-x4, demo-calm: done" in loud and "demo-calm: restoring nearest on bi-x4" in loud
    assert run([*SCORE, "-w", str(tmp_path / "w2")]) == 0
    plain = capsys.readouterr().err
    assert "nearest, bi-x4, demo-calm: done" not in plain and "1 of 1 job done" in plain


def test_a_choice_ends_with_its_command_line() -> None:
    with one_command_line():
        choose(Verbosity.QUIET)
        assert verbosity() is Verbosity.QUIET
    assert verbosity() is Verbosity.NORMAL


@pytest.mark.parametrize("verb", [*VERBS, "report", "compare", "plot"])
def test_every_verb_takes_both_and_offers_no_completion_of_its_own(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    leaves = ["weights", "list"] if verb == "weights" else [verb]
    assert run([*leaves, "--help"]) == 0
    text = capsys.readouterr().out
    assert "--quiet" in text and "--verbose" in text
    assert "completion" not in text


def test_completion_is_the_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert "--install-completion" in text and "--show-completion" in text
    asked = {"_VFSRBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "vfsrbench ver", "COMP_CWORD": "1"}
    code = "from vfsrbench.cli.main import main; main([])"
    answer = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert answer.stdout.split() == ["verify"]


def test_no_workers_are_refused_in_a_dry_run_too(capsys: pytest.CaptureFixture[str]) -> None:
    for last in ([], ["--dry-run"]):
        assert run(["run", "demo", "--workers", "0", *last]) == 2
        assert "--workers" in capsys.readouterr().err


def test_brackets_stay_in_help_texts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--help"]) == 0
    assert "name[option=value]" in " ".join(capsys.readouterr().out.split())
