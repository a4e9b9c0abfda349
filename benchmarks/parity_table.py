"""How far each network is from the official one: every tap of every case of its golden pack.

    python benchmarks/parity_table.py                  all networks, as Markdown on the screen
    python benchmarks/parity_table.py keep gmflow      these only
    python benchmarks/parity_table.py --write docs/parity.md
    python benchmarks/parity_table.py keep --write docs/parity.md    one section; the page's others stay

A difference is `parity.compare`: the largest one over the recorded samples, relative to the tap's own
standard deviation. The exit code is 1 when a tap is beyond its limit. To add a network, add a row to ROWS.
Figures written into docs/parity.md go into benchmarks/results/shown.json, too, with the digest of the code.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/parity")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from benchmarks.shown.card_run import card_run  # noqa: E402
from benchmarks.shown.facts import Deviation, origin  # noqa: E402
from benchmarks.shown.files import FACTS, load_facts, save_facts  # noqa: E402
from benchmarks.shown.parity_text import HEADING, PACKS  # noqa: E402
from benchmarks.shown.table import section as shown_section  # noqa: E402
from benchmarks.shown_table import BEGIN, END, between, write_pages  # noqa: E402
from tests.baselines.taps import code_taps  # noqa: E402
from tests.baselines.taps import taps as tap_tools  # noqa: E402

PAGE = ROOT / "docs" / "parity.md"
Collector = Callable[[nn.Module | None, dict[str, Any]], dict[str, Tensor]]


@dataclass(frozen=True)
class Row:
    """A golden pack and the network to hold against it.

    build: "module:class", called with `options`; a module alone where there is no network. collect:
    "module:function" that runs a case and gives tap -> tensor. limit: the largest difference allowed; where
    `roundings` times the official network's own rounding (float32 against float64, if the pack records it)
    is larger than that, it is the limit. tables: "module:function" that gives pairs of lists, ours and the
    pack's. codes: tokens may flip; those that do are listed. code: the module of ours that the figures
    hang on, where it is not the one of `build`. fill: "module:function" that gives the network with the
    pack's weights, where they are not all in the pack's list of tensors.
    """

    pack: str
    build: str
    collect: str
    limit: float = 1e-3
    options: dict[str, Any] = field(default_factory=dict)
    roundings: float = 1.0
    tables: str = ""
    codes: bool = False
    code: str = ""
    fill: str = ""

    @property
    def module(self) -> str:
        return self.code or self.build.partition(":")[0]


def of_metric(pack: str, build: str, collect: str) -> Row:
    """A network that a metric runs."""
    taps = "tests.baselines.taps.metric_taps:"
    fill = f"{taps}{pack}_net"
    return Row(pack, f"vfsrbench.metrics.networks.{build}", taps + collect, 1e-4, fill=fill)


def vsr(pack: str, build: str, **options: Any) -> Row:
    """General video super-resolution is held to ten times its own rounding."""
    return Row(pack, build, "tests.baselines.taps.vsr_taps:vsr", 1e-5, options, roundings=10.0)


ROWS = (
    Row("codeformer", "baselines.codeformer.network:CodeFormer", "tests.baselines.taps.code_taps:codeformer"),
    Row("keep", "baselines.keep.network:KEEP", "tests.baselines.taps.code_taps:keep", codes=True),
    Row(
        "keep_v1",
        "baselines.keep.network:KEEP",
        "tests.baselines.taps.code_taps:keep",
        options={"layout": "asian"},
        codes=True,
    ),
    Row("keep_kalman", "baselines.keep.kalman:KalmanFilter", "tests.baselines.taps.code_taps:kalman"),
    Row("keep_cfa", "baselines.keep.cfa:CrossFrameAttention", "tests.baselines.taps.code_taps:cross_frame"),
    Row("gmflow", "baselines.layers.flow.gmflow:GMFlow", "tests.baselines.taps.code_taps:gmflow", limit=2e-3),
    Row("pwcnet", "baselines.layers.flow.pwcnet:PWCNet", "tests.baselines.taps.code_taps:pwcnet", limit=1e-4),
    Row(
        "gfpgan", "baselines.gfpgan.network:GFPGANClean", "tests.baselines.taps.face_taps:gfpgan", limit=1e-4
    ),
    Row(
        "restoreformer",
        "baselines.restoreformer.network:RestoreFormer",
        "tests.baselines.taps.face_taps:restoreformer",
        limit=1e-4,
    ),
    Row(
        "restoreformerpp",
        "baselines.restoreformer.network:RestoreFormerPP",
        "tests.baselines.taps.face_taps:restoreformer",
        limit=1e-4,
    ),
    Row("gpen", "baselines.gpen.network:GPEN", "tests.baselines.taps.face_taps:gpen", limit=1e-4),
    Row("vqfr", "baselines.vqfr.network:VQFR", "tests.baselines.taps.face_taps:vqfr", limit=1e-4),
    vsr("basicvsrpp", "baselines.basicvsrpp.network:BasicVSRPlusPlus"),
    vsr("basicvsrpp_same", "baselines.basicvsrpp.network:BasicVSRPlusPlus", is_low_res_input=False),
    vsr(
        "basicvsrpp_n15",
        "baselines.basicvsrpp.network:BasicVSRPlusPlus",
        num_blocks=15,
        is_low_res_input=False,
    ),
    vsr("basicvsr", "baselines.basicvsr.network:BasicVSR"),
    vsr("realbasicvsr", "baselines.realbasicvsr.network:RealBasicVSR"),
    vsr("edvr", "baselines.edvr.network:EDVR"),
    vsr("edvr_l", "baselines.edvr.network:EDVR", mid_channels=128, num_blocks_reconstruction=40),
    vsr("edvr_m_wotsa", "baselines.edvr.network:EDVR", with_tsa=False),
    vsr("spynet", "baselines.layers.flow.spynet:SPyNet"),
    Row(
        "raft",
        "tests.baselines.taps.raft_taps:Raft",
        "tests.baselines.taps.raft_taps:raft",
        limit=1e-4,
        code="vfsrbench.metrics.estimators.raft",
    ),
    of_metric("dists", "dists:DISTS", "dists"),
    of_metric("musiq", "musiq:MUSIQ", "musiq"),
    of_metric("clipiqa", "clip.rn50:ClipRN50", "clipiqa_taps"),
    of_metric("liqe", "clip.vit_b32:ClipViTB32", "liqe_taps"),
    of_metric("maniqa", "maniqa:MANIQA", "maniqa"),
    of_metric("dover", "dover:DOVER", "dover"),
    Row(
        "flair_unet",
        "baselines.flair.unet.network:FlairUNet",
        "tests.baselines.taps.flair_taps:unet",
        1e-4,
        {"config": "bicubic"},
    ),
    Row(
        "flair_unet_blur",
        "baselines.flair.unet.network:FlairUNet",
        "tests.baselines.taps.flair_taps:unet",
        1e-4,
        {"config": "blur"},
    ),
    Row(
        "flair_dc",
        "baselines.flair.diffusion.consistency",
        "tests.baselines.taps.flair_taps:consistency",
        1e-4,
    ),
    Row(
        "flair_sampler",
        "baselines.flair.diffusion.sampler",
        "tests.baselines.taps.flair_taps:sampler",
        1e-4,
        tables="tests.baselines.taps.flair_taps:tables",
    ),
    Row("bfvr_stc", "baselines.bfvr_stc.network:BFVRSTC", "tests.baselines.taps.bfvr_taps:bfvr_stc"),
    Row(
        "bfvr_stc_latent",
        "baselines.bfvr_stc.network:BFVRSTC",
        "tests.baselines.taps.bfvr_taps:latent",
        options={"n_layers": 0},
    ),
    Row("dicface", "baselines.dicface.network:DicFace", "tests.baselines.taps.window_taps:dicface"),
    Row("pgtformer", "baselines.pgtformer.network:PGTFormer", "tests.baselines.taps.window_taps:pgtformer"),
    Row("flair_face", "baselines.flair.faces", "tests.baselines.taps.flair_taps:faces", 2e-4),
)


@dataclass(frozen=True)
class Tap:
    """A tap's difference in a case, the limit there, and whether all cases so far held."""

    difference: float
    limit: float
    held: bool
    case: str


def rounding(case: dict[str, Any]) -> dict[str, float]:
    """The official network's own float32 noise by tap, where the pack records it."""
    return case.get("float64_difference") or case.get("float32_against_float64") or {}


def named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


@dataclass
class Measured:
    """Every tap of a row's pack, the number of cases, and lines about tokens that may flip."""

    taps: dict[str, Tap]
    cases: int
    notes: list[str]

    @property
    def missed(self) -> bool:
        return not all(tap.held for tap in self.taps.values())


def measure(row: Row) -> Measured:
    pack = tap_tools.pack(row.pack)
    net = None
    if row.fill:
        net = named(row.fill)()
    elif ":" in row.build:
        net = tap_tools.filled(lambda: named(row.build)(**row.options), pack)
    collect: Collector = named(row.collect)
    done = Measured({}, 0, [])
    for case in pack["cases"]:
        with torch.no_grad():
            taps = collect(net, case)
        if not taps:  # a case of something else: which frames are taken, a variant that we lack
            continue
        done.cases += 1
        noise = rounding(case)
        wanted = {name: tap for name, tap in taps.items() if name in case["outputs"]}
        for name, difference in tap_tools.differences(wanted, case["outputs"]).items():
            limit = max(row.limit, row.roundings * noise.get(name, 0.0))
            keep_largest(done.taps, name, Tap(difference, limit, difference <= limit, case["name"]))
        if row.codes:
            done.notes.append(tokens(taps, case))
    for name, (ours, want) in named(row.tables)(pack).items() if row.tables else ():
        gap = np.abs(np.asarray(ours, float) - np.asarray(want, float)).max() / max(np.std(want), 1e-12)
        keep_largest(done.taps, name, Tap(float(gap), row.limit, bool(gap <= row.limit), "table"))
    return done


def keep_largest(found: dict[str, Tap], name: str, new: Tap) -> None:
    """Enter a case's tap: the largest difference counts, and one that was missed stays missed."""
    old = found.setdefault(name, new)
    largest = old if new.difference <= old.difference else new
    found[name] = replace(largest, held=old.held and new.held)


def tokens(taps: dict[str, Tensor], case: dict[str, Any]) -> str:
    """Which tokens of a case took another code than the official network's, and by what gap."""
    flips = code_taps.flipped(taps, case)
    if not flips:
        gap = case["ties"]["smallest_top1_top2_gap"]
        return f"{case['name']}: no token flipped; the two best codes are {gap:.1e} apart at least."
    told = (
        f"frame {f.frame}, row {f.row}, token {f.token}: {f.ours} instead of {f.official}, gap {f.gap:.1e}"
        for f in flips
    )
    return f"{case['name']}: {len(flips)} flipped: {'; '.join(told)}."


def section(row: Row, done: Measured) -> str:
    """The row's part of the page."""
    worst = max(done.taps.items(), key=lambda item: item[1].difference)
    lines = [
        f"## {row.pack}",
        "",
        f"`{row.build}`{options(row)}; {done.cases} cases, {len(done.taps)} taps; largest: "
        f"{worst[1].difference:.1e} ({worst[0]}). {machine()}",
        "",
        *(f"- {note}" for note in done.notes),
        *([""] if done.notes else []),
        "| tap | largest difference | limit | in case |",
        "|---|---|---|---|",
    ]
    for name, tap in sorted(done.taps.items(), key=lambda item: (item[0] != "out", item[0])):
        mark = "" if tap.held else " **missed**"
        lines.append(f"| {name} | {tap.difference:.1e}{mark} | {tap.limit:.1e} | {tap.case} |")
    return "\n".join(lines)


def options(row: Row) -> str:
    return f" ({', '.join(f'{key}={value}' for key, value in row.options.items())})" if row.options else ""


def machine() -> str:
    return f"Torch {torch.__version__}, {platform.machine()}, {torch.get_num_threads()} threads."


def page(parts: dict[str, str], shown: str) -> str:
    """The whole page: what has been shown, and the sections in the order of ROWS."""
    order = [row.pack for row in ROWS if row.pack in parts]
    top = f"{HEADING}{BEGIN}\n\n{shown}\n\n{END}"
    return "\n\n".join([top, PACKS.rstrip(), *(parts[pack] for pack in order)]) + "\n"


def sections_of(text: str) -> dict[str, str]:
    """A page's sections of packs."""
    sections = {part.split("\n", 1)[0].strip(): f"## {part.rstrip()}" for part in text.split("\n## ")[1:]}
    return {row.pack: sections[row.pack] for row in ROWS if row.pack in sections}


def fact(row: Row, done: Measured) -> Deviation:
    """The row's largest difference, relative to the limit there, with what it was found with."""
    name, tap = max(done.taps.items(), key=lambda item: (not item[1].held, item[1].difference))
    command = f"python benchmarks/parity_table.py {row.pack} --write docs/parity.md"
    return Deviation(
        name=row.pack,
        module=row.module,
        largest=tap.difference,
        limit=tap.limit,
        values=done.cases,
        where=name,
        origin=origin(row.module, command),
    )


def write(path: Path, new: dict[str, str]) -> None:
    """Put sections into a page; what else stands in it stays."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(page(sections_of(before) | new, between(before)), encoding="utf-8")


def record(facts: Path | None, found: Deviation) -> None:
    if facts is not None:
        save_facts(load_facts(facts).with_deviations("packs", (found,)), facts)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packs", nargs="*", help="packs to measure (default: all)")
    parser.add_argument("--write", type=Path, help="Markdown file whose sections are made or made again")
    parser.add_argument("--facts", type=Path, help="file of facts (default: the one of docs/parity.md)")
    given = parser.parse_args(arguments)
    unknown = set(given.packs) - {row.pack for row in ROWS}
    if unknown:
        parser.error(f"no row for {', '.join(sorted(unknown))}; known: {', '.join(r.pack for r in ROWS)}")
    parts, missed = {}, []
    for row in ROWS:
        if given.packs and row.pack not in given.packs:
            continue
        started = time.perf_counter()
        done = measure(row)
        missed += [row.pack] if done.missed else []
        parts[row.pack] = section(row, done)
        print(f"{row.pack}: {done.cases} cases in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        if given.write:  # at once: a run that is stopped keeps what it has
            write(given.write, {row.pack: parts[row.pack]})
            record(given.facts or (FACTS if given.write.resolve() == PAGE else None), fact(row, done))
    if given.write and given.write.resolve() == PAGE and not given.facts:
        write_pages(load_facts())
    if not given.write:
        print(page(parts, shown_section(load_facts(), card_run())))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
