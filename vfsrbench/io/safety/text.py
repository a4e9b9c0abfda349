"""Text that users give, read by the one reader of `degradations.text`."""

from degradations.text import (
    MOST_NESTED,
    check_values,
    decode_text,
    parse_json,
    parse_toml,
    read_json,
    read_lines,
    read_text,
    read_toml,
)

__all__ = [
    "MOST_NESTED",
    "check_values",
    "decode_text",
    "parse_json",
    "parse_toml",
    "read_json",
    "read_lines",
    "read_text",
    "read_toml",
]
