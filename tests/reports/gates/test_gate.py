"""A gate's three verdicts, what it refuses, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer.main

from reports.cli.gate import app
from reports.gates.gate import decide
from reports.gates.policy import Policy, Rule, load_policy
from reports.gates.sides import Side, find_side
from tests.reports import synthetic
from tests.reports.sharing import labs
from vfsrbench.errors import InputError
from vfsrbench.plugins import metrics
from vfsrbench.results.schema import JobRecord

CLIPS = [f"clip{n:02d}" for n in range(12)]
CARDS = metrics().cards


def side(name: str, values: dict[str, list[float]], **changes: object) -> Side:
    """A method's made-up clip values by metric, one split."""
    jobs = {}
    for n, clip in enumerate(CLIPS[: len(next(iter(values.values())))]):
        facts = {
            "key": clip,
            "restore_key": clip,
            "status": "ok",
            "method": name,
            "dataset": "d",
            "split": "s",
            "clip": clip,
            "gt_digest": clip,
            "metrics": {m: CARDS[m].version for m in values},
            "clip_values": {m: column[n] for m, column in values.items()},
        }
        jobs["s", clip] = JobRecord.model_validate(facts | changes)
    return Side(name, name, jobs)


def noisy(mean: float, spread: float, seed: int = 0, base: float = 30.0) -> tuple[list[float], list[float]]:
    """New and old values whose differences have exactly this mean and spread."""
    rng = np.random.default_rng(seed)
    old = base + rng.normal(0, 1, len(CLIPS))
    step = rng.normal(0, 1, len(CLIPS))
    step = (step - step.mean()) / step.std(ddof=1) * spread + mean
    return list(old + step), list(old)


@pytest.mark.parametrize(
    ("mean", "spread", "rule", "verdict"),
    [
        (0.5, 0.2, {"margin": 0.05}, "GO"),
        (0.0, 0.02, {"margin": 0.05}, "GO"),
        (-0.5, 0.2, {"margin": 0.05}, "NO-GO"),
        (-0.04, 0.2, {"margin": 0.05}, "INCONCLUSIVE"),
        (0.5, 0.2, {"better_by": 0.1}, "GO"),
        (0.05, 0.02, {"better_by": 0.1}, "NO-GO"),
        (0.1, 0.2, {"better_by": 0.1}, "INCONCLUSIVE"),
        (0.0, 0.0, {"margin": 0.0}, "GO"),
        (0.0, 0.0, {"better_by": 0.0}, "INCONCLUSIVE"),
    ],
)
def test_verdicts(mean: float, spread: float, rule: dict[str, float], verdict: str) -> None:
    new, old = noisy(mean, spread)
    decision = decide(
        side("new", {"psnr": new}), side("old", {"psnr": old}), Policy(rules={"psnr": Rule(**rule)}), CARDS
    )
    (outcome,) = decision.outcomes
    assert outcome.verdict == decision.verdict == verdict
    assert outcome.gain == pytest.approx(mean, abs=1e-9) and outcome.low <= outcome.gain <= outcome.high


def test_lower_is_better_where_the_metric_says_so() -> None:
    new, old = noisy(-0.1, 0.01, base=0.5)
    policy = Policy(rules={"ewarp_dis": Rule(better_by=0.05)})
    (outcome,) = decide(side("n", {"ewarp_dis": new}), side("o", {"ewarp_dis": old}), policy, CARDS).outcomes
    assert outcome.verdict == "GO" and outcome.gain == pytest.approx(0.1)


def test_one_bad_rule_is_enough_and_decisions_are_the_same_each_time() -> None:
    good, worse = noisy(0.5, 0.1), noisy(-0.5, 0.1, base=0.8)
    new, old = (side(n, {"psnr": good[i], "ssim": worse[i]}) for i, n in enumerate(("new", "old")))
    policy = Policy(rules={"psnr": Rule(margin=0.0), "ssim": Rule(margin=0.01)}, seed=5)
    decision = decide(new, old, policy, CARDS)
    assert [o.verdict for o in decision.outcomes] == ["GO", "NO-GO"] and decision.verdict == "NO-GO"
    backwards = Side(new.name, new.method, dict(reversed(new.jobs.items())))
    assert decide(backwards, old, policy, CARDS) == decision


def test_too_few_clips_decide_nothing_and_say_how_many_would() -> None:
    new, old = noisy(0.5, 0.1)
    policy = Policy(rules={"psnr": Rule(margin=0.0)})
    few = decide(side("n", {"psnr": new[:3]}), side("o", {"psnr": old[:3]}), policy, CARDS).outcomes[0]
    assert few.verdict == "INCONCLUSIVE" and "least_clips" in few.reason
    new, old = noisy(-0.04, 0.2)
    policy = Policy(rules={"psnr": Rule(margin=0.05)})
    outcome = decide(side("n", {"psnr": new}), side("o", {"psnr": old}), policy, CARDS).outcomes[0]
    assert outcome.needed is not None and outcome.needed > len(CLIPS)


REFUSED = {
    "fewer clips": (lambda n: side("new", {"psnr": n[:5]}), "not paired: only old has"),
    "another seed": (lambda n: side("new", {"psnr": n}, seed=3), "another seed"),
    "another recipe": (lambda n: side("new", {"psnr": n}, recipe_digest="x"), "another recipe"),
    "another ground truth": (lambda n: side("new", {"psnr": n}, gt_digest="x"), "another ground truth"),
    "another profile": (lambda n: side("new", {"psnr": n}, profile="fast"), "another profile"),
    "another data set": (lambda n: side("new", {"psnr": n}, dataset="x"), "another data set"),
    "another version": (lambda n: side("new", {"psnr": n}, metrics={"psnr": 0}), "versions 0 and"),
    "a failure": (lambda n: side("new", {"psnr": n}, status="failed", reason="boom"), "no result .boom"),
    "random weights": (lambda n: side("new", {"psnr": n}, untrained=True), "random weights"),
    "no value": (lambda n: side("new", {"ssim": n}), "new has no value on clip00"),
    "one side": (lambda n: side("new", {"psnr": [float("nan"), *n[1:]]}), "one side only"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compared_is_refused(case: str) -> None:
    new, old = noisy(0.5, 0.1)
    make, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as error:
        decide(make(new), side("old", {"psnr": old}), Policy(rules={"psnr": Rule(margin=0.1)}), CARDS)
    assert "\n" not in str(error.value)


def test_splits_that_no_rule_asks_for_need_not_be_paired() -> None:
    new, old = noisy(0.5, 0.1)
    one, other = side("new", {"psnr": new}), side("old", {"psnr": old})
    one.jobs["t", "extra"] = next(iter(one.jobs.values()))
    with pytest.raises(InputError, match=r"only new has extra \(t\)"):
        decide(one, other, Policy(rules={"psnr": Rule(margin=0.1)}), CARDS)
    narrow = Policy(rules={"psnr": Rule(margin=0.1, splits=("s",))})
    assert decide(one, other, narrow, CARDS).verdict == "GO"


def test_rules_that_mean_nothing(tmp_path: Path) -> None:
    new, old = noisy(0.5, 0.1)
    sides = side("new", {"psnr": new}), side("old", {"psnr": old})
    for rules, message in (
        ({"psnrr": Rule(margin=0)}, "did you mean 'psnr'"),
        ({"fid_inception": Rule(margin=0)}, "whole split"),
        ({"psnr": Rule(margin=0, splits=("t",))}, "split of the rule"),
    ):
        if next(iter(rules)).startswith("fid") and next(iter(rules)) not in CARDS:
            rules = {next(m for m, c in CARDS.items() if c.level == "split"): Rule(margin=0)}
        with pytest.raises(InputError, match=message):
            decide(*sides, Policy(rules=rules), CARDS)
    path = tmp_path / "p.toml"
    for text, message in (
        ("[rules.psnr]\nmargin = -1", "greater than or equal"),
        ("[rules.psnr]\nmargin = 1\nbetter_by = 1", "either margin or better_by"),
        ("[rules.psnr]\nmargins = 1", "did you mean 'margin'"),
        ("", "rules"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            load_policy(path)


def command(*arguments: object) -> int:
    result = typer.main.get_command(app).main(args=[str(a) for a in arguments], standalone_mode=False)
    return int(result or 0)


def test_real_runs_from_a_workspace_and_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = labs.lab()
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'least_clips = 3\n[rules.psnr]\nmargin = 0.1\n[rules.ssim]\nmargin = 0.01\nsplits = ["bi-x4"]\n'
    )
    where = ("--policy", policy, "-w", root / "workspace")
    assert command("bicubic", "--against", "nearest", *where) in (0, 1)
    said = capsys.readouterr().out.splitlines()
    swapped = command(f"nearest@{root / 'workspace'}", "--against", "bicubic", *where, "--format", "json")
    found = json.loads(capsys.readouterr().out)
    assert {said[-1].split(":")[0], found["verdict"]} == {"GO", "NO-GO"} and swapped in (0, 1)
    assert [o["metric"] for o in found["outcomes"]] == ["psnr", "ssim"] and len(said) == 3
    assert command("bicubic", "--against", "bicubic", *where) == 0
    assert command("bicubic", "--against", "bicubic", *where, "--split", "bi-x8") == 64
    policy.write_text("[rules.psnr]\nmargin = 0.1\n")
    assert command("bicubic", "--against", "nearest", *where) == 2, "three clips decide nothing by themselves"


def test_bad_input_has_an_exit_code_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[rules.psnr]\nmargin = 0.1\n")
    where = ("--policy", policy, "-w", labs.lab() / "workspace")
    assert command("bicubicc", "--against", "nearest", *where) == 64
    assert "did you mean 'bicubic'" in capsys.readouterr().err
    assert command("bicubic", "--against", tmp_path / "none", *where) == 64
    assert command("bicubic", "--against", "nearest", "--policy", tmp_path / "none.toml") == 64
    with pytest.raises(Exception) as error:
        command("bicubic", "--against", "nearest", "--nonsense")
    assert getattr(error.value, "exit_code", None) == 64


def test_which_method_of_a_place_is_meant(tmp_path: Path) -> None:
    for folder, method in (("a", "mine"), ("a", "oracle"), ("b", "mine"), ("b", "other")):
        for clip in synthetic.CLIPS:
            synthetic.write_result(tmp_path / folder, method, "vfhq-mild", clip)
    assert find_side(str(tmp_path / "a"), []).method == "mine"
    assert find_side(str(tmp_path / "b"), [], like="mine").method == "mine"
    with pytest.raises(InputError, match="METHOD@"):
        find_side(str(tmp_path / "b"), [])
