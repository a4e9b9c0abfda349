"""Which of x264's parameters a recipe may set: those that decide how frames are coded.

x264 has others that write files (`stats`, `dump-yuv`, `log-file`, `opencl-clbin`), read files (`qpfile`,
`cqmfile`), fail without a first pass, or change the rate that the recipe states elsewhere. A list of what is
allowed stays safe when x264 learns another.
"""

from __future__ import annotations

import re
from typing import Literal

Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"
]
ALLOWED = frozenset(
    [
        "threads",
        "sliced-threads",
        "lookahead-threads",
        "sync-lookahead",
        "slices",
        "slice-max-mbs",
        "keyint",
        "min-keyint",
        "scenecut",
        "open-gop",
        "intra-refresh",
        "rc-lookahead",
        "mbtree",
        "bframes",
        "b-adapt",
        "b-bias",
        "b-pyramid",
        "ref",
        "mixed-refs",
        "weightb",
        "weightp",
        "direct",
        "me",
        "merange",
        "subme",
        "subq",
        "chroma-me",
        "trellis",
        "partitions",
        "analyse",
        "8x8dct",
        "psy",
        "psy-rd",
        "aq-mode",
        "aq-strength",
        "qcomp",
        "qpmin",
        "qpmax",
        "qpstep",
        "ipratio",
        "pbratio",
        "chroma-qp-offset",
        "cabac",
        "deblock",
        "dct-decimate",
        "fast-pskip",
        "nr",
        "deadzone-inter",
        "deadzone-intra",
        "vbv-maxrate",
        "vbv-bufsize",
        "vbv-init",
        "nal-hrd",
        "aud",
        "bluray-compat",
    ]
)
MOST_VALUE = 1_000_000
MOST_THREADS = 64
_LONGEST = 1000
_VALUE = re.compile(r"[A-Za-z0-9.,+-]*")  # no quotes, backslashes, slashes: nothing that FFmpeg unescapes
_NUMBER = re.compile(r"-?\d+(\.\d*)?")


def check_x264_params(text: str) -> None:
    """ValueError unless `text` is `key=value:key=value` with allowed keys and plain values."""
    if len(text) > _LONGEST:
        raise ValueError(f"'x264_params' has at most {_LONGEST} characters, got {len(text)}")
    for pair in text.split(":") if text else ():
        key, _, value = pair.partition("=")
        name = key.removeprefix("no-").replace("_", "-")
        if name not in ALLOWED:
            raise ValueError(
                f"x264_params: {key[:40]!r} may not be set in a recipe; docs/degradations.md lists what may"
            )
        if not _VALUE.fullmatch(value):
            raise ValueError(f"x264_params: {key}={value[:40]!r}: letters, digits and . , + - are allowed")
        most = MOST_THREADS if "threads" in name and name != "sliced-threads" else MOST_VALUE
        for number in value.split(","):
            if len(number) > 20 or (_NUMBER.fullmatch(number) and abs(float(number)) > most):
                raise ValueError(f"x264_params: {key}={value[:40]}: {most} is the most")
