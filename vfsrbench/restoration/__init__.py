"""Restoring clips with a method, and the conformance test of methods."""
