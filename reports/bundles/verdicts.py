"""What a check of a bundle found, a verdict a row; kept in a file beside the bundle, for boards to show."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from degradations.reading.typed_toml import FrozenModel, parse
from reports.bundles import schema
from reports.bundles.reading import Bundle
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.safety.paths import read_bytes

Verdict = Literal["re-run here", "re-scored here", "consistent", "not checkable", "contradicted"]
"""`re-run here`: restored and scored again, alike. `re-scored here`: restored frames of others, scored
again, alike. `consistent`: all that follows from the bundle does. `not checkable`: nothing of the row can be
computed again here. `contradicted`: something does not hold."""
BESIDE = ".check.json"


class Difference(FrozenModel):
    """How far values computed here lie from a row's: the largest difference of a frame or clip value."""

    model_config = ConfigDict(allow_inf_nan=True, ser_json_inf_nan="strings")

    metric: str
    largest: float
    allowed: float
    clips: int


class RowVerdict(FrozenModel):
    """What was found of a row. `problems` contradict it, `unchecked` could not be looked at here."""

    split: str
    method: str
    verdict: Verdict
    problems: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()


class Checked(FrozenModel):
    """A check of a bundle: `digest` names the content that was looked at.

    `problems` and `unchecked` are those of the bundle as a whole. `audited` are the clips that were scored or
    restored again, drawn by `seed`; `degraded` counts the degraded clips that were made again.
    """

    format: Literal["vfsrbench-check"] = "vfsrbench-check"
    format_version: Literal[1] = 1
    digest: str
    board: str
    rows: tuple[RowVerdict, ...]
    problems: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    audited: tuple[str, ...] = ()
    seed: int = 0
    degraded: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing contradicts the bundle."""
        return not self.problems and all(row.verdict != "contradicted" for row in self.rows)

    def verdict_of(self, split: str, method: str) -> Verdict | None:
        """The verdict of a row; None for one that was not looked at."""
        return next((r.verdict for r in self.rows if (r.split, r.method) == (split, method)), None)


def file_beside(bundle: Path) -> Path:
    """Where a check's outcome lies."""
    return bundle.with_name(f"{bundle.name}{BESIDE}")


def write_check(path: Path, checked: Checked) -> None:
    """Keep a check's outcome. InputError if the file cannot be written, or another one is there."""
    if path.exists():
        _read(path)
    with atomic_file(path) as temporary:
        temporary.write_bytes(schema.to_json(checked.model_dump(mode="json")))


def kept_check(bundle: Bundle) -> Checked | None:
    """The outcome of a check that lies beside a bundle, if it is of this content; None if there is none.

    Raises:
        InputError: The file is not what `vfsrbench bundle check --save` writes.
    """
    place = file_beside(bundle.path)
    if not place.is_file():
        return None
    found = _read(place)
    return found if found.digest == bundle.digest else None


def _read(place: Path) -> Checked:
    content = schema.from_json(read_bytes(place, "check"), str(place))
    if not isinstance(content, dict) or content.get("format") != "vfsrbench-check":
        raise InputError(f"{place}: is not what `vfsrbench bundle check --save` writes; move it away")
    return parse(Checked, content, str(place))
