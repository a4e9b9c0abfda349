"""Recipes and manifests with absurd values are refused when they are read, with the limit in the message."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degradations.errors import InputError
from degradations.manifest import MANIFEST, read_manifest
from degradations.operators.catalogue import build
from degradations.operators.x264_params import ALLOWED
from degradations.reading.text import read_toml
from degradations.reading.typed_toml import parse
from degradations.recipe import Recipe, list_recipes, load_recipe
from tests.degradations.splits import make_split

HEAD = 'name = "mine"\nversion = 1\nstatus = "extrapolated"\nsource = "a test"\ndescription = "a test"\n'
CODEC = 'op = "codec"\ncrf = 20\n'


def recipe(folder: Path, operator: str, head: str = HEAD) -> Recipe:
    path = folder / "mine.toml"
    path.write_text(f"{head}[[operators]]\n{operator}\n")
    return load_recipe(path)


ABSURD = {
    'op = "blur"\nsize = 1000001\nsigma = 1': "from 1 to 99",
    'op = "blur"\nkind = "given"\nsize = 1000000000\nweights = [[1.0]]': "from 1 to 99",
    'op = "blur"\nsize = [' + "3," * 200 + "3]\nsigma = 1": "at most 99 sizes",
    'op = "blur"\nkind = "given"\nweights = [' + "[1.0]," * 200 + "]": "at most 99 rows",
    'op = "blur"\nsize = 21\nsigma = inf': "numbers lie in",
    'op = "blur"\nsize = 21\nsigma = nan': "numbers lie in",
    'op = "blur"\nsize = 21\nsigma = [1, inf]': "numbers lie in",
    'op = "blur"\nsize = 21\nsigma = 1e300': "numbers lie in",
    'op = "blur"\nsize = 21\nsigma = 100000': "at most 1000",
    'op = "blur"\nsize = 21\nsigma = 1e-300': "at least 0.01",
    'op = "blur"\nsize = 21\nsigma = 1\nsigma_step = inf': "'sigma_step'",
    'op = "blur"\nsize = 21\nsigma = 1\nangle = nan': "numbers lie in",
    'op = "blur"\nkind = "motion"\nsize = 21\nlength = 10\nbank = 1000000000': "1000000",
    'op = "blur"\nsize = 21\nsigma = 1\nprobability = nan': "'probability'",
    'op = "blur"\nsize = 21\nsigma = 1\nprobability = 1.5': "less than or equal to 1",
    'op = "sharpen"\nsigma = inf': "'sigma'",
    'op = "sharpen"\nsize = 999': "99",
    'op = "gaussian-noise"\nsigma = nan': "numbers lie in",
    'op = "gaussian-noise"\nsigma = inf': "numbers lie in",
    'op = "poisson-noise"\nscale = 100000': "at most 1000",
    'op = "resize"\nmethod = "cubic"\nfactor = 100000': "at most 256",
    'op = "resize"\nmethod = "cubic"\nfactor = 1e-5': "at least 0.0625",
    'op = "resize"\nmethod = "cubic"\nto_scale = 100000': "256",
    'op = "resize"\nmethod = "cubic"\nto_scale = nan': "'to_scale'",
    'op = "resize"\nmethod = "cubic"\nzoom = [0.5, 100000]': "at most 256",
    'op = "resize"\nmethod = {cubic = nan, area = 1.0}': "numbers lie in",
    'op = "subsample"\nstep = 100000': "256",
    'op = "blur"\nsize = []\nsigma = 1': "got 0",
    'op = "jpeg"\nquality = [50]': "a whole number or a range",
    "op = []": "unknown operator '[]'",
    "op = {a = 1}": "unknown operator",
    'op = "jpeg"\nquality = 1000': "1..100",
    'op = "jpeg"\nquality = 50\nquality_step = nan': "'quality_step'",
    'op = "colour-shift"\nlevels = nan': "'levels'",
    'op = "colour-jitter"\nbrightness = 100000': "at most 100",
    'op = "codec"\nbitrate = 1000000000000': "1..1000000000",
    'op = "codec"\ncrf = 99': "0..63",
    CODEC + "fps = nan": "'fps",
    CODEC + "fps = inf": "'fps",
    CODEC + "fps = 1e-300": "0.01..1000",
    CODEC + "threads = 100000": "64",
    CODEC + 'preset = "/etc/passwd"': "'preset'",
    'op = "jpeg"\nquality = ' + "9" * 5000: "whole numbers lie in",
}


@pytest.mark.parametrize("operator", ABSURD, ids=lambda text: text.replace("\n", " ")[:60])
def test_absurd_values_are_refused_when_the_recipe_is_read(tmp_path: Path, operator: str) -> None:
    with pytest.raises(InputError) as error:
        recipe(tmp_path, operator)
    assert ABSURD[operator] in str(error.value) and "mine.toml" in str(error.value)
    assert len(str(error.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    "parameters",
    [
        "stats=/tmp/x",
        "mbtree=0:stats=x",
        "pass=1",
        "pass=2",
        "log=3",
        "log-level=3",
        "log-file=x",
        "dump-yuv=x",
        "dump_yuv=x",
        "no-mbtree=1:qpfile=x",
        "cqmfile=x",
        "cqm=x",
        "opencl-clbin=x",
        "opencl=1",
        "zones=0,9,q=1",
        "STATS=x",
        " stats=x",
        "\\stats=x",
        "s\\tats=x",
        "'stats'=x",
        "'mbtree=0:stats'=x",
        "mbtree='0:stats=x'",
        "mbtree=0\\:stats=x",
        "keyint=/etc/passwd",
        "threads=100000",
        "keyint=99999999999",
        "keyint=" + "9" * 5000,
        "bitrate=1",
        "crf=1",
        ":",
        "=",
        ":".join(["mbtree=0"] * 1000),
    ],
    ids=lambda text: text[:30],
)
def test_x264_is_given_nothing_that_writes_or_reads_files(
    tmp_path: Path, parameters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="x264_params") as error:
        recipe(tmp_path, CODEC + f"x264_params = {json.dumps(parameters)}")
    assert "mine.toml" in str(error.value) and len(str(error.value)) < 400 + len(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize(
    "parameters",
    ["", "mbtree=0", "threads=2:sliced-threads=1", "no-mbtree=1:keyint=12:deblock=1,-1:aq_mode=1:me=umh"],
)
def test_harmless_parameters_are_encoded_with(tmp_path: Path, parameters: str) -> None:
    made_recipe = recipe(tmp_path, CODEC + f"x264_params = {json.dumps(parameters)}")
    assert made_recipe.apply(np.zeros((3, 32, 32, 3), np.uint8), "a").frames.shape == (3, 32, 32, 3)


def test_the_page_lists_every_parameter_that_may_be_set() -> None:
    page = (Path(__file__).parents[3] / "docs" / "degradations.md").read_text()
    assert all(f"`{key}`" in page for key in ALLOWED)


def test_shipped_recipes_keep_within_the_limits() -> None:
    assert all(load_recipe(facts.name).operators for facts in list_recipes())


def test_enlargements_in_a_row_end_before_memory_does(tmp_path: Path) -> None:
    grows = '\n[[operators]]\nop = "resize"\nmethod = "area"\nfactor = 0.0625'
    with pytest.raises(InputError, match="67108864 pixels are the most"):
        recipe(tmp_path, grows.partition("\n[[operators]]\n")[2] + grows * 5).apply(
            np.zeros((1, 16, 16, 3), np.uint8), "a"
        )


def test_a_recipe_has_so_many_operators_at_most(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 129 operators; 128 are the most"):
        recipe(tmp_path, 'op = "quantize"' + '\n[[operators]]\nop = "quantize"' * 128)
    inside = 'op = "choose"\nweights = [1.0]\noptions = [[' + '{op = "quantize"},' * 200 + "]]"
    with pytest.raises(InputError, match="has 201 operators; 128 are the most"):
        recipe(tmp_path, inside)


def test_operators_inside_operators_end(tmp_path: Path) -> None:
    deep = '{op = "quantize"}'
    for _ in range(100):
        deep = '{op = "choose", weights = [1.0], options = [[' + deep + "]]}"
    with pytest.raises(InputError, match="nested too deeply; 32 levels"):
        recipe(tmp_path, f'op = "choose"\nweights = [1.0]\noptions = [[{deep}]]')


def test_a_recipes_name_makes_a_file_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most 100 characters"):
        recipe(tmp_path, 'op = "quantize"', HEAD.replace("mine", "m" * 300))


@pytest.mark.parametrize("rate", [1e-9, 1e9])
def test_a_codec_needs_a_rate_that_codecs_know(tmp_path: Path, rate: float) -> None:
    with pytest.raises(InputError, match=r"a codec takes 0\.01 to 1000"):
        recipe(tmp_path, CODEC).apply(np.zeros((3, 32, 32, 3), np.uint8), "a", fps=rate)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("frames", 10**9, "1000000"),
        ("frames", -1, "'clips"),
        ("size", [0, 4], "'clips"),
        ("size", [10**9, 4], "1048576"),
        ("fps", float("inf"), "is no JSON number"),
        ("fps", 10**30, "whole numbers lie in"),
        ("digest", "zz", "'clips"),
    ],
)
def test_manifests_with_absurd_values_are_refused(tmp_path: Path, key: str, value: object, why: str) -> None:
    make_split(tmp_path)
    content = json.loads((tmp_path / MANIFEST).read_text())
    next(iter(content["clips"].values()))[key] = value
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(InputError, match=re.escape(why)):
        read_manifest(tmp_path)


WEIRD = (
    *(-1, 0, 1, 99, 10**6, 2**63 - 1, -(2**63), -0.5, 0.004, 1e-300, 1e308, float("inf"), float("nan")),
    *("", "x" * 5000, "\x00", "../x", [], {}, True, [[]], [1], [2, 1], [1e308, 1e308], {"a": 1.0}, ["a"]),
)


def places(value: object, way: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """The way to every value in nested tables and lists, the root's included."""
    yield way
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*way, key))


def changed(value: Any, way: tuple[Any, ...], new: object) -> Any:
    """A copy with another value at one place."""
    if not way:
        return new
    value = copy.copy(value)
    value[way[0]] = changed(value[way[0]], way[1:], new)
    return value


@pytest.mark.parametrize("name", ["vfhq-mild", "gfpgan-train", "flair-motion", "bd-x4"])
def test_any_value_in_any_place_is_taken_or_refused(name: str) -> None:
    """Never another error than InputError: that would be a traceback for the user."""
    table = read_toml(next(facts.path for facts in list_recipes() if facts.name == name))
    refused = 0
    for way in places(table["operators"]):
        for new in WEIRD:
            operators = changed(table["operators"], way, new)
            try:
                parse(Recipe, {**table, "operators": build(operators, name)}, name).digest()
            except InputError:
                refused += 1
    assert refused > 100
