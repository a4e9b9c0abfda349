"""Errors that a user can cause. They stand on the lowest floor; the harness uses them under this name."""

from degradations.errors import InputError, did_you_mean

__all__ = ["InputError", "did_you_mean"]
