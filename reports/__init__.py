"""Results in, tables, curves, pictures and pages out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.bundles.reading import Bundle, read_bundle
    from reports.report import Report, build_report
    from reports.sharing.auditing import Auditor
    from reports.sharing.checking import check_bundle
    from reports.sharing.writing import write_bundle

_PLACES = {
    "Auditor": "sharing.auditing",
    "Bundle": "bundles.reading",
    "Report": "report",
    "build_report": "report",
    "check_bundle": "sharing.checking",
    "read_bundle": "bundles.reading",
    "write_bundle": "sharing.writing",
}
__all__ = ["Auditor", "Bundle", "Report", "build_report", "check_bundle", "read_bundle", "write_bundle"]


def __getattr__(name: str) -> Any:
    """`reports.build_report` without the cost of importing it along with every module in here."""
    if name not in _PLACES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"reports.{_PLACES[name]}"), name)
