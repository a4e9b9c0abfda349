"""Digests: of facts and arrays, and of the code that a result depends on."""
