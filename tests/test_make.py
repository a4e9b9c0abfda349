"""`make setup`'s trained networks: fetched once, declined by a variable, and no error without a network."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ACTIVATE = "To use vfsrbench in this shell:  source .venv/bin/activate"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def own_environment() -> dict[str, str]:
    """Ours, without what a `make` that runs these tests hands down: it would speak in other words."""
    return {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with our Makefile, and a set-up environment whose commands are this one's."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    (commands / "python").symlink_to(sys.executable)
    script = commands / "vfsrbench"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vfsrbench "$@"\n')
    script.chmod(0o755)
    checksum = subprocess.run(["cksum", "pyproject.toml"], cwd=tmp_path, capture_output=True, check=True)
    (tmp_path / ".venv" / f".installed-{checksum.stdout.split()[0].decode()}").touch()
    return tmp_path


def make(checkout: Path, **variables: str) -> tuple[list[str], list[str]]:
    """What `make setup` prints, and the stamps there are afterwards; no package index is reached."""
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout)}
    settings |= {"PYTHONPATH": str(ROOT), "VFSRBENCH_WEIGHTS": str(checkout / "weights")} | variables
    done = subprocess.run(
        ["make", "setup"],
        cwd=checkout,
        env=own_environment() | settings,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout.splitlines(), [path.name for path in (checkout / ".venv").glob(".demo-weights-*")]


def test_without_a_network_setup_says_so_in_one_line_and_goes_on(checkout: Path) -> None:
    said, stamps = make(checkout)
    failures = [line for line in said if line.startswith("not fetched: ")]
    assert len(failures) == 1 and len(stamps) == 1
    assert "dlib-landmarks-68" in failures[0] and "everything else works without" in failures[0]
    assert any("research only" in line and "iBUG 300-W" in line for line in said), "licences are shown"
    assert said[-1] == ACTIVATE, "the pages type `vfsrbench`, which no shell knows yet"
    assert make(checkout) == ([ACTIVATE], stamps), "tried once"
    assert make(checkout, VIRTUAL_ENV=str(checkout / ".venv")) == ([], stamps), "this one knows it"


def test_the_networks_can_be_declined(checkout: Path) -> None:
    said, stamps = make(checkout, VFSRBENCH_DEMO_WEIGHTS="no")
    assert stamps == [] and not (checkout / "weights").exists()
    assert len(said) == 2 and "not fetched (VFSRBENCH_DEMO_WEIGHTS=no)" in said[0]


def test_the_files_folder_and_the_names_reach_the_script_that_records_facts(checkout: Path) -> None:
    def commands(*variables: str) -> list[str]:
        line = ["make", "-n", "test-weights", *variables]
        done = subprocess.run(
            line, cwd=checkout, env=own_environment(), check=True, text=True, capture_output=True
        )
        return done.stdout.replace("\\\n", " ").splitlines()

    script, tests = commands()
    assert script.split()[1:] == ["benchmarks/official_weights.py"] and tests.endswith("-m pytest -m weights")
    script, _ = commands("WEIGHTS=/my models", "ACCEPT_LICENCE=yes", "ONLY=keep gfpgan")
    assert shlex.split(script)[2:] == ["--in", "/my models", "--accept-licence", "--only", "keep", "gfpgan"]
    assert (ROOT / "benchmarks" / "official_weights.py").is_file()
