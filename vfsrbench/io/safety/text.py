"""Text that users give, read by the one reader of `degradations.reading.text`."""

from degradations.reading.text import (
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
