"""Errors: what a user caused (one line, exit code 2), and how one job of a run can end (recorded)."""

from typing import Literal

from degradations.errors import InputError, did_you_mean

__all__ = ["InputError", "JobFailure", "did_you_mean"]


class JobFailure(Exception):
    """One job cannot give a result. It is recorded with this reason; the run goes on."""

    def __init__(self, reason: str, status: Literal["failed", "skipped", "oom"] = "failed") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status: Literal["failed", "skipped", "oom"] = status
