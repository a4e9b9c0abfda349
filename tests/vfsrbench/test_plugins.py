"""Plugins are found by their cards, chosen by name, option and path, and a broken one harms nobody."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from vfsrbench import plugins
from vfsrbench.card import MethodCard
from vfsrbench.errors import InputError
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import Predictor
from vfsrbench.registry import points

CARD = """
name = "{name}"
title = "A method"
kind = "image"
class = "{factory}"
description = "Returns what it gets."
scale = 1

[options.w]
type = "float"
default = 0.5
min = 0.0
max = 1.0
help = "A weight."

[options.mode]
type = "str"
default = "soft"
choices = ["soft", "hard"]
help = "A mode."

[options.flip]
type = "bool"
default = false
help = "A flag."

[[weights]]
name = "soft-file"
when = {{mode = "soft"}}
"""

CODE = """
from vfsrbench.predictor import Predictor
from .helper import NUMBER

class Copy(Predictor):
    number = NUMBER
    def restore(self, frames, generator):
        return frames
"""


def make_method(folder: Path, name: str = "copy", code: str = CODE, number: int = 1) -> Path:
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD.format(name=name, factory="predictor:Copy"))
    (folder / "predictor.py").write_text(code)
    (folder / "helper.py").write_text(f"NUMBER = {number}\n")
    return folder


def test_a_folder_is_a_method(tmp_path: Path) -> None:
    method = choose_method(f"{make_method(tmp_path / 'mine')}[w=0.25,flip]")
    assert method.id == "copy[flip=true,w=0.25]"
    assert method.options == {"w": 0.25, "mode": "soft", "flip": True}
    predictor = method.build()
    assert isinstance(predictor, Predictor)
    assert predictor.options["w"] == 0.25


def test_two_folders_of_the_same_name_do_not_mix(tmp_path: Path) -> None:
    first = choose_method(str(make_method(tmp_path / "a" / "mine", number=1))).build()
    second = choose_method(str(make_method(tmp_path / "b" / "mine", number=2))).build()
    assert (first.number, second.number) == (1, 2)  # type: ignore[attr-defined]


def test_default_values_do_not_show_in_the_name(tmp_path: Path) -> None:
    folder = make_method(tmp_path / "mine")
    assert choose_method(f"{folder}[w=0.5,mode=soft]").id == "copy"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("v=1", "unknown option of copy 'v': known: flip, mode, w"),
        ("flop=1", "did you mean 'flip'"),
        ("w=two", "'two' is not a float"),
        ("w=1.5", "1.5 is out of range (0.0 to 1.0)"),
        ("mode=hart", "did you mean 'hard'"),
        ("flip=maybe", "'maybe' is not a bool"),
    ],
)
def test_wrong_options_name_the_remedy(tmp_path: Path, options: str, message: str) -> None:
    folder = make_method(tmp_path / "mine")
    with pytest.raises(InputError) as error:
        choose_method(f"{folder}[{options}]")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_card_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vfsrbench new"):
        choose_method(f"{tmp_path}/nothing")


def test_an_unknown_method_suggests_near_names() -> None:
    known: plugins.Registry[MethodCard] = plugins.Registry("method")
    card = MethodCard.model_validate(
        {"name": "bicubic", "title": "B", "kind": "image", "class": "m:C", "description": "-"}
    )
    known.add(plugins.Entry(card, Path("x")), "bicubic")
    with pytest.raises(InputError, match="did you mean 'bicubic'"):
        choose_method("bicubik", known)
    with pytest.raises(InputError, match="malformed"):
        choose_method("bicubic[w=1", known)


def test_code_that_does_not_import_is_one_clear_message(tmp_path: Path) -> None:
    folder = make_method(tmp_path / "mine", code="import module_that_is_not_there\n")
    with pytest.raises(InputError, match=r"'copy' cannot be imported.*module_that_is_not_there"):
        choose_method(str(folder)).build()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("from helper import NUMBER\n", "with a dot: from .helper import ..."),
        ("import archs.net\n", "with a dot: from .archs import ..."),
        ("import module_that_is_not_there.parts\n", "install module_that_is_not_there here, or let the card"),
        ("from .nothing import Net\n", "nothing'"),
    ],
)
def test_what_cannot_be_found_says_where_to_find_it(tmp_path: Path, code: str, remedy: str) -> None:
    folder = make_method(tmp_path / "mine", code=code)
    (folder / "archs").mkdir()
    with pytest.raises(InputError) as error:
        choose_method(str(folder)).build()
    assert str(error.value).partition("No module named ")[2].find(remedy) > 0, str(error.value)


def test_a_misspelt_class_says_what_is_near(tmp_path: Path) -> None:
    folder = make_method(tmp_path / "mine", code=CODE.replace("class Copy", "class Coppy"))
    with pytest.raises(InputError, match=r"has no attribute 'Copy'; did you mean Coppy\?"):
        choose_method(str(folder)).build()


def test_a_package_whose_init_raises_fails_at_the_second_try_too(tmp_path: Path) -> None:
    folder = make_method(tmp_path / "mine")
    (folder / "__init__.py").write_text("from . import helper\nraise RuntimeError('no licence key')\n")
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(InputError, match="no licence key"):
            choose_method(str(folder)).build()
    assert not {name for name in set(sys.modules) - before if name.startswith("_vfsrbench_method_")}
    (folder / "__init__.py").write_text("from . import helper\n")
    (folder / "helper.py").write_text("NUMBER = 1234567\n")
    assert choose_method(str(folder)).build().number == 1234567  # type: ignore[attr-defined]


def test_weights_follow_the_options(tmp_path: Path) -> None:
    folder = make_method(tmp_path / "mine")
    soft, hard = choose_method(str(folder)), choose_method(f"{folder}[mode=hard]")
    assert [w.name for w in soft.card.weights_for(dict(soft.options))] == ["soft-file"]
    assert hard.card.weights_for(dict(hard.options)) == ()


def test_a_broken_package_is_reported_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "third_party_methods"
    make_method(package / "good", "good")
    (package / "bad").mkdir()
    (package / "bad" / "card.toml").write_text("name = 'bad'\ntitel = 'x'\n")
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported to list it')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found_points = [
        EntryPoint("third", "third_party_methods", plugins.METHOD_GROUP),
        EntryPoint("gone", "package_that_is_gone", plugins.METHOD_GROUP),
    ]
    monkeypatch.setattr("vfsrbench.registry._installed", lambda path: EntryPoints(found_points))
    found = plugins.methods()
    assert [entry.card.name for entry in found] == ["good"]
    reasons = {b.name: b.reason for b in found.broken}
    assert set(reasons) == {"bad", "gone"}
    assert "titel" in reasons["bad"]
    assert "did you mean 'title'" in reasons["bad"]
    with pytest.raises(InputError, match="'bad' cannot be used"):
        choose_method("bad", found)


def test_listing_never_imports_torch() -> None:
    code = textwrap.dedent("""
        import sys
        from vfsrbench import plugins
        names = [e.card.name for e in plugins.methods()] + [e.card.id for e in plugins.metrics()]
        heavy = {"torch", "cv2", "matplotlib", "pandas", "skimage", "scipy"} & set(sys.modules)
        print(len(names), sorted(heavy))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("legacy_fvd_bfvr", "no values a frame"),
        ("fid_gt", "no values a frame"),
        ("sigma_idd_dlib", "no values a frame"),
        ("nothing_known", "no installed metric"),
    ],
)
def test_a_metric_that_cannot_be_derived_is_refused(
    source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "odd_metrics" / "cards"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "odd.toml").write_text(
        'id = "odd"\ntitle = "Odd"\ndirection = "lower"\nlevel = "clip"\ndefinition = "d"\nsource = "s"\n'
        f'checked_against = "c"\n\n[derived]\nfrom = "{source}"\nhow = "std"\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    own = EntryPoint("odd", "odd_metrics", plugins.METRIC_GROUP)
    found_points = EntryPoints([*points(plugins.METRIC_GROUP), own])
    monkeypatch.setattr("vfsrbench.registry._installed", lambda path: found_points)
    found = plugins.metrics()
    assert "odd" not in found.entries and "sigma_idd_dlib" in found.entries
    with pytest.raises(InputError, match=reason):
        plugins.choose_metric("odd", found)
