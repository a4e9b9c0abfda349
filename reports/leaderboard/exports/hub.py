"""Rows as `.eval_results/*.yaml`, which the Hugging Face Hub reads from a model's repository.

An entry has `dataset` (`id`, `task_id`), `value`, and may have `date`, `source` (`url`, `name`) and `notes`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

from reports.leaderboard.config import Config
from reports.leaderboard.entries import Entry
from vfsrbench.errors import InputError
from vfsrbench.io.names import slug


def hub_files(config: Config, entries: Sequence[Entry]) -> dict[str, str]:
    """The files by name: `LAB/METHOD/.eval_results/BOARD.yaml`, to be copied into the model's repository.

    Raises:
        InputError: A board does not say what its data set is called on the Hub.
    """
    found: dict[str, list[str]] = {}
    for entry in entries:
        if not entry.lab:
            continue
        if not config.boards[entry.board].hub_dataset:
            raise InputError(
                f"boards/{entry.board}.toml: hub_dataset is empty: name the data set on the Hub (owner/name)"
            )
        name = f"{slug(entry.lab)}/{slug(entry.method)}/.eval_results/{slug(entry.board)}.yaml"
        found.setdefault(name, []).extend(_items(config, entry))
    return {name: "".join(lines) for name, lines in sorted(found.items()) if lines}


def _items(config: Config, entry: Entry) -> Iterator[str]:
    rules = config.boards[entry.board]
    for metric in rules.metrics:
        cell = entry.cells.get(metric)
        if cell is None or cell.mean is None or not math.isfinite(cell.mean):
            continue
        task = f"{entry.board}-{entry.split}-{metric}"
        division = config.settings.divisions[entry.division]
        lines = [
            "- dataset:",
            f"    id: {_text(rules.hub_dataset)}",
            f"    task_id: {_text(task)}",
            f"  value: {cell.mean!r}",
        ]
        if entry.finished:
            lines.append(f"  date: {_text(entry.finished)}")
        if config.settings.url:
            lines += ["  source:", f"    url: {_text(config.settings.url)}"]
            lines.append(f"    name: {_text(config.settings.title)}")
        bounds = "" if cell.low is None else f", 95 % interval {cell.low:.6g} to {cell.high:.6g}"
        said = f"{metric} on {entry.split}, {cell.n} clips{bounds}; {division}; {entry.verdict}"
        lines.append(f"  notes: {_text(f'{said}; bundle {entry.digest[:16]}')}")
        yield "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """A string of YAML: JSON's are."""
    return json.dumps(text, ensure_ascii=True)
