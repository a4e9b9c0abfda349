"""Shipped recipes say what they are; a user's own are checked, with one clear line for every mistake."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from degradations.errors import InputError
from degradations.operators.blur import Blur
from degradations.operators.compress import Codec
from degradations.operators.noise import GaussianNoise
from degradations.operators.sampling import Quantize, Resize
from degradations.recipe import list_recipes, load_recipe
from tests.degradations.clips import moving_clip

GOOD = """name = "mine"
version = 1
status = "extrapolated"
source = "us"
description = "a test"

[[operators]]
op = "blur"
size = 21
sigma = [5, 10]

[[operators]]
op = "resize"
method = { area = 0.5, cubic = 0.5 }
factor = 4

[[operators]]
op = "codec"
crf = [18, 24]
fps = 1
"""
SHIPPED = {
    "bd-x4": 4,
    "bi-x16": 16,
    "bi-x4": 4,
    "bi-x8": 8,
    "bfvr-stc": 1,
    "celeba-test-codeformer": 1,
    "codeformer-stage2": 1,
    "codeformer-stage3": 1,
    "dicface": 1,
    "flair-gauss": 4,
    "flair-jpeg60": 4,
    "flair-motion": 4,
    "gfpgan-train": 1,
    "keep-train": 4,
    "realbasicvsr": 4,
    "realesrgan": 4,
    "secnet-bd4": 4,
    "vfhq-bicubic": 4,
    "vfhq-blind": 4,
    "vfhq-heavy": 4,
    "vfhq-medium": 4,
    "vfhq-mild": 4,
    "vfhq-mild-compat": 4,
}


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_all_shipped_recipes_load_and_have_their_scale() -> None:
    assert {facts.name: load_recipe(facts.name).scale for facts in list_recipes()} == SHIPPED
    for facts in list_recipes():
        recipe = load_recipe(facts.name)
        assert facts.path.stem == facts.name == recipe.name
        assert (facts.version, facts.status, facts.source) == (recipe.version, recipe.status, recipe.source)
        assert len(recipe.source) > 40 and "\n" not in recipe.description


def test_what_nobody_published_is_called_extrapolated() -> None:
    ours = {facts.name for facts in list_recipes() if facts.status == "extrapolated"}
    assert ours == {"vfhq-medium", "vfhq-heavy", "vfhq-blind", "flair-motion", "bfvr-stc"}


@pytest.mark.parametrize(
    ("name", "sigma", "noise", "crf", "shares"),
    [
        ("vfhq-mild", (5, 10), (0, 10), (18, 24), (0.3, 0.3, 0.4)),
        ("vfhq-mild-compat", (5, 10), (0, 10), (18, 24), (0.3, 0.3, 0.4)),
        ("vfhq-medium", (10, 15), (10, 20), (25, 34), (0.3, 0.3, 0.4)),
        ("vfhq-heavy", (15, 20), (20, 30), (35, 44), (0.3, 0.3, 0.4)),
        ("keep-train", (2, 10), (0, 10), (25, 44), (0.3, 0.3, 0.4)),
    ],
)
def test_keeps_splits_have_its_numbers_in_its_order(
    name: str,
    sigma: tuple[float, float],
    noise: tuple[float, float],
    crf: tuple[int, int],
    shares: tuple[float, float, float],
) -> None:
    blur, first, resize, second, quantize, codec = load_recipe(name).operators
    assert isinstance(blur, Blur) and isinstance(resize, Resize) and isinstance(codec, Codec)
    assert (blur.size, blur.sigma, blur.kind) == (21, sigma, {"isotropic": 0.7, "anisotropic": 0.3})
    for step in (first, second):
        assert isinstance(step, GaussianNoise)
        assert (step.sigma, step.grey, step.draw) == (noise, 0.5, "frame")
    assert resize.factor == 4
    assert resize.method == dict(zip(("area", "linear", "cubic"), shares, strict=True))
    assert isinstance(quantize, Quantize) and quantize.rounding == "truncate"
    assert (codec.encoder, codec.crf, codec.fps, codec.preset, codec.threads) == (
        "libx264",
        crf,
        1,
        "medium",
        1,
    )
    compatible = name.endswith("compat")
    assert codec.x264_params == ("threads=2:sliced-threads=1" if compatible else "mbtree=0")
    assert (codec.colour, codec.swap_red_blue) == (("swscale", True) if compatible else ("exact", False))


def test_the_compatible_split_differs_from_mild_in_the_codec_alone() -> None:
    from tests.degradations.clips import moving_clip

    clip = moving_clip(2, 512, 512)
    mild, compatible = (load_recipe(n).apply(clip, "c") for n in ("vfhq-mild", "vfhq-mild-compat"))
    assert mild.digest_before_codec == compatible.digest_before_codec
    assert mild.digest != compatible.digest


def test_a_recipes_digest_names_what_decides_its_frames(tmp_path: Path) -> None:
    digest = load_recipe(write(tmp_path, GOOD)).digest()
    for same in (
        GOOD.replace('"us"', '"them"'),
        GOOD.replace("sigma = [5, 10]", 'sigma = [5.0, 10.0]\nborder = "reflect101"'),
        "# a comment\n" + GOOD,
    ):
        assert load_recipe(write(tmp_path, same)).digest() == digest
    for other in (
        GOOD.replace("version = 1", "version = 2"),
        GOOD.replace("[5, 10]", "[5, 11]"),
        GOOD.replace("fps = 1", "fps = 25"),
        GOOD.replace('name = "mine"', 'name = "yours"'),
        GOOD.replace("area = 0.5, cubic = 0.5", "area = 0.4, cubic = 0.6"),
    ):
        assert load_recipe(write(tmp_path, other)).digest() != digest


def test_scale_is_not_known_when_it_is_drawn(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, GOOD.replace("factor = 4", "factor = [2, 4]"))).scale is None
    assert load_recipe(write(tmp_path, GOOD.replace("factor = 4", "factor = 2.5"))).scale == 2.5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("size = 21", "size = ", "line 9"),
        ('name = "mine"', 'name = "mine', "line 1"),
        ('[[operators]]\nop = "blur"', '[[operators]\nop = "blur"', "line 7"),
        ("sigma =", "sigmma =", "operator 1 (blur): unknown key 'sigmma', did you mean 'sigma'?"),
        ('status = "extrapolated"', 'state = "extrapolated"', "unknown key 'state', did you mean 'status'?"),
        ('"extrapolated"', '"measured"', "key 'status'"),
        ("version = 1", "version = 0", "key 'version'"),
        ("version = 1", 'version = "one"', "key 'version'"),
        ('name = "mine"', 'name = "../mine"', "key 'name'"),
        ('source = "us"\n', "", "key 'source' is missing"),
        ('op = "blur"', 'op = "blurr"', "operator 1: unknown operator 'blurr': did you mean 'blur'?"),
        ('op = "blur"\n', "", "operator 1: key 'op' is missing"),
        ("[5, 10]", "[10, 5]", "key 'sigma': a range goes from low to high"),
        ("[5, 10]", '"strong"', "key 'sigma': a number or a range [low, high] is expected"),
        ("[5, 10]", "[0, 10]", "key 'sigma': must be at least 0.01"),
        ("size = 21", "size = 0", "'size' is a number of pixels from 1 to 99"),
        ("sigma = [5, 10]", "", "needs 'sigma'"),
        ("sigma = [5, 10]", 'sigma = 5\nkind = "isotopic"', "unknown kernel kind 'isotopic'"),
        ("sigma = [5, 10]", 'kind = "motion"', "needs 'length'"),
        ("sigma = [5, 10]", 'kind = "given"', "needs 'weights'"),
        ("sigma = [5, 10]", 'sigma = 5\nborder = "wrap"', "key 'border'"),
        ("cubic = 0.5", "cubic = 0.6", "probabilities add up to 1, not to 1.1"),
        ("cubic = 0.5", "bicubic = 0.5", "unknown resize method 'bicubic': did you mean 'cubic'?"),
        ("factor = 4", "", "exactly one of 'factor', 'to_scale' and 'zoom'"),
        ("factor = 4", "factor = 4\nto_scale = 4", "exactly one of 'factor', 'to_scale' and 'zoom'"),
        ("crf = [18, 24]", "crf = [18.5, 24]", "key 'crf': a whole number or a range"),
        ("crf = [18, 24]", "crf = [18, 99]", "'crf' lies in 0..63"),
        ("crf = [18, 24]", "", "exactly one of 'crf' and 'bitrate'"),
        ("crf = [18, 24]", 'crf = 20\nencoder = "mpeg4"', "mpeg4 knows no 'crf'"),
        (
            "crf = [18, 24]",
            'crf = 20\nencoder = "libx246"',
            "unknown encoder 'libx246': did you mean",
        ),
        ("fps = 1", "fps = 0", "'fps' is a number of 0.01..1000"),
    ],
)
def test_mistakes_in_a_recipe_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        load_recipe(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        ("operators = []", "a list of operators is expected"),
        ("operators = 3", "a list of operators is expected"),
        ("operators = [3]", "an operator is a table"),
        ("", "key 'operators' is missing"),
        ('[[operators]]\nop = "jpeg"\nquality = 101', "'quality' lies in 1..100"),
        ('[[operators]]\nop = "gaussian-noise"\nsigma = 300', "'sigma' is at most 80"),
        ('[[operators]]\nop = "gaussian-noise"\nsigma = 3\ngrey = 2', "key 'grey'"),
        ('[[operators]]\nop = "subsample"\nstep = 4\nphase = 4', "'phase' is below 'step'"),
        ('[[operators]]\nop = "resize"\nmethod = "area"\nzoom = [2, 3]', "'zoom' is a range around 1"),
        ('[[operators]]\nop = "colour-jitter"\nhue = [-1, 1]', "'hue' is a part of the colour circle"),
        (
            '[[operators]]\nop = "choose"\noptions = [[{op = "quantize"}]]\nweights = [0.5]',
            "'weights' add up",
        ),
        (
            '[[operators]]\nop = "choose"\noptions = [[{op = "quantise"}]]\nweights = [1]',
            "options[0], operator 1",
        ),
        ('[[operators]]\nop = "shuffle"\ngroups = [[{op = "quantize"}]]', "at least two groups"),
        ('[[operators]]\nop = "blur"\nkind = "given"\nweights = [[1, 2]]', "a square table"),
    ],
)
def test_mistakes_in_operators_are_named(tmp_path: Path, operators: str, message: str) -> None:
    head = GOOD.split("[[operators]]")[0]
    with pytest.raises(InputError) as error:
        load_recipe(write(tmp_path, head + operators))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_recipes_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown recipe 'vfhq-mid': did you mean 'vfhq-mild'"):
        load_recipe("vfhq-mid")
    with pytest.raises(InputError, match="no such recipe file"):
        load_recipe(tmp_path / "none.toml")
    with pytest.raises(InputError, match="is a folder, a TOML file was expected"):
        load_recipe(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(InputError, match="not UTF-8"):
        load_recipe(tmp_path / "latin.toml")


def test_listing_recipes_loads_neither_opencv_nor_pyav_nor_torch() -> None:
    code = (
        "import sys; from degradations.shipped import list_recipes; assert list_recipes();"
        "print(sorted({'cv2', 'av', 'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.strip() == "[]", done.stderr


def test_the_package_needs_no_more_than_it_says() -> None:
    code = (
        "import sys, pkgutil, importlib, degradations;"
        "modules = pkgutil.walk_packages(degradations.__path__, 'degradations.');"
        "[importlib.import_module(module.name) for module in modules];"
        "from degradations.recipe import load_recipe; import numpy;"
        "load_recipe('vfhq-mild').apply(numpy.zeros((1, 32, 32, 3), 'uint8'), 'c');"
        "print(sorted({'torch', 'scipy', 'skimage', 'vfsrbench', 'baselines', 'reports'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.strip() == "[]", done.stderr


def test_a_folder_of_the_same_name_does_not_hide_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vfhq-mild").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_recipe("vfhq-mild").name == "vfhq-mild"


def test_recipes_with_equal_digests_degrade_alike_whatever_order_their_names_have(tmp_path: Path) -> None:
    weights = {
        "kind": ("isotropic", "anisotropic"),
        "method": ("area", "cubic"),
        "encoder": ("libx264", "mpeg4"),
    }
    text = GOOD.replace("size = 21", "size = 21\nkind = KIND").replace(
        "{ area = 0.5, cubic = 0.5 }", "METHOD"
    )
    text = text.replace("crf = [18, 24]", "bitrate = [100000, 200000]\nencoder = ENCODER")
    frames, made = moving_clip(1, 64, 64), []
    for turn in (1, -1):
        own = text
        for key, names in weights.items():
            own = own.replace(key.upper(), "{ " + ", ".join(f"{name} = 0.5" for name in names[::turn]) + " }")
        path = tmp_path / f"mine{turn}.toml"
        path.write_text(own)
        recipe = load_recipe(path)
        clips = [recipe.apply(frames, clip=f"clip {number}") for number in range(8)]
        made.append((recipe.digest(), [(clip.parameters, clip.digest) for clip in clips]))
    assert made[0] == made[1]
    assert all(f"'{name}'" in str(made[0]) for names in weights.values() for name in names)  # all were drawn
