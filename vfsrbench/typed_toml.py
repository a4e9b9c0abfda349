"""TOML files read into typed models: one reader for cards, boards and recipes."""

from degradations.reading.typed_toml import Facts, Model, load, parse, read_toml

__all__ = ["Facts", "Model", "load", "parse", "read_toml"]
