"""The arithmetic of docs/speed.md: the counter against formulas by hand, cheap rows counted anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import deform_conv2d

from baselines.layers.deform import DeformPack
from baselines.layers.norms import ChannelsLastGroupNorm
from benchmarks import arithmetic_table as table
from benchmarks.arithmetic import batches, measured, methods
from benchmarks.arithmetic.counting import Card, Operation, Work, counted, roofline
from benchmarks.arithmetic.subjects import SAME, Subject, by_onnx
from vfsrbench import plugins

PAGE = (Path(__file__).parents[2] / "docs" / "speed.md").read_text(encoding="utf-8")


METHODS, METRICS = table.subjects()["methods"], table.subjects()["metrics"]


def subject(spec: str) -> Subject:
    found = METHODS[spec]
    assert found is not None
    return found


def count_of(text: str) -> str:
    """A row up to its operations: the harness around a network may add some without arithmetic."""
    return "|".join(text.split("|")[:4])


@pytest.mark.parametrize("name", ["gpen", pytest.param("edvr", marks=pytest.mark.slow)])
def test_the_page_has_the_arithmetic_of_methods(name: str) -> None:
    assert table.rows_of(PAGE, "methods")[name] == table.method_row(subject(name)), (
        "run benchmarks/arithmetic_table.py"
    )


@pytest.mark.parametrize("name", ["ids_resnet18_gray"])
def test_the_page_has_the_arithmetic_of_metrics(name: str) -> None:
    assert table.rows_of(PAGE, "metrics")[name] == table.metric_row(name), (
        "run benchmarks/arithmetic_table.py"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", [*METHODS, *METRICS])
def test_the_page_has_the_arithmetic_of_all(name: str) -> None:
    found = METHODS.get(name)
    row = table.method_row(found) if found else table.metric_row(name)
    page = table.rows_of(PAGE, "methods" if found else "metrics")
    assert count_of(page[name]) == count_of(row), "run benchmarks/arithmetic_table.py"


@pytest.mark.parametrize(
    "name", ["FAN, 68 points", *(pytest.param(n.name, marks=pytest.mark.slow) for n in batches.NETWORKS[1:])]
)
def test_the_page_has_the_batches_of_scoring(name: str) -> None:
    rows = [
        table.row(cells)
        for network in batches.NETWORKS
        if network.name == name
        for cells in batches.rows(network)
    ]
    assert len(rows) == len(batches.CARDS) and all(f"{row}\n" in PAGE for row in rows), (
        "run `python benchmarks/arithmetic_table.py --batches`"
    )


def test_a_batch_starts_as_many_operations_as_a_picture_and_does_as_much_for_each() -> None:
    network = batches.NETWORKS[0]
    one, many = batches.counted_batch(network, 1), batches.counted_batch(network, 16)
    assert len(one.operations) == len(many.operations) and many.flop == 16 * one.flop
    assert batches.scaled(many, 1 / 16).flop == one.flop
    small, large = (batches.batch_on(network, batches.CARDS[n]) for n in (0, 2))
    assert (small, large) == (11, 16)


def test_the_page_follows_from_its_rows_and_the_recorded_times() -> None:
    assert table.rewritten(PAGE, {}) == PAGE, "run `python benchmarks/arithmetic_table.py --page`"


def test_the_page_has_every_method_and_metric_with_a_network() -> None:
    with_weights = {e.card.name for e in plugins.methods() if e.card.weights}
    assert with_weights == {found.name for found in METHODS.values() if found} | set(SAME)
    assert all(f"| `{name}` " in PAGE for name in METHODS) and all(f"| `{name}` " in PAGE for name in METRICS)
    assert {"lpips_vgg", "ids_w600k_r50", "tof_raft"} <= set(METRICS)
    assert not {"idd_dlib", "sigma_ids_w600k_r50", "psnr"} & set(METRICS)


def test_what_is_not_counted_yet_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    new = {"methods": {"new": Subject("new", 1), "edvr": subject("edvr")}, "metrics": {"new_metric": None}}
    monkeypatch.setattr(table, "subjects", lambda: new)
    made = table.rewritten(PAGE, {})
    assert "| `new` | not counted yet | " in made and "| `new_metric` | not counted yet | " in made
    assert list(table.rows_of(made, "methods")) == ["edvr"] and not table.rows_of(made, "metrics")
    counted = table.rewritten(made, {"new": "| `new` | 1 | 2.0 | 0.10 | 3 | 4 | 5 | memory |"})
    assert list(table.rows_of(counted, "methods")) == ["new", "edvr"]


def test_a_network_in_an_onnx_file_is_not_passed_off_as_nothing() -> None:
    for name in ("ids_w600k_r50", "ids_glintr100", "akd_2d106"):
        assert f"| `{name}` (its ONNX network is" in PAGE
    assert by_onnx(plugins.choose_metric("ids_iresnet50").card) is None


# --- where we are --------------------------------------------------------------------------------------

SPEED = """## A processor, 1 threads, PyTorch 2
`python benchmarks/method_speed.py --methods edvr --size 256`
| `edvr` | strict | 10 | 10 | 9.0 | 0.1 | 2.5 | 1.00 | 620 |  |
| `edvr` | strict | 10 | 10 | 9.0 | 0.1 | 2.0 | 1.00 | 620 |  |
## A processor, 1 threads, PyTorch 2
`python benchmarks/method_speed.py --methods edvr gfpgan --size 64`
| `edvr` | strict | 10 | 10 | 9.0 | 0.1 | 0.1 | 1.00 | 620 |  |
| `gfpgan` | fast | 10 | 10 | 9.0 | 0.1 | 1.5 | 1.00 | 620 |  |
## A processor, 2 threads, PyTorch 2
`python benchmarks/method_speed.py --methods edvr`
| `edvr` | strict | 10 | 10 | 9.0 | 0.1 | 0.2 | 1.00 | 620 |  |
"""


def test_times_on_one_core_are_read_and_set_against_the_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured.on_cpu(SPEED, "edvr", "strict")
    assert found == measured.OnCpu(2.0, 256)
    assert found.gflop_s(200.0, fixed_size=False) == 25.0
    assert measured.on_cpu(SPEED, "edvr", "fast") is None
    assert measured.on_cpu(SPEED, "gfpgan", "fast") is None
    fixed = measured.on_cpu(SPEED, "gfpgan", "fast", fixed_size=True)
    assert fixed is not None and fixed.gflop_s(300.0, fixed_size=True) == 200.0
    monkeypatch.setattr(measured, "speed_page", lambda: SPEED)
    monkeypatch.setattr(measured, "on_card", lambda: ("NVIDIA H200", {"edvr": 70.0}))
    (row,) = table.where_we_are({"edvr": "| `edvr` | 10 | 200.0 | 1.00 | 300 | 700 | 2000 | launches |"})
    assert row == "| `edvr` | 2 (256x256) | 25 | - | - | 70 (NVIDIA H200) | 0.10 | 114 |"


def test_only_a_card_counts_as_a_card(tmp_path: Path) -> None:
    path = tmp_path / "gpu.json"
    assert measured.on_card(path) == ("", {})
    speed = {"fast": {"speed": [{"frames_s": 3.0}, {"frames_s": 5.0}]}}
    methods = {"keep": speed, "gpen": {"failed": "x"}}
    steps = {"machine": {"parts": {"machine": {"device": "NVIDIA H200"}}}, "methods": {"parts": methods}}
    path.write_text(json.dumps({"steps": steps}))
    assert measured.on_card(path) == ("NVIDIA H200", {"keep": 5.0})
    steps["machine"]["parts"]["machine"]["device"] = "CPU x86_64"  # type: ignore[index]
    path.write_text(json.dumps({"steps": steps}))
    assert measured.on_card(path) == ("", {})


# --- counting ------------------------------------------------------------------------------------------


def test_counting_without_values_gives_what_counting_with_them_gives() -> None:
    with methods.loaded("edvr") as predictor:
        without, real = (methods.work_of(predictor, 3, 64, real=real) for real in (False, True))
    assert without.flop == real.flop > 1e9
    assert sum(operation.flop for operation in without.operations) == without.flop


def test_operations_are_counted_as_by_hand() -> None:
    x, kernel = torch.rand(2, 3, 8, 10), torch.rand(4, 3, 3, 3)
    with torch.no_grad(), counted() as work:
        torch.conv2d(x, kernel, padding=1)
    assert work.flop == 2 * (2 * 4 * 8 * 10) * (3 * 9)
    (operation,) = work.operations
    assert operation.flop == work.flop and operation.elements == x.numel() + kernel.numel() + 2 * 4 * 8 * 10
    with torch.no_grad(), counted() as work:
        x.permute(0, 2, 3, 1).reshape(2, -1)[:, 1:]  # views and one copy
        x + 1
    assert [o.name.split(".")[1] for o in work.operations][-1] == "add" and work.flop == 0
    assert sum(o.elements == 2 * x.numel() for o in work.operations) == len(work.operations) == 2


def test_deformable_convolution_and_attention_count() -> None:
    x, kernel, offsets = torch.rand(1, 4, 6, 6), torch.rand(8, 4, 3, 3), torch.zeros(1, 18, 6, 6)
    with torch.no_grad(), counted() as work:
        deform_conv2d(x, offsets, kernel, padding=1)
    assert work.flop == 7 * 4 * 9 * 36 + 2 * 8 * 4 * 9 * 36
    q = torch.rand(1, 2, 16, 8)
    with torch.no_grad(), counted() as work:
        torch.nn.functional.scaled_dot_product_attention(q, q, q)
    assert work.flop == 2 * (2 * 2 * 16 * 16 * 8)


def test_what_cpus_do_in_many_operations_is_counted_as_on_a_card() -> None:
    x = torch.rand(1, 32, 64, 64).to(memory_format=torch.channels_last)
    deformed, norm = DeformPack(32, 4), ChannelsLastGroupNorm(8, 32)
    names = []
    for own in (lambda: deformed(x, x), lambda: norm(x)):
        with torch.no_grad(), counted() as cpu:
            own()
        with torch.no_grad(), counted() as card, methods.as_on_a_card():
            own()
        assert len(card.operations) < len(cpu.operations)
        names.append([operation.name for operation in card.operations])
    assert sum("deform_conv2d" in name for name in names[0]) == 1
    assert sum("group_norm" in name for name in names[1]) == 1 and len(names[1]) <= 2


def test_the_total_is_that_of_the_flop_counter() -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8 * 36, 5)
    )
    x = torch.rand(2, 3, 8, 8)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(x)
    with torch.no_grad(), counted() as work:
        net(x)
    assert work.flop == counter.get_total_flops() == sum(o.flop for o in work.operations) > 0


def test_the_roofline_takes_the_larger_bound_of_each_operation() -> None:
    card = Card("a card", flops=100.0, bandwidth=10.0, launch=0.5)
    work = Work([Operation("a", flop=400, elements=5), Operation("b", flop=0, elements=50)])
    found = roofline(work, card, size=2)
    assert (found.seconds, found.arithmetic, found.traffic, found.launches) == (14.0, 4.0, 10.0, 1.0)
    assert found.bound == "memory"
    assert roofline(work, Card("b", 1.0, 10.0, 0.5)).bound == "arithmetic"
    assert roofline(work, Card("c", 100.0, 10.0, 50.0)).bound == "launches"


def test_rows_of_the_page_are_replaced_one_by_one() -> None:
    before = table.rows_of(PAGE, "methods")
    made = table.rewritten(PAGE, {"edvr": "| `edvr` | 10 | 1.0 | 1.00 | 300 | 700 | 2000 | launches |"})
    after = table.rows_of(made, "methods")
    assert list(after) == list(before) and after.pop("edvr") != before.pop("edvr") and after == before
    assert made.splitlines()[:20] == PAGE.splitlines()[:20]


def test_one_that_cannot_be_counted_is_told_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def row(found: Subject) -> str:
        if found.spec == "edvr":
            raise ValueError("no such layer")
        return found.spec

    monkeypatch.setattr(table, "method_row", row)
    assert table.main(["--print", "edvr", "flair"]) == 1
    told = capsys.readouterr()
    assert told.out == "flair[K=2,degradation=x8]\n" and told.err.startswith(
        "edvr: ValueError: no such layer"
    )


def test_unknown_names_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        table.main(["edvrr"])
    assert "no row for edvrr; known: edvr, secnet," in capsys.readouterr().err
