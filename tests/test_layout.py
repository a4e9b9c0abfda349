"""The layout of the code: small folders, short files, no import circle, nothing heavy loaded for nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("vfsrbench", "degradations", "baselines", "reports")
MOST_FILES, MOST_LINES = 12, 400
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imported(path: Path) -> set[str]:
    """Our modules that a file imports when it is imported: neither in functions nor for types alone."""
    found: set[str] = set()
    waiting: list[ast.stmt] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            waiting += [*node.body, *node.orelse]
        elif isinstance(node, ast.Try):
            waiting += node.body
    return {name for name in found if name in MODULES}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_is_crowded(package: str) -> None:
    counts: dict[Path, int] = {}
    for path in FILES:
        if path.relative_to(ROOT).parts[0] == package:
            counts[path.parent] = counts.get(path.parent, 0) + 1
    assert {str(f.relative_to(ROOT)): n for f, n in counts.items() if n > MOST_FILES} == {}


def test_no_file_is_long() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    lengths = {
        str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES + tests
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: imported(path) - {name} for name, path in MODULES.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"modules that import each other: {' -> '.join(error.args[1])}")


def loaded_after(code: str, *names: str) -> list[str]:
    """Which of these modules are loaded in a fresh interpreter after `code`."""
    script = f"{code}\nimport sys\nprint(*[n for n in {names!r} if n in sys.modules], sep=',')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return [name for name in done.stdout.splitlines()[-1].split(",") if name]


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "pydantic", "pandas", "cv2", "av")
    assert loaded_after("import vfsrbench", *heavy) == []
    # the check can see what is loaded
    assert loaded_after("import vfsrbench; vfsrbench.Clip", *heavy[:2]) == ["numpy"]


@pytest.mark.parametrize("command", [["--help"], ["list"], ["run", "--help"], ["list", "methods"]])
def test_help_and_list_do_not_load_torch(command: list[str]) -> None:
    code = f"from vfsrbench.cli.main import run\nassert run({command!r}) == 0"
    assert loaded_after(code, "torch") == []
