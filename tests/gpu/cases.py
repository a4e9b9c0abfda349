"""How every method is examined: which options, which windows, how many waits it is allowed."""

from __future__ import annotations

from tests.gpu.examine import Allowed, Sizes
from vfsrbench.method_spec import choose_method
from vfsrbench.plugins import methods

ENLARGES, SAME = Sizes(3, 64, 256), Sizes(3, 256, 256)
FACES, TWO_FACES = Sizes(3, 512, 512), Sizes(2, 512, 512)
SAMPLES = Sizes(2, 16, 128)

VARIANTS: dict[str, tuple[str, ...]] = {
    "basicvsrpp": ("", "[checkpoint=denoise]"),
    "dicface": ("", "[sample=draw]"),
    "edvr": ("", "[tsa=false]"),
    "gfpgan": ("", "[noise=seeded]"),
    "keep": ("", "[flow=pwcnet,stream=true]"),
    "vqfr": ("[f=0.5]",),
    "flair": ("[degradation=x8,K=2]", "[degradation=jpeg,K=2]"),
    "flair+codeformer": ("[degradation=x8,K=2,tau=0,keep=0.5]",),
    "flair+restoreformerpp": ("[degradation=x8,K=2,tau=0,keep=0.5]",),
    "flair_space_time": ("[degradation=x8,K=2]",),
}
"""Options of methods whose default would leave a part out, or take long. Others run with their defaults."""
SIZES: dict[str, Sizes] = {
    "oracle": SAME,
    "recompressed": SAME,
    "basicvsrpp[checkpoint=denoise]": SAME,
    "flair[degradation=jpeg,K=2]": Sizes(2, 32, 128),
    # whose networks take long, and which are allowed nothing, or so much a frame
    "dicface": TWO_FACES,
    "dicface[sample=draw]": TWO_FACES,
    "keep": TWO_FACES,
    "keep[flow=pwcnet,stream=true]": TWO_FACES,
    "pgtformer": TWO_FACES,
}
"""Others: 512x512 where the card says so, else 64x64 enlarged to 256x256; FLAIR's from 16x16."""
NOTHING = [
    "basicvsr",
    "basicvsrpp",
    "bfvr_stc",
    "bicubic",
    "bicubic-matlab",
    "codeformer",
    "edvr",
    "flair",
    "flair_space_time",
    "input",
    "keep",
    "lanczos",
    "nearest",
    "oracle",
    "pgtformer",
    "realesrgan",
    "secnet",
    "vqfr",
]
"""Methods that keep the host waiting nowhere."""
ALLOWED: dict[str, Allowed] = {
    **dict.fromkeys(NOTHING, Allowed()),
    "dicface": Allowed(casts=2),  # the codewords, which are mixed, once a frame: 1 MB
    "dicface[sample=draw]": Allowed(waits=2, casts=2),  # the host draws, frame by frame
    # StyleGAN2's filters, whose norms are taken in float32, and VQGAN's codewords, once a batch of frames
    **dict.fromkeys(("gfpgan", "gpen"), Allowed(casts=15)),
    "gfpgan[noise=seeded]": Allowed(casts=45),  # which takes each frame alone
    **dict.fromkeys(("restoreformer", "restoreformerpp"), Allowed(casts=1)),
    "realbasicvsr": Allowed(waits=2),  # whether to clean once more
    "flair+codeformer": Allowed(waits=1),  # the window's faces are found
    "flair+restoreformerpp": Allowed(waits=1),
    # these compute on the CPU
    "richardson-lucy": Allowed(waits=1, uploads=1),
    "unsharp": Allowed(waits=1, uploads=1),
    "recompressed": Allowed(waits=1, uploads=1),
    "temporal-average": Allowed(waits=1, uploads=6),  # a flow for each neighbour
}
DEFAULT = Allowed(waits=2, uploads=4, casts=100_000)
"""Of methods without a row: a few waits a window, none a frame. A row with less holds what was reached."""
LEFT_OUT = ("basicsr",)  # any architecture of a package that need not be here
HELP = """
{spec} ({profile}) on a GPU:
{problems}
If a number is as it must be, allow it in tests/gpu/cases.py (ALLOWED), with the reason; a method that needs
other frames or options has its rows there too (SIZES, VARIANTS)."""


def specs(sampling: bool) -> list[str]:
    """Every registered method with the options to examine; those that sample by diffusion, or the others."""
    known = methods().entries.items()
    chosen = [name for name, entry in known if name not in LEFT_OUT and entry.card.factory is not None]
    return [
        name + options
        for name in chosen
        if name.startswith("flair") == sampling
        for options in VARIANTS.get(name, ("",))
    ]


def sizes_of(spec: str) -> Sizes:
    """The window that a method is given."""
    name, card = spec.partition("[")[0], choose_method(spec).card
    known = SIZES.get(spec, SAMPLES if name.startswith("flair") else None)
    same = ENLARGES if card.input_size is None else FACES
    return known or same


def allowed_of(spec: str) -> Allowed:
    """How many waits it is allowed."""
    return ALLOWED.get(spec, ALLOWED.get(spec.partition("[")[0], DEFAULT))
