"""What a source file says: its syntax tree as text, without what changes nothing, and what it names.

Comments, docstrings, places and layout are left out, so that they change no key; neither does the version of
Python.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_DATA_ENDS = (".json", ".toml", ".yaml", ".yml", ".csv", ".txt", ".npy", ".npz", ".so")


class Syntax(NamedTuple):
    """What a source file says, whatever lies beside it: SHA-256 of its syntax tree (or of its bytes, where it
    has none), the names that it imports, and the names of data files."""

    digest: str
    imports: tuple[str, ...]
    data: tuple[str, ...]


def name_of(content: str, package: str) -> str:
    """What a file's syntax is known by: its content, the package that its relative imports start from, the
    Python that parses it, and how we read it."""
    return hashlib.sha256(f"{_reader()}\0{content}\0{package}".encode()).hexdigest()


@cache
def _reader() -> str:
    return f"{sys.version_info[:3]} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}"


def parse(source: bytes, package: str) -> Syntax:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # then it cannot be run either
        return Syntax(hashlib.sha256(source).hexdigest(), (), ())
    text, imports, strings = walk(tree)
    names = {name for node in imports for name in _imported(node, package)}
    return Syntax(text_hash(text).hexdigest(), tuple(sorted(names)), tuple(_data_names(strings)))


def text_hash(text: str) -> hashlib._Hash:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass"))


def walk(tree: ast.Module) -> tuple[str, list[ast.AST], list[str]]:
    """The syntax tree as text; its imports; its strings. One pass: a board's plan waits for it.

    Left out are docstrings, places, what is there for type checkers alone, and empty fields: they differ
    between Pythons.
    """
    words: list[str] = []
    imports: list[ast.AST] = []
    strings: list[str] = []
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.AST):
            words.append(type(item).__name__)
            if isinstance(item, ast.If) and _called(item.test) == "TYPE_CHECKING":
                stack.append(item.orelse)
                continue
            if isinstance(item, _IMPORTS):
                imports.append(item)
            for name in item._fields:
                value = getattr(item, name, None)
                if name == "body" and isinstance(item, _WITH_DOCSTRING) and _starts_with_text(item.body):
                    value = item.body[1:]
                if value is not None and value != [] and name != "ctx" and name != "kind":
                    words.append(name)
                    stack.append(value)
        elif isinstance(item, list):
            words.append(f"[{len(item)}")
            stack += item
        else:
            if isinstance(item, str):
                strings.append(item)
            words.append(repr(item))
    return "\0".join(words), imports, strings


_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTS = (ast.Import, ast.ImportFrom, ast.Call)


def _starts_with_text(body: list[ast.stmt]) -> bool:
    first = body[0] if body else None
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return False
    return isinstance(first.value.value, str)


def _imported(node: ast.AST, package: str) -> list[str]:
    """The names that a statement imports; of a call of `import_module`, its literal."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = _absolute(node, package)
        return [base, *(f"{base}.{alias.name}" for alias in node.names)]
    if isinstance(node, ast.Call) and _called(node.func) == "import_module":
        return [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return []


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def _called(node: ast.expr) -> str:
    """The last name of `a.b.name` or `name`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _data_names(strings: Iterable[str]) -> list[str]:
    """The names of data files among strings."""
    named = (s for s in strings if s.endswith(_DATA_ENDS) and "\n" not in s and "\0" not in s)
    return sorted({Path(text).name for text in named})
