"""A configuration and rows that nobody ran, for pages of any size."""

from __future__ import annotations

from reports.bundles.schema import CellClaim
from reports.leaderboard.config import Config, Rules, Settings
from reports.leaderboard.entries import Cost, Entry, Facts
from vfsrbench.board import PublishedUse

EVIL = '<script>alert("1")</script><img src=x onerror=alert(2)>'
METRICS = ("psnr", "ssim", "lpips_alex", "fvd")


def config(boards: int = 2, splits: tuple[str, ...] = ("bfr",)) -> Config:
    """Boards `board-0` and on; papers' figures stand beside the first."""
    uses = tuple(PublishedUse(file=f"{name}.csv", splits={"bfr": "blind"}) for name in ("svfr", "bfvr_stc"))
    rules = {
        f"board-{i}": Rules(
            title=f"Board {i}",
            description="Faces, blind.",
            dataset="made-up",
            seed=0,
            metrics=METRICS,
            sort_by="psnr",
            hub_dataset="owner/name",
            recipes=dict.fromkeys(splits, "0" * 64),
            clips={f"clip-{c}": "0" * 64 for c in range(50)},
            published=() if i else uses,
        )
        for i in range(boards)
    }
    return Config(Settings(title=f"Faces {EVIL}", description="Made up.", url="https://example.org/"), rules)


def entries(config: Config, methods: int = 4, labs: int = 2) -> list[Entry]:
    """Rows of every board and split: the first method is KEEP, by all laboratories, others by one each."""
    found = []
    for board, rules in config.boards.items():
        for split in rules.recipes:
            for m in range(methods):
                for lab in range(labs if m == 0 else 1):
                    found.append(_entry(board, split, m, lab if m == 0 else m % labs))
    return found


def _entry(board: str, split: str, m: int, lab: int) -> Entry:
    def cell(mean: float) -> CellClaim:
        return CellClaim(mean=mean, low=mean * 0.98, high=mean * 1.02, n=50, total=50)

    values = (25 + m * 0.37 + lab * 0.01, 0.7 + m * 0.002, 0.4 - m * 0.003, 300 - m * 2.5)
    name = "keep" if m == 0 else f"method-{m}"
    return Entry(
        lab=f"lab-{lab}",
        board=board,
        split=split,
        method=name,
        title="KEEP" if m == 0 else f"Method {m}" + (EVIL if m == 1 else ""),
        cells={metric: cell(value) for metric, value in zip(METRICS, values, strict=True)},
        file=f"submissions/lab-{lab}/{name}.vfsr.zip",
        digest=f"{m:064x}",
        division="official" if m % 2 == 0 else "open",
        why_open="" if m % 2 == 0 else "no official checksum of mine is known",
        verdict=("re-scored here", "consistent", "not checkable")[m % 3],
        doubts=("imported outputs",) if m == 3 else (),
        done=50,
        total=50,
        finished="2026-11-01",
        facts=Facts(
            year=2020 + m % 6,
            licence=("Apache-2.0", "CC BY-NC 4.0")[m % 2],
            commercial=m % 2 == 0,
            paper="Somebody, Something",
            url="javascript:alert(3)" if m == 1 else "https://example.org/code",
            description="What it does.",
            parameters=12_000_000,
        ),
        cost=Cost(speed=3.5, memory=2**31, device="one GPU"),
    )
