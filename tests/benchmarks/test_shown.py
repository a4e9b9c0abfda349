"""What has been shown: pages say what the facts say, and what has changed since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import shown_table
from benchmarks.shown.card_run import CardRun, card_run
from benchmarks.shown.choice import code_card, specs_of
from benchmarks.shown.facts import Deviation, Facts, UsedFile, code_of, origin
from benchmarks.shown.files import FACTS, load_facts, save_facts, text_of
from benchmarks.shown.table import CODE, NONE, OTHER, changed, readme_lines, section
from tests.benchmarks.recorded import MODULE, NCNN, PACKAGE, a_run, row_of
from vfsrbench import plugins
from vfsrbench.errors import InputError
from vfsrbench.hashing.code import SourceTree
from vfsrbench.weights.receipts import weights_root

ROOT = shown_table.ROOT


# --- the pages -----------------------------------------------------------------------------------------


def test_the_pages_say_what_the_facts_say() -> None:
    for path, body in shown_table.bodies(load_facts()).items():
        written = shown_table.between(path.read_text(encoding="utf-8"))
        assert written == body, f"{path.name} is out of date: run `python benchmarks/shown_table.py`"


def test_the_pages_have_every_method_and_metric_with_a_network() -> None:
    body = section(load_facts())
    rows = {line.split("`")[1] for line in body.splitlines() if line.startswith("| `")}
    assert {e.card.name for e in plugins.methods() if e.card.weights} <= rows
    assert {e.card.id for e in plugins.metrics() if e.card.weights} <= rows
    free = [line for line in body.splitlines() if "need no files" in line]
    for kind, names in (
        ("Methods", [e.card.name for e in plugins.methods() if not e.card.weights]),
        ("Metrics", [e.card.id for e in plugins.metrics() if not code_card(e.card).weights]),
    ):
        (line,) = (line for line in free if line.startswith(f"- {kind}"))
        assert all(f"`{name}`" in line for name in names)


def test_what_ran_here_is_recorded_without_a_place_of_this_machine() -> None:
    facts = load_facts()
    trained = {run.name for run in facts.runs if run.trained}
    assert {"realesrgan", "idd_dlib", "ids_dlib", "akd_dlib68", "idd_detected_dlib"} <= trained
    packaged = {run.name for run in facts.runs if run.trained and not run.official}
    assert {"realesrgan", "idd_dlib"} <= packaged
    text = FACTS.read_text(encoding="utf-8")
    assert str(Path.home()) not in text and str(weights_root()) not in text and "/work" not in text


def test_every_fact_has_its_day_and_a_command_of_ours() -> None:
    facts = load_facts()
    for fact in (*facts.runs, *facts.packs, *facts.metrics):
        assert (ROOT / fact.origin.command.split()[1]).is_file(), fact.origin.command
        assert fact.origin.versions["torch"] and fact.origin.device and fact.origin.date.startswith("20")


def test_a_method_or_metric_that_nothing_is_recorded_of_says_so() -> None:
    body = section(Facts())
    assert f"| `keep` | {NONE} | no | no |" in body and f"| `lpips_alex` | {NONE} | no | no |" in body
    assert f"With {NONE}: `basicsr`, `bicubic`" in body
    said = readme_lines(Facts())
    assert said.startswith(
        "- With official weights, as their authors publish them: methods: none; metrics: none."
    )
    assert "With neither so far: `basicvsr`" in said and "`secnet`" in said


def test_an_outdated_page_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {}
    for name in ("PAGE", "README"):
        path = tmp_path / name
        path.write_text(f"before\n{shown_table.BEGIN}\nold\n{shown_table.END}\nafter\n")
        monkeypatch.setattr(shown_table, name, path)
        pages[name] = path
    facts, other = tmp_path / "facts.json", tmp_path / "other.json"
    monkeypatch.setattr(shown_table, "load_facts", lambda path=facts: load_facts(path))
    monkeypatch.setattr(shown_table, "save_facts", lambda new: save_facts(new, facts))
    save_facts(Facts(runs=(a_run(),)), other)
    assert shown_table.main([]) == 0
    assert "Nothing has run with files yet." in pages["PAGE"].read_text()
    assert shown_table.main(["--add", str(other)]) == 0
    text = pages["PAGE"].read_text()
    assert f"`{NCNN}` 713ee713b035 (third-party, in {PACKAGE})" in text
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert load_facts(facts) == load_facts(other)
    assert shown_table.main(["--add", str(tmp_path / "none.json")]) == 2


# --- facts of other code, files, versions --------------------------------------------------------------


def test_a_fact_names_what_has_changed_since() -> None:
    facts = Facts(runs=(a_run(),))
    assert changed(facts) == []
    (line,) = changed(facts, code=lambda module: "0" * 16)
    assert line.startswith("run realesrgan (") and f": {CODE}; again by `python benchmarks/off" in line
    gone = a_run(weights=(UsedFile(name="no-such-file", sha256="1" * 64, vouched="published"),))
    (line,) = changed(Facts(runs=(gone,)))
    assert OTHER in line


def test_the_code_of_a_fact_is_that_of_the_network(tmp_path: Path) -> None:
    """A line changed in the network, or in what it imports, changes the digest; one of the harness not."""
    for package in ("baselines", "vfsrbench"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.pyc"))
    places = {package: tmp_path / package for package in ("baselines", "vfsrbench")}

    def digest_after(file: str) -> str:
        path = tmp_path / file
        path.write_text(path.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
        return code_of(MODULE, SourceTree(places))

    before = code_of(MODULE, SourceTree(places))
    assert before == origin(MODULE, "").code
    assert digest_after("vfsrbench/runtime/precision.py") == before
    assert digest_after("baselines/gfpgan/network.py") == before
    network = digest_after("baselines/realesrgan/network.py")
    assert network != before
    assert digest_after("baselines/adapters/vsr.py") != network


def test_a_run_with_files_that_the_manifest_no_longer_names_says_so() -> None:
    other = a_run(weights=(UsedFile(name=NCNN, sha256="1" * 64, vouched="third-party", package=PACKAGE),))
    assert f"package: `{NCNN}` ({OTHER})" in row_of(Facts(runs=(other,)), "realesrgan")
    both = Facts(runs=(other, a_run(spec="realesrgan[x=1]")))
    assert OTHER not in row_of(both, "realesrgan"), "a run with today's files is enough"


def test_a_figure_of_another_version_of_a_metric_says_so() -> None:
    came = origin("vfsrbench.metrics.warping", "python benchmarks/metrics_table.py")
    now = plugins.choose_metric("ewarp_raft").card.version
    found = Deviation(
        name="ewarp_raft",
        module="vfsrbench.metrics.warping",
        version=now,
        largest=1e-9,
        limit=1e-6,
        values=3,
        origin=came,
    )
    assert f"| 1.0e-09, {came.date} |" in row_of(Facts(metrics=(found,)), "ewarp_raft")
    old = found.model_copy(update={"version": now + 1, "largest": 1e-3})
    assert f"| 1.0e-03 (missed) (version {now + 1}, it is {now} now), " in row_of(
        Facts(metrics=(old,)), "ewarp_raft"
    )


# --- what the tables and the README claim --------------------------------------------------------------


def test_the_largest_figure_of_a_methods_packs_counts() -> None:
    module = "baselines.codeformer.network"
    came = origin(module, "python x.py")
    small = Deviation(name="codeformer", module=module, largest=3e-5, limit=1e-3, values=5, origin=came)
    large = small.model_copy(update={"name": "other", "largest": 4e-5, "limit": 1e-5})
    facts = Facts(packs=(small, large))
    assert f"| 4.0e-05 (other; 2 packs; missed: other), {came.date} |" in row_of(facts, "codeformer")
    # whoever uses the network shows it, too; who does not, does not
    assert "(other; 2 packs" in row_of(facts, "flair+codeformer") and NONE in row_of(facts, "gfpgan")
    assert "never with its weights: `codeformer`, `flair`" in readme_lines(facts)


def test_only_the_authors_files_count_as_official() -> None:
    published = a_run(weights=(UsedFile(name="gfpgan-1.4", sha256="2" * 64, vouched="published"),))
    unknown = a_run(weights=(UsedFile(name="secnet", sha256="2" * 64, vouched="unverified"),))
    failed = a_run(figures={}, failed="out of memory")
    for run, cell, listed in (
        (published, "yes: `gfpgan-1.4`", "authors publish them: methods: `realesrgan`;"),
        (
            a_run(),
            f"no, but with trained weights from a package: `{NCNN}`",
            f"({PACKAGE}): methods: `realesrgan`;",
        ),
        (unknown, "no, but with files that nothing vouches for: `secnet`", "neither so far:"),
        (failed, "failed, see below", "neither so far:"),
    ):
        assert cell in row_of(Facts(runs=(run,)), "realesrgan")
        line = next(line for line in readme_lines(Facts(runs=(run,))).splitlines() if "`realesrgan`" in line)
        assert listed in line
    assert "| failed: out of memory |" in section(Facts(runs=(failed,)))


def test_a_gpu_is_claimed_only_for_what_ran_on_one() -> None:
    came = origin(MODULE, "python x.py", "NVIDIA H200, CUDA 13.2")
    facts = Facts(runs=(a_run(),)).with_runs([a_run(origin=came)])
    assert len(facts.runs) == 2, "both devices stay"
    assert row_of(facts, "realesrgan").endswith("| yes: NVIDIA H200, CUDA 13.2 |")
    assert readme_lines(facts).endswith("On a GPU: NVIDIA H200, CUDA 13.2.")
    assert row_of(Facts(runs=(a_run(),)), "realesrgan").endswith("| no |")
    assert readme_lines(Facts(runs=(a_run(),))).endswith("On a GPU: nothing so far.")


def test_what_ran_on_a_card_with_random_weights_is_no_more_than_that(tmp_path: Path) -> None:
    path = tmp_path / "gpu.json"
    assert card_run(path) == CardRun()
    parts = {"keep": {"strict": {}}, "gpen": {"failed": "x"}, "flair[K=2]": {"strict": {}}}
    steps = {"machine": {"parts": {"machine": {"device": "NVIDIA H200"}}}, "methods": {"parts": parts}}
    path.write_text(json.dumps({"steps": steps}))
    found = card_run(path)
    assert found == CardRun("NVIDIA H200", frozenset({"keep", "flair"}), frozenset())
    assert row_of(Facts(), "keep", found).endswith("| with random weights: NVIDIA H200 |")
    assert row_of(Facts(), "gpen", found).endswith("| no |")
    assert readme_lines(Facts(), found).endswith(
        "On a GPU: nothing so far; with random weights: NVIDIA H200."
    )
    steps["machine"]["parts"]["machine"]["device"] = "CPU x86_64"
    path.write_text(json.dumps({"steps": steps}))
    assert card_run(path) == CardRun()


# --- the file of facts ---------------------------------------------------------------------------------


def test_new_facts_replace_old_ones(tmp_path: Path) -> None:
    facts = Facts().with_runs([a_run()]).with_runs([a_run(figures={"psnr": 25.0})])
    assert [run.figures["psnr"] for run in facts.runs] == [25.0]
    path = tmp_path / "facts" / "shown.json"
    assert load_facts(path) == Facts()
    save_facts(facts, path)
    assert load_facts(path) == facts
    for text in ('{"runs": 3}', "no JSON", '{"runs": [{"origin": {"versions": "x"}}]}', '{"packs": [{}]}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"shown\.json: no file of facts"):
            load_facts(path)


def test_the_file_depends_on_its_facts_alone() -> None:
    facts = load_facts()
    assert FACTS.read_text(encoding="utf-8") == text_of(facts)
    backwards = Facts().with_runs(facts.runs[::-1])
    backwards = backwards.with_deviations("packs", facts.packs[::-1]).with_deviations(
        "metrics", facts.metrics[::-1]
    )
    assert text_of(backwards) == text_of(facts)
    lines = text_of(facts).splitlines()
    assert sum('"av": ' in line for line in lines) == len(
        {str(f.origin.versions) for f in facts.runs + facts.packs + facts.metrics}
    )
    assert len(lines) < 20 + len(facts.runs) + len(facts.packs) + len(facts.metrics), "a fact a line"


def test_all_methods_that_run_here_are_chosen() -> None:
    imported = {e.card.name for e in plugins.methods() if e.card.kind == "outputs"}
    chosen = {spec.partition("[")[0] for spec in specs_of([])}
    assert imported and chosen == {e.card.name for e in plugins.methods()} - imported
