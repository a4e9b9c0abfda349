"""Results in, tables, curves, pictures and pages out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.report import Report, build_report

__all__ = ["Report", "build_report"]


def __getattr__(name: str) -> Any:
    """`reports.build_report` without the cost of importing it along with every module in here."""
    if name not in __all__:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    from reports import report

    return getattr(report, name)
