"""Cards that were found, by name, and how their code is imported."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from vfsrbench.card import MethodCard, MetricCard
from vfsrbench.entry_points import SkippedPlugin
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.hashing.code import folder_digest

Card = TypeVar("Card", MethodCard, MetricCard)


@dataclass(frozen=True)
class Entry(Generic[Card]):
    """A card and where it was found.

    Attributes:
        card: The facts.
        path: The card's file.
        folder: Where its code is, for a folder outside any package.

    Example:
        >>> from vfsrbench.plugins import metrics
        >>> metrics()["psnr"].path.name
        'psnr.toml'
    """

    card: Card
    path: Path
    folder: Path | None = None

    def build(self, *arguments: Any) -> Any:
        """Import the card's class and call it.

        Args:
            arguments: For the class.

        Returns:
            The object. Errors of the import are the plugin's own (ImportError and the like).
        """
        module_name, _, name = str(self.card.factory).partition(":")
        if self.folder is None:
            module = importlib.import_module(module_name)
        else:
            module = import_from_folder(self.folder, module_name)
        return getattr(module, name)(*arguments)


@dataclass
class Registry(Generic[Card]):
    """Cards by name, and the plugins that were skipped. Iterating yields entries in the order of names.

    Attributes:
        kind: What messages call one of them.
        entries: By name.
        broken: Plugins that cannot be used.

    Example:
        >>> from vfsrbench.plugins import metrics
        >>> "psnr" in metrics().entries
        True
        >>> metrics()["psnrr"]  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        degradations.errors.InputError: unknown metric 'psnrr': did you mean 'psnr' ...
    """

    kind: str
    entries: dict[str, Entry[Card]] = field(default_factory=dict)
    broken: list[SkippedPlugin] = field(default_factory=list)

    def __getitem__(self, name: str) -> Entry[Card]:
        if name not in self.entries:
            skipped = next((b for b in self.broken if b.name == name), None)
            if skipped:
                raise InputError(f"{self.kind} {name!r} cannot be used: {skipped.reason}")
            raise did_you_mean(self.kind, name, self.entries)
        return self.entries[name]

    def __iter__(self) -> Iterator[Entry[Card]]:
        return iter(self.entries[name] for name in sorted(self.entries))

    def add(self, entry: Entry[Card], name: str) -> None:
        """Add an entry; one whose name is taken counts as broken.

        Args:
            entry: The entry.
            name: Its name.
        """
        if name in self.entries:
            self.broken.append(
                SkippedPlugin(name, f"{entry.path}: the name is taken by {self.entries[name].path}")
            )
        else:
            self.entries[name] = entry


def import_from_folder(folder: Path, module_name: str) -> Any:
    """Import a module inside a method's folder.

    The folder becomes a package of its own, so that names cannot clash. Its code is in the package's name:
    results are keyed by it, so an edited folder is another package.

    Args:
        folder: The method's folder.
        module_name: As on its card.

    Returns:
        The module.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("method.py").write_text("SCALE = 4")
        >>> import_from_folder(Path.cwd(), "method").SCALE
        4
    """
    code = folder_digest(folder, {".py"})
    package = f"_vfsrbench_method_{folder.name}_{zlib.crc32(f'{folder}:{code}'.encode()):08x}"
    if package not in sys.modules:
        init = folder / "__init__.py"
        spec = importlib.util.spec_from_file_location(
            package, init if init.is_file() else None, submodule_search_locations=[str(folder)]
        )
        if spec is None:
            spec = importlib.machinery.ModuleSpec(package, None, is_package=True)
            spec.submodule_search_locations = [str(folder)]
        module = importlib.util.module_from_spec(spec)
        sys.modules[package] = module
        try:
            if spec.loader is not None:
                spec.loader.exec_module(module)
        except BaseException:  # or the next try would find a package that never came to its end
            for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
                del sys.modules[name]
            raise
    return importlib.import_module(f"{package}.{module_name}")
