"""Restoring clips with a method, and what a method promises."""
