"""The text of docs/parity.md around what is generated."""

HEADING = """# How close the networks are to the official ones

## What has been shown, and how

Made by `python benchmarks/shown_table.py` from the facts in `benchmarks/results/shown.json`; how they are
recorded stands [below](#how-facts-are-recorded). A figure of parity is the largest difference to the
official network over its golden packs, with the same made-up weights on both sides, and the day on which it
was measured; the suite holds every tap to its limit in each run. "Run with official weights" means that the
method or metric was run on the demo clips with the file that its authors publish, by its SHA-256. Trained
weights that come in a package of the Python index are told apart: of them others state the SHA-256, and
Real-ESRGAN's are rounded to half precision.

"""

PACKS = """## How facts are recorded

- `make test-weights` runs every method and metric whose files are here on the demo clips, says of the others
  what they lack, and writes what came out into `shown/facts.json`, with tables in `shown/table.md`; a run
  that is cut keeps what it has. `make test-weights WEIGHTS=DIR` looks for files in a folder and uses them in
  place. Random weights are refused; a file that nothing vouches for never counts as official. A restoration
  more than 10 dB below bicubic enlargement, and a metric that sees the ground truth no nearer than bicubic,
  count as failed.
- `python benchmarks/shown_table.py --add shown/facts.json` puts those facts into the repository's, and makes
  the tables here and in the README anew.
- `python benchmarks/parity_table.py --write docs/parity.md` measures the packs, in float32 on a CPU; with
  names of packs before `--write` these sections alone are made again. Real-ESRGAN is held
  against the graph of its ncnn port by `python benchmarks/realesrgan_parity.py`.
- `python benchmarks/metrics_table.py` compares metrics with their references ([metrics.md](metrics.md));
  `python benchmarks/gpu.py` adds what ran on a graphics card.

A fact holds the day, versions, device, files, command, and a digest of the code of the method or metric;
none is written by hand. A new one takes the place of an old one of the same thing on the same kind of
device. Facts of another version of a metric, or of files that the manifest no longer names, are marked in
the tables; `python benchmarks/shown_table.py --changed` lists those whose code has changed since, too.
Methods and metrics that nothing is recorded of have "no facts yet".

## The golden packs

Each row is the largest difference over all cases of the network's golden pack in `tests/parity`, relative
to the standard deviation of the tap. The limit is the one set for the network, or, where that is larger,
what rounding alone does to the official network (its own float32 result against float64), ten times that for
the networks of general video super-resolution. `top_idx` are codebook indices: 0 means that no token differs.
`raft` is torchvision's network, which the metrics use; the others are ours.
"""
