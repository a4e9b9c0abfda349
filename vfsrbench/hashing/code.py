"""What our code is, as far as a result depends on it: a digest over the source files that a module imports.

A method's or a metric's key has the digest of its class's module and of every module of ours that it
imports, directly or not. Nothing is imported to find them: the files are parsed. What counts is the syntax
tree, so that comments, docstrings and layout change no key, and neither does the version of Python.

- `import`, `from ... import` and `import_module("...")` with a literal are followed, also inside functions;
  those under `if TYPE_CHECKING:` are not.
- Data files in a module's folder, or in `data/` beside it, count if the module names them in a string.
- Modules of `PLUMBING` are not followed: they read cards, texts and files, whose content is in the keys
  already, and say what is wrong with them. They cannot change a number.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from vfsrbench.hashing.syntax import Syntax, name_of, parse, text_hash, walk

OWN_PACKAGES = ("vfsrbench", "baselines", "degradations")
PLUMBING = frozenset(
    {
        "vfsrbench",
        "vfsrbench.version",
        "vfsrbench.card",
        "vfsrbench.card.method",
        "vfsrbench.card.metric",
        "vfsrbench.card.parts",
        "vfsrbench.errors",
        "vfsrbench.io.atomic",
        "vfsrbench.io.safety.paths",
        "vfsrbench.io.safety.text",
        "vfsrbench.plugins",
        "vfsrbench.faces.finding.choice",
        "vfsrbench.hashing.code",
        "vfsrbench.runtime.versions",
        "degradations.reading.typed_toml",
        "vfsrbench.weights.resolve",
        "vfsrbench.weights.manifest",
        "degradations.errors",
        "degradations.reading.names",
        "degradations.reading.regular_file",
        "degradations.shipped",
        "degradations.reading.text",
    }
)
CODE_SUFFIXES = frozenset(
    {".py", ".pyx", ".so", ".c", ".cc", ".cpp", ".cu", ".h", ".toml", ".json", ".yaml", ".yml"}
    | {".npy", ".npz", ".pt", ".pth", ".ckpt", ".onnx", ".safetensors"}
)
"""What a method's code reads; notes, pictures and caches beside it change nothing."""
RESTORE_CODE = ("vfsrbench.restoration.restore",)
"""What every restoration goes through: windows, seeds, rounding."""
SCORE_CODE = ("vfsrbench.scoring.scorer",)
"""What every score goes through."""
BESIDE_SCORES = frozenset(
    {
        "vfsrbench.io.clip",
        "vfsrbench.restoration.restore",
        "vfsrbench.geometry",
        "vfsrbench.geometry.guard",
        "vfsrbench.engines",
        "vfsrbench.engines.cores",
        "vfsrbench.runtime.state.poisoned",
    }
)
"""Imported by scoring, but named otherwise (frames by their content, restored ones by their key), or without
part in any value: what is said of a clip's place, how many threads there are, what a lost GPU looks like."""


class SourceTree:
    """Packages as source files.

    Args:
        roots: Package -> its folder.
    """

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = dict(roots)
        self._parsed: dict[tuple[Path, str], tuple[str, frozenset[str]]] = {}
        self.syntax: dict[str, Syntax] = {}
        """What was found in sources, by what they say (`name_of`): an earlier process's may be added."""

    def closure(self, modules: Iterable[str], stop: Collection[str] = ()) -> frozenset[str]:
        """The modules and all that they import of these packages, but for `PLUMBING` and `stop`."""
        found: set[str] = set()
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            for module in _with_packages(name):
                if module in found or module in PLUMBING or module in stop:
                    continue
                path = self.find(module)
                if path is not None:
                    found.add(module)
                    waiting += self.parse(path, _package_of(module, path))[1]
        return frozenset(found)

    def digest(self, modules: Iterable[str], alone: Iterable[str] = (), stop: Collection[str] = ()) -> str:
        """SHA-256 over the closure of `modules`, and over `alone`, whose imports are not followed."""
        total = hashlib.sha256()
        for module in sorted({*self.closure(modules, stop), *alone}):
            path = self.find(module)
            text = "missing" if path is None else self.parse(path, _package_of(module, path))[0]
            total.update(f"{module}\0{text}\0".encode())
        return total.hexdigest()

    def find(self, module: str) -> Path | None:
        """The file of a module; None if it is not of these packages."""
        package, *rest = module.split(".")
        if package not in self._roots:
            return None
        place = self._roots[package].joinpath(*rest)
        for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if path.is_file():
                return path
        return None

    def parse(self, path: Path, package: str) -> tuple[str, frozenset[str]]:
        """A file's digest (data that it names included), and the names that it imports.

        It is read each time, but parsed again only where it has changed.
        """
        source = path.read_bytes()
        content = hashlib.sha256(source).hexdigest()
        place = path, content
        if place not in self._parsed:
            name = name_of(content, package)
            if name not in self.syntax:
                self.syntax[name] = parse(source, package)
            self._parsed[place] = _with_data(source, self.syntax[name], path.parent)
        return self._parsed[place]


@lru_cache(maxsize=1)
def our_sources() -> SourceTree:
    """The source files of our packages, wherever they are installed. Found without importing them."""
    return SourceTree(_roots(OWN_PACKAGES))


def _roots(packages: Iterable[str]) -> dict[str, Path]:
    """Package -> its folder; of a module that is one file, the file's path without its suffix."""
    found = {}
    for package in packages:
        spec = find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            found[package] = Path(next(iter(spec.submodule_search_locations)))
        elif spec is not None and spec.origin is not None:
            found[package] = Path(spec.origin).with_suffix("")
    return found


def foreign_digest(module: str) -> str:
    """The digest of an installed third-party module, with all that it imports of its own package and
    of ours. It is read each time, as it may be edited while we run."""
    return SourceTree(_roots({module.partition(".")[0], *OWN_PACKAGES})).digest([module])


@cache
def module_digest(*modules: str, alone: tuple[str, ...] = (), stop: frozenset[str] = frozenset()) -> str:
    """The digest of modules of ours with all that they import (`SourceTree.digest`), once a process: what it
    has imported does not change either."""
    return our_sources().digest(modules, alone, stop)


def restore_code() -> str:
    """The digest of what every restoration goes through."""
    return module_digest(*RESTORE_CODE)


def score_code() -> str:
    """The digest of what every score goes through."""
    return module_digest(*SCORE_CODE, stop=BESIDE_SCORES)


def folder_digest(folder: Path, suffixes: Collection[str]) -> str:
    """SHA-256 over a plugin's folder: its Python files as syntax, other files with these suffixes by their
    bytes, their relative names, and the modules of ours that it imports."""
    tree = our_sources()
    total = hashlib.sha256()
    imported: set[str] = set()
    for path in _code_files(folder, suffixes):
        if path.suffix == ".py":
            content, names = tree.parse(path, "")
            imported |= names
        else:
            content = _file_digest(path)
        total.update(f"{path.relative_to(folder).as_posix()}\0{content}\0".encode())
    return hashlib.sha256(f"{total.hexdigest()}{module_digest(*sorted(imported))}".encode()).hexdigest()


def _code_files(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    files = (p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    for path in sorted(files, key=lambda p: p.relative_to(folder).as_posix()):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield path


def _with_packages(name: str) -> list[str]:
    """`a.b.c` as a, a.b and a.b.c: importing it runs all three. What is no module is left to the finder."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _package_of(module: str, path: Path) -> str:
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


def _with_data(source: bytes, syntax: Syntax, folder: Path) -> tuple[str, frozenset[str]]:
    """A file's digest, with that of the data that lies beside it, and its imports."""
    digest, names = syntax.digest, frozenset(syntax.imports)
    if data := _named_data(syntax.data, folder):
        total = text_hash(walk(ast.parse(source))[0])
        for path in data:
            total.update(f"\0{path.name}\0{_file_digest(path)}".encode())
        digest = total.hexdigest()
    return digest, names


def _named_data(names: Iterable[str], folder: Path) -> list[Path]:
    """Those of the data files that lie beside a module, or in `data/` there."""
    places = (place / name for name in names for place in (folder, folder / "data"))
    return [path for path in places if path.is_file()]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
