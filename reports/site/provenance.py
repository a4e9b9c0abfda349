"""What stands behind each cell: every job with all that was recorded of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vfsrbench.errors import counted
from vfsrbench.faces.finding.choice import LABELS
from vfsrbench.results.load import StoredResult
from vfsrbench.results.schema import JobRecord


def jobs(results: Sequence[StoredResult]) -> list[dict[str, Any]]:
    """One entry a job, as data for the page's script."""
    return [
        {
            "method": r.record.method,
            "title": r.record.method_title or r.record.method,
            "split": r.record.split,
            "clip": r.record.clip,
            "status": r.record.status,
            "key": r.record.key[:16],
            "facts": [[name, text] for name, text in facts(r.record) if text],
        }
        for r in results
    ]


def facts(record: JobRecord) -> list[tuple[str, str]]:
    """Everything a record says, in the order a reader asks."""
    return [
        ("StoredResult", record.status + (f": {record.reason}" if record.reason else "")),
        ("Method", f"{record.method}, version {record.method_version}"),
        ("Imported outputs", _pairs(record.imported)),
        ("Options", _pairs(record.options)),
        ("Licence", record.method_licence),
        ("Weights (SHA-256)", _pairs(record.weights)),
        ("Licences accepted", _pairs(record.licences_accepted)),
        ("Parameters", "" if record.parameters is None else f"{record.parameters:,}"),
        ("Data set", f"{record.dataset}{' (demo clips)' if record.demo else ''}"),
        ("Cropped", f"centre, to multiples of {record.fit.removeprefix('crop')}" if record.fit else ""),
        ("Frames", f"{record.frames} of {record.width}x{record.height} at {record.fps:g} a second"),
        ("Ground truth cropped", record.cropped),
        ("Aligned", _aligned(record)),
        ("Recipe", f"{record.split}, {record.split_status}, {record.recipe_digest}"),
        ("Seed", str(record.seed)),
        ("Ground truth (SHA-256)", record.gt_digest if record.reference else "none"),
        ("Degraded (SHA-256)", record.lq_digest + ("" if record.canonical else ", not canonical")),
        ("Restored (SHA-256)", record.restored_digest),
        ("Key", record.key),
        ("Restore key", record.restore_key),
        ("Metrics (versions)", _pairs(record.metrics)),
        ("Without a value", _pairs(record.missing)),
        ("Unavailable", _pairs(record.unavailable)),
        ("Faces found by", _pairs({m: s.finder for m, s in record.scores.items() if s.finder})),
        ("Profile", record.profile + (", untrained weights" if record.untrained else "")),
        ("Restored on", record.device),
        ("Scored on", _devices(record)),
        ("Restored in", _restored_in(record)),
        ("Scored in", f"{record.score_seconds:.3g} s" if record.score_seconds else ""),
        ("Peak memory", f"{record.peak_memory / 2**20:.0f} MiB" if record.peak_memory else ""),
        ("Window", _window(record)),
        ("Versions", _pairs(record.versions)),
        ("Warnings", "; ".join(record.warnings)),
        ("Against the ground truth", _placed(record)),
        ("Finished", record.finished),
    ]


def _devices(record: JobRecord) -> str:
    """The devices that scored, each with its metrics where there are several."""
    by_device: dict[str, list[str]] = {}
    for metric, score in record.scores.items():
        if score.device:
            by_device.setdefault(score.device, []).append(metric)
    if len(by_device) == 1:
        return next(iter(by_device))
    return "; ".join(f"{device}: {', '.join(sorted(found))}" for device, found in sorted(by_device.items()))


def _restored_in(record: JobRecord) -> str:
    if not record.restore_seconds:
        return ""
    return f"{record.restore_seconds:.3g} s" + (", after a window to warm up" if record.warmed_up else "")


def _window(record: JobRecord) -> str:
    other = ", another protocol: memory ran out" if record.smaller_windows else ""
    return "" if record.window is None else f"{counted(record.window, 'frame')}{other}"


def _aligned(record: JobRecord) -> str:
    if not record.aligned:
        return "no"
    return f"yes, by points that {LABELS.get(record.finder, record.finder)} found" if record.finder else "yes"


def _placed(record: JobRecord) -> str:
    if not record.geometry:
        return "not looked at"
    return "; ".join(record.findings or ["nothing off"]) + f" ({_pairs(record.geometry)})"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items()))
