"""What packages register: entry points, ours first; cards by name, and how their code is imported."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import re
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vfsrbench.errors import InputError, did_you_mean

if TYPE_CHECKING:  # `--help` reads registrations, and needs no pydantic for it
    from vfsrbench.card import MethodCard, MetricCard

Card = TypeVar("Card", "MethodCard", "MetricCard")
_OURS = frozenset({"vfsrbench", "baselines", "reports"})


@dataclass(frozen=True)
class SkippedPlugin:
    """A plugin that could not be read; it is reported and skipped.

    Example:
        >>> SkippedPlugin("mine", "no card.toml").reason
        'no card.toml'
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Registered:
    """Objects and modules that packages register by name. Each is imported when it is loaded.

    Example:
        >>> registered("engine", "vfsrbench.engines").load("serial").__name__
        'SerialEngine'
    """

    kind: str
    points: Mapping[str, EntryPoint]
    broken: tuple[SkippedPlugin, ...] = ()
    """Those whose name is taken."""

    def load(self, name: str) -> Any:
        """What is registered under a name.

        Args:
            name: A key of `points`.

        Raises:
            InputError: The name is unknown, or its package cannot be imported.
        """
        if name not in self.points:
            raise did_you_mean(self.kind, name, self.points)
        point = self.points[name]
        try:
            return point.load()
        except Exception as error:  # a plugin may do anything when it is imported
            raise InputError(f"{self.kind} {name!r} cannot be used: {reason_of(point, error)}") from error

    def load_all(self) -> tuple[dict[str, Any], list[SkippedPlugin]]:
        """All that can be imported, by name, and what was skipped."""
        found: dict[str, Any] = {}
        skipped = list(self.broken)
        for name, point in self.points.items():
            try:
                found[name] = point.load()
            except Exception as error:
                skipped.append(SkippedPlugin(name, reason_of(point, error)))
        return found, skipped


def registered(kind: str, group: str) -> Registered:
    """What packages register in a group.

    Args:
        kind: What messages call one of them.
        group: The entry-point group.

    Returns:
        What is registered; of two with one name the first, ours before others.

    Example:
        >>> "local" in registered("engine", "vfsrbench.engines").points
        True
    """
    found: dict[str, EntryPoint] = {}
    broken: list[SkippedPlugin] = []
    for point in points(group):
        first = found.setdefault(point.name, point)
        if first.value != point.value:
            broken.append(SkippedPlugin(point.name, f"{point.value}: the name is taken by {first.value}"))
    return Registered(kind, found, tuple(broken))


def points(group: str) -> list[EntryPoint]:
    """The entry points of a group in the order of their names, ours first.

    Args:
        group: The entry-point group.

    Example:
        >>> points("vfsrbench.methods")[0].value
        'baselines'
    """
    found = _installed(tuple(sys.path)).select(group=group)
    return sorted(found, key=lambda p: (not is_ours(p), p.name, p.value))


def is_ours(point: EntryPoint) -> bool:
    """Whether what is registered comes with vfsrbench.

    Args:
        point: The registration.

    Example:
        >>> is_ours(points("vfsrbench.methods")[0])
        True
    """
    return point.module.partition(".")[0] in _OURS


@lru_cache(maxsize=1)
def _installed(path: tuple[str, ...]) -> Any:  # Python 3.11 has another type than 3.12
    """All entry points of the packages on this path, which is searched once."""
    return entry_points()


def reason_of(point: EntryPoint, error: Exception) -> str:
    """Why a registration cannot be used, in one line.

    Args:
        point: The registration.
        error: What its import raised.

    Example:
        >>> reason_of(points("vfsrbench.methods")[0], ImportError("no torch"))
        'baselines: ImportError: no torch'
    """
    return f"{point.value}: {type(error).__name__}: {error}"


@dataclass(frozen=True)
class Entry(Generic[Card]):
    """A card and where it was found.

    Attributes:
        card: The facts.
        path: The card's file.
        folder: Where its code is, for a folder outside any package.
        shipped: Whether it comes with vfsrbench.

    Example:
        >>> from vfsrbench.plugins import metrics
        >>> metrics()["psnr"].path.name
        'psnr.toml'
    """

    card: Card
    path: Path
    folder: Path | None = None
    shipped: bool = False

    def build(self, *arguments: Any) -> Any:
        """Import the card's class and call it.

        Args:
            arguments: For the class.

        Returns:
            The object. Errors of the import are the plugin's own (ImportError and the like).
        """
        return self.load()(*arguments)

    def load(self) -> Any:
        """Import the card's class.

        Returns:
            The class. Errors of the import are the plugin's own.
        """
        module_name, _, name = str(self.card.factory).partition(":")
        if self.folder is None:
            module = importlib.import_module(module_name)
        else:
            module = import_from_folder(self.folder, module_name)
        return getattr(module, name)


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
            if family := self.family(name):
                raise self._of_family(name, family)
            raise did_you_mean(self.kind, name, self.entries)
        return self.entries[name]

    def named(self, name: str) -> str:
        """The known name that is meant: spelled in any case, with any signs between its parts; or the only
        one of a family (the names that begin with it). What is like none stays as it is.

        Args:
            name: As a user writes it: `PSNR`, `Ewarp-DIS`, `FVD`.

        Raises:
            InputError: The family has several; names them.

        Example:
            >>> from vfsrbench.plugins import metrics
            >>> metrics().named("Ewarp-DIS")
            'ewarp_dis'
            >>> metrics().named("LPIPS")
            Traceback (most recent call last):
            ...
            degradations.errors.InputError: metric 'LPIPS' is a family of 2: choose lpips_alex or lpips_vgg
        """
        if (own := self.spelled(name)) is not None:
            return own
        family = self.family(name)
        if len(family) > 1:
            raise self._of_family(name, family)
        return family[0] if family else name

    def spelled(self, name: str) -> str | None:
        """The known name that is spelled so, in any case and with any signs between its parts; or None.

        Args:
            name: As a user writes it: `PSNR`, `Ewarp-DIS`.

        Example:
            >>> from vfsrbench.plugins import metrics
            >>> metrics().spelled("PSNR"), metrics().spelled("LPIPS")
            ('psnr', None)
        """
        if name in self.entries:
            return name
        return next((known for known in sorted(self.entries) if _plain(known) == _plain(name)), None)

    def _of_family(self, name: str, family: Sequence[str]) -> InputError:
        listed = " or ".join(filter(None, [", ".join(family[:-1]), family[-1]]))
        return InputError(f"{self.kind} {name!r} is a family of {len(family)}: choose {listed}")

    def family(self, name: str) -> list[str]:
        """The known names of which `name` is the first part or parts, in any case.

        Args:
            name: As a user writes it: `IDS`, `sigma_ids`.

        Example:
            >>> from vfsrbench.plugins import metrics
            >>> metrics().family("SSIM")
            ['ssim_vt', 'ssim_y']
        """
        return [
            known
            for known in sorted(self.entries)
            for parts in [known.split("_")]
            if any(_plain("".join(parts[:count])) == _plain(name) for count in range(1, len(parts)))
        ]

    @property
    def cards(self) -> dict[str, Card]:
        """The cards by name."""
        return {name: entry.card for name, entry in self.entries.items()}

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


def _plain(name: str) -> str:
    """A name without what people spell in different ways."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


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
    from vfsrbench.hashing.code import folder_digest

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
