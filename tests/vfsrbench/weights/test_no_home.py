"""A user without a home folder: what needs no checkpoint works, the rest says which variable to set."""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import NoReturn

import pytest

from vfsrbench.cli import main
from vfsrbench.datasets.demo.places import cache_folder
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import expanded, user_cache
from vfsrbench.weights.receipts import weights_root


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No HOME, and an id that the system does not know, as in many containers."""

    def unknown(uid: int) -> NoReturn:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("HOME", "XDG_CACHE_HOME", "VFSRBENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VFSRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["check", "nearest"],
        ["degrade", "lq", "--split", "bi-x4", "--frames", "1", "--clip", "demo-calm", "--engine", "serial"],
        ["restore", "lq/bi-x4", "out", "--method", "bicubic"],
    ],
)
def test_what_needs_no_checkpoint_works(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if arguments[0] == "restore":
        given = ["--split", "bi-x4", "--frames", "1", "--clip", "demo-calm", "--engine", "serial"]
        assert main.run(["degrade", "lq", *given]) == 0
    assert main.run(arguments) == 0
    assert not list(Path.cwd().glob("~*")), "no folder called ~ is made"


@pytest.mark.parametrize(
    "arguments",
    [
        ["weights", "list"],
        ["weights", "fetch", "keep-v1"],
        ["weights", "check"],
        ["weights", "path", "keep-v1"],
        ["check", "keep"],
        ["restore", "clips", "out", "--method", "keep"],
        ["run", "demo", "--frames", "1", "--metric", "lpips_alex", "--engine", "serial"],
        ["run", "demo", "--frames", "1", "--metric", "lpips_alex", "--dry-run"],
    ],
)
def test_what_needs_one_names_the_variable(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(arguments) == 2
    said = capsys.readouterr().err
    assert "set VFSRBENCH_WEIGHTS" in said.strip().splitlines()[-1] and "Traceback" not in said
    assert not list(Path.cwd().glob("~*"))


def test_where_things_would_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert user_cache() is None
    with pytest.raises(InputError, match="VFSRBENCH_WEIGHTS"):
        weights_root()
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    assert weights_root() == tmp_path
    monkeypatch.delenv("VFSRBENCH_CACHE")
    assert cache_folder().is_absolute()
    with pytest.raises(InputError, match="no home folder is known"):
        expanded("~/x")
