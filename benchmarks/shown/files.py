"""Facts in a file: JSON, one fact a line, sorted; versions, which many facts share, are stated once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmarks.shown.facts import Facts
from vfsrbench.errors import InputError
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.atomic import atomic_file

FACTS = Path(__file__).resolve().parents[1] / "results" / "shown.json"
"""The repository's facts: what docs/parity.md and README.md are made from."""
PARTS = ("packs", "metrics", "runs")


def load_facts(path: Path = FACTS) -> Facts:
    """The facts in a file; none if there is no file.

    Raises:
        InputError: The file is not one of ours.
    """
    if not path.exists():
        return Facts()
    try:
        content = json.loads(path.read_bytes())
        shared = content.pop("versions", {})
        for part in PARTS:
            for fact in content.get(part, ()):
                fact["origin"]["versions"] = shared[fact["origin"]["versions"]]
        return Facts.model_validate(content)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__} {error}"
    raise InputError(f"{path}: no file of facts: {reason}")


def save_facts(facts: Facts, path: Path = FACTS) -> None:
    """Write the file anew: the same facts make the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_text(text_of(facts), encoding="utf-8")


def text_of(facts: Facts) -> str:
    """The file's text."""
    shared: dict[str, dict[str, str]] = {}
    parts: dict[str, list[str]] = {}
    for part in PARTS:
        lines = parts.setdefault(part, [])
        for fact in getattr(facts, part):
            shown = fact.model_dump(mode="json", exclude_defaults=True)
            key = digest_of("versions", fact.origin.versions)[:8]
            shared[key] = fact.origin.versions
            shown["origin"]["versions"] = key
            lines.append(_line(shown))
    versions = [f"{_line(key)}: {_line(shared[key])}" for key in sorted(shared)]
    blocks = [f'"versions": {{\n{_joined(versions)}}}']
    blocks += [f'"{part}": [\n{_joined(parts[part])}]' for part in PARTS]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _joined(lines: list[str]) -> str:
    return ",\n".join(lines) + "\n" if lines else ""
