"""The examples in docstrings run, and every public name has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import vfsrbench as vb

ROOT = Path(__file__).parents[2]
PUBLIC = [name for name in vb.__all__ if name != "__version__"]
MODULES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for package in ("vfsrbench", "degradations", "baselines", "reports")
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def examples(name: str) -> Iterator[doctest.DocTest]:
    module = importlib.import_module(name)
    return (test for test in doctest.DocTestFinder().find(module, name) if test.examples)


@pytest.mark.parametrize("name", MODULES)
def test_examples_do_what_they_show(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runner = doctest.DocTestRunner()
    found = [runner.run(test) for test in examples(name)]
    assert found and sum(result.attempted for result in found)
    assert not sum(result.failed for result in found), capsys.readouterr().out


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example_that_runs(name: str) -> None:
    public = getattr(importlib.import_module(vb.MODULE_OF[name]), name)
    home = public.__module__
    assert home in MODULES
    own = [test for test in examples(home) if test.name == f"{home}.{name}"]
    assert own, f"{home}.{name} needs an Example in its docstring"


# what plugin authors and scripts use: their docstrings are complete
INTERFACES = ("board", "card", "errors", "method_spec", "metric", "plugins", "predictor", "registry")
FULL = [f"vfsrbench.{module}" for module in INTERFACES]


def own_public(name: str) -> Iterator[tuple[str, object]]:
    module = importlib.import_module(name)
    for key, value in vars(module).items():
        if not key.startswith("_") and getattr(value, "__module__", "") == name and hasattr(value, "__doc__"):
            yield key, value


@pytest.mark.parametrize("name", FULL)
def test_docstrings_of_the_interfaces_are_complete(name: str) -> None:
    lacking = []
    for key, value in own_public(name):
        doc = inspect.getdoc(value) or ""
        if inspect.isclass(value) or inspect.isfunction(value):
            lacking += [] if ">>> " in doc else [f"{key}: Example"]
        functions = {key: value} if inspect.isfunction(value) else {}
        if inspect.isclass(value):
            methods = {n: f for n, f in vars(value).items() if inspect.isfunction(f) and n[0] != "_"}
            functions |= {f"{key}.{n}": f for n, f in methods.items()}
        for called, function in functions.items():
            text = inspect.getdoc(function) or ""
            parameters = [p for p in inspect.signature(function).parameters if p != "self"]
            lacking += [f"{called}: Args: {p}" for p in parameters if f"{p}: " not in text]
    assert lacking == []
