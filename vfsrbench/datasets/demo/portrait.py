"""The demo portraits: two photographs out of packages, aligned as faces of FFHQ are, with fine texture.

Eileen Collins (NASA, public domain) lies inside scikit-image, Grace Hopper (US Navy, public domain) inside
matplotlib. Their faces are 100 and 150 pixels wide, so enlarged they would hold nothing that a degraded clip
could lose; they are sharpened, and given a texture that follows the picture: strands along the hair's
direction, pores on even skin. Everything is integer arithmetic, or float64 arithmetic that every processor
rounds alike.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfsrbench.datasets.demo.resample import OUT_BITS, VALUE_BITS, Planes, positions, sample
from vfsrbench.errors import InputError
from vfsrbench.io.images.folder import read_picture

Array = NDArray[np.float64]
MARGIN = 72  # pixels of the portrait around the FFHQ square, so that motion does not run over its edge
SIDE = 512 + 2 * MARGIN
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Person:
    """A photograph in an installed package, and where its face is.

    `landmarks`: the face's five points on the portrait (irises, tip of the nose, outer corners of the mouth),
    read off the photograph by hand. `turn`, `shift`: from portrait to photograph, the similarity between the
    FFHQ template and a first, coarser reading of these points. `pixels`: SHA-256 of the decoded photograph.
    `texture`: how strong strands and pores are, and how much weaker pores are among strands.
    """

    package: str
    distribution: str
    path: str
    pixels: str
    landmarks: Points
    turn: tuple[float, float]
    shift: tuple[float, float]
    texture: tuple[float, float, float] = (8.0, 13.0, 10.0)


PEOPLE = {
    "astronaut": Person(
        package="skimage",
        distribution="scikit-image",
        path="data/astronaut.png",
        pixels="a8c429c18afa7b0fd5673e598d73a21225d94c864a71bbb3885126fdecb41071",
        landmarks=((190.2, 243.25), (322.4, 247.14), (256.23, 322.12), (187.43, 360.66), (321.12, 362.17)),
        turn=(0.32175880, 0.00945039),
        shift=(144.849677, 20.684535),
    ),
    "hopper": Person(
        package="matplotlib",
        distribution="matplotlib",
        path="mpl-data/sample_data/grace_hopper.jpg",
        pixels="f7f982de68dd296af67ee51b2a95a2e5658f7bf064c6536520b66bae8d01fc34",
        landmarks=((194.35, 238.97), (318.27, 237.75), (258.43, 312.8), (203.5, 374.73), (308.32, 372.48)),
        turn=(0.66352061, -0.02008928),
        shift=(89.443732, 36.645085),
        texture=(5.0, 7.0, 5.0),
    ),
}
_DIRECTIONS = 12  # of strands
_REACH = 9  # pixels to each side that a strand is long


def photograph(name: str) -> NDArray[np.uint8]:
    """A person's photograph (H, W, 3) from the installed package.

    InputError if the package is not there, or its photograph is not the known one.
    """
    person = PEOPLE[name]
    spec = importlib.util.find_spec(person.package)
    if spec is None or spec.origin is None:
        raise InputError(
            f"the demo clips of {name!r} need {person.distribution}: pip install {person.distribution}"
        )
    path = Path(spec.origin).parent / person.path
    if not path.is_file():
        raise InputError(
            f"{path}: the demo's photograph of {name!r} is not in this release of {person.distribution}; "
            "install another, or choose other clips with --clip"
        )
    picture = read_picture(path)
    if hashlib.sha256(picture.tobytes()).hexdigest() != person.pixels:
        raise InputError(
            f"{path}: is not the known photograph; install a released {person.distribution} again, or choose "
            "other clips with --clip"
        )
    return picture


def portrait(name: str = "astronaut") -> Planes:
    """(3, SIDE, SIDE) planes in 1/16 of an 8-bit level, 0 to 4080; the FFHQ square begins at MARGIN."""
    person = PEOPLE[name]
    photo = photograph(name).astype(np.int32).transpose(2, 0, 1) << VALUE_BITS
    photo = np.pad(photo, ((0, 0), (64, 0), (0, 0)), mode="reflect")  # a little more above the hair
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64) - MARGIN
    (c, s), (tx, ty) = person.turn, person.shift
    planes = sample(photo, positions(c * x - s * y + tx), positions(s * x + c * y + (ty + 64)))
    values = planes / float(1 << OUT_BITS)
    values = values + 0.8 * (values - _smooth(values, 6))
    values = values + _texture((values[0] * 77 + values[1] * 150 + values[2] * 29) / 256, *person.texture)
    return np.clip(np.floor(values * (1 << VALUE_BITS) + 0.5), 0, 255 << VALUE_BITS).astype(np.int32)


def _texture(grey: Array, strength: float, pores: float, weaker: float) -> Array:
    """Band-pass noise (H, W) in levels for a picture: along its lines where it has lines, else grain."""
    noise = np.random.Generator(np.random.Philox(key=[2024, 11])).integers(-128, 128, grey.shape) / 128
    lines, twice_x, twice_y = _lines(grey)
    strands, weights = np.zeros_like(grey), np.full_like(grey, 1e-3)
    for direction in range(_DIRECTIONS):
        angle = math.pi * direction / _DIRECTIONS
        match = np.maximum(twice_x * _grid(math.cos(2 * angle)) + twice_y * _grid(math.sin(2 * angle)), 0.0)
        match = match * match * match * match
        strands += match * _streaks(noise, angle)
        weights += match
    strands /= weights
    grain = _smooth(noise, 1) - _smooth(noise, 5)
    return strength * lines * (strands - _smooth(strands, 6)) + (pores - weaker * lines) * grain


def _lines(grey: Array) -> tuple[Array, Array, Array]:
    """How much a picture is made of lines (0 to 1) and their direction, as cosine and sine of twice its
    angle; from the structure tensor (Bigun and Granlund, ICCV 1987)."""
    soft = _smooth(grey, 2)
    gx, gy = np.zeros_like(grey), np.zeros_like(grey)
    gx[:, 1:-1] = (soft[:, 2:] - soft[:, :-2]) / 2
    gy[1:-1] = (soft[2:] - soft[:-2]) / 2
    xx, yy, xy = (_smooth(part, 20) for part in (gx * gx, gy * gy, gx * gy))
    x, y = yy - xx, -2 * xy
    length = np.sqrt(x * x + y * y)
    lines = length / (xx + yy + 1.0) * _share(_smooth(xx + yy, 20), 40.0)
    return lines, x / (length + 1e-9), y / (length + 1e-9)


def _streaks(noise: Array, angle: float) -> Array:
    """The noise summed along short lines in one direction."""
    total = np.zeros_like(noise)
    for step in range(-_REACH, _REACH + 1):
        # a little more than a half: cosines of exactly one half must round the same way everywhere
        across, down = (math.floor(step * f(angle) + 0.5 + 1e-6) for f in (math.cos, math.sin))
        total += np.roll(noise, (down, across), (0, 1))
    return total


def _smooth(values: Array, times: int) -> Array:
    """The last two axes smoothed by (1, 2, 1) / 4, so many times, the border repeated."""
    for _ in range(times):
        for axis in (-1, -2):
            wide = np.swapaxes(values, -1, axis)
            edge = np.concatenate([wide[..., :1], wide, wide[..., -1:]], axis=-1)
            values = np.swapaxes(0.25 * (edge[..., :-2] + edge[..., 2:]) + 0.5 * wide, -1, axis)
    return np.ascontiguousarray(values)


def _share(values: Array, half: float) -> Array:
    """0 at 0, one half at `half`, towards 1 above."""
    return values / (values + half)


def _grid(value: float) -> float:
    return math.floor(value * 2**30 + 0.5) / 2**30
