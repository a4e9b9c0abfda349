"""The installed basicsr: imported with the torchvision module that it misses, asked for an architecture."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from torch import nn

from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.safety.paths import expanded
from vfsrbench.io.safety.text import parse_json, parse_toml, read_text

GONE = "torchvision.transforms.functional_tensor"
SUFFIX = "_basicsr"  # what basicsr's registry appends to names that are also taken elsewhere


@contextmanager
def torchvision_of_then() -> Iterator[None]:
    """`torchvision.transforms.functional_tensor`, gone since torchvision 0.17, for as long as this lasts.

    basicsr 1.4.2 takes `rgb_to_grayscale` from it, which now lives one module further.
    """
    from torchvision.transforms import functional

    before = sys.modules.get(GONE)
    module = ModuleType(GONE)
    module.rgb_to_grayscale = functional.rgb_to_grayscale  # type: ignore[attr-defined]
    sys.modules[GONE] = module
    try:
        yield
    finally:
        if before is None:
            del sys.modules[GONE]
        else:
            sys.modules[GONE] = before


def architectures() -> dict[str, Any]:
    """Every architecture class of the installed basicsr by name. InputError where there is no basicsr."""
    try:
        with torchvision_of_then():
            importlib.import_module("basicsr.archs")
            registry = importlib.import_module("basicsr.utils.registry").ARCH_REGISTRY
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "basicsr":
            raise InputError(
                "method basicsr: the package basicsr is not installed; pip install 'vfsrbench[basicsr]'"
            ) from None
        raise InputError(f"method basicsr: the installed basicsr cannot be imported: {error}") from error
    return {name.removesuffix(SUFFIX): registry.get(name) for name in registry.keys()}  # noqa: SIM118


def architecture(name: str) -> Any:
    """The class of that name, or InputError with the nearest names."""
    known = architectures()
    if name not in known:
        raise did_you_mean("architecture of basicsr", name, known)
    return known[name]


def build(cls: Any, options: Mapping[str, Any]) -> nn.Module:
    """The network, with random weights. InputError for options that the class does not take."""
    parameters = inspect.signature(cls).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for key in options:
            if key not in parameters:
                raise did_you_mean(f"option of {cls.__name__}", key, parameters)
    try:
        return cls(**options)
    except Exception as error:  # the options' values are the user's, the checks are basicsr's
        raise InputError(
            f"basicsr cannot build {cls.__name__} with {dict(options)}: {type(error).__name__}: {error}"
        ) from error


def window_frames(cls: Any, options: Mapping[str, Any]) -> int:
    """How many frames the architecture sees at once by its `num_frame`, 0 if it has none."""
    parameter = inspect.signature(cls).parameters.get("num_frame")
    if parameter is None:
        return 0
    default = 0 if parameter.default is parameter.empty else parameter.default
    return int(options.get("num_frame", default))


def read_options(text: str, file: str) -> dict[str, Any]:
    """Options from a file (.toml or .json) and a text (TOML with ';' between entries, or a JSON object)."""
    options: dict[str, Any] = {}
    if file:
        options |= _parse(read_text(expanded(file), "file of options"), file)
    return options | _parse(text.replace(";", "\n") if not _is_json(text) else text, "options of basicsr")


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return parse_json(text, where) if _is_json(text) else parse_toml(text, where)
    except InputError as error:
        raise InputError(f"{error} (neither TOML nor a JSON object)") from None
