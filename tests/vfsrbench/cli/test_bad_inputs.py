"""Careless and hostile input at every verb: exit code 2, one line that names the thing, no traceback.

Each row of the table is a command line; words in braces are things that `things` puts into a folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, data_set, method_folder, moving, small_board, write_clip
from vfsrbench.cli import main
from vfsrbench.plugins import methods

GARBAGE = bytes(range(256)) * 4
LONG = "x" * 3000
RECIPE = (
    'name = "mine"\nversion = 1\nstatus = "extrapolated"\nsource = "a"\ndescription = "a"\n[[operators]]\n'
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad things; a workspace with results. Made once, copied for every row."""
    root = tmp_path_factory.mktemp("things")
    data = data_set(root / "data", ["one", "two"], frames=3)
    data_set(root / "lq", ["one", "two"], frames=3, side=8)
    board_file(root / "board.toml", small_board(data, ["nearest"], splits=["bi-x4"], metrics=["psnr"]))
    good = (root / "board.toml").read_text()
    bad = {
        "empty.toml": b"",
        "garbage.toml": GARBAGE,
        "utf16.toml": good.encode("utf-16"),
        "latin.toml": good.replace("Small", "Caf\xe9").encode("latin-1"),
        "nul.toml": good.encode() + b"\0",
        "deep.toml": b"a = " + b"[" * 5000 + b"]" * 5000,
        "digits.toml": b"version = " + b"9" * 5000 + b"\n",
        "frames.toml": good.encode() + b"frames = 1000000000\n",
        "scale.toml": good.encode() + b"scale = 100000\n",
        "seed.toml": b"seed = -1\n" + good.encode(),
        "type.toml": good.replace('["psnr"]', "3").encode(),
        "metric.toml": good.replace('["psnr"]', '["nope"]').encode(),
        "split.toml": good.replace("bi-x4", "bi-x5").encode(),
        "stats.toml": (RECIPE + 'op = "codec"\ncrf = 20\nx264_params = "stats=x"\n').encode(),
        "blur.toml": (RECIPE + 'op = "blur"\nsize = 1000001\nsigma = 1\n').encode(),
        "inf.toml": (RECIPE + 'op = "blur"\nsize = 21\nsigma = inf\n').encode(),
        "big.toml": (RECIPE + 'op = "resize"\nmethod = "cubic"\nfactor = 100000\n').encode(),
        "garbage.png": GARBAGE,
        "garbage.mp4": GARBAGE,
        "empty.mp4": b"",
        "garbage.json": GARBAGE,
        "deep.json": b"[" * 100_000,
        "digits.json": b'{"format": ' + b"9" * 5000 + b"}",
        "file": b"text",
        "garbage.parquet": GARBAGE,
    }
    for name, content in bad.items():
        (root / name).write_bytes(content)
    for name in ("nothing", "folder.toml", "folder.mp4"):
        (root / name).mkdir()
    write_clip(root / "zeros" / "one", moving(3))
    (root / "zeros" / "one" / "00000001.png").write_bytes(b"")
    write_clip(root / "hollow" / "one", moving(3))
    (root / "hollow" / "one" / "0.png").mkdir()
    write_clip(root / "marks" / "one", moving(3))
    (root / "marks" / "meta_info").mkdir()
    (root / "marks" / "meta_info" / "one.txt").write_bytes(
        "00000000.png 1 2 3 4 5 6 7 8 9 10\n".encode("utf-16")
    )
    (root / "round" / "a").mkdir(parents=True)
    (root / "round" / "a" / "b").symlink_to(root / "round")
    method_folder(root, "broken", more="window = 0")
    method_folder(root, "many", more="scale = 100000")
    (root / "nocard").mkdir()
    (root / "binary").mkdir()
    (root / "binary" / "card.toml").write_bytes(GARBAGE)
    for name in ("locks", "scratch", "results", "logs"):
        (root / f"w-{name}").mkdir()
        (root / f"w-{name}" / name).write_text("a file")
    run = ["run", str(root / "board.toml"), "-w", str(root / "w"), "--engine", "serial", "--no-report"]
    assert main.run(run) == 0
    for name in ("locks", "scratch"):
        shutil.copytree(root / "w", root / f"ours-{name}")
        shutil.rmtree(root / f"ours-{name}" / name, ignore_errors=True)
        (root / f"ours-{name}" / name).write_text("a file")
    return root


@pytest.fixture
def things(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of them, with a pipe, as the current folder."""
    here = tmp_path / "here"
    shutil.copytree(made, here, symlinks=True)
    (here / "round" / "a" / "b").unlink()
    (here / "round" / "a" / "b").symlink_to(here / "round")
    os.mkfifo(here / "pipe.toml")
    os.mkfifo(here / "pipe.mp4")
    (here / "loop").symlink_to(here / "loop")
    monkeypatch.chdir(here)
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    yield here


RUN = "run ./board.toml -w w --engine serial --no-report "
TABLE = {
    # boards
    "run": "board",
    "run ./none.toml": "no such board file",
    "run nope": "unknown board 'nope'",
    "run board.toml": "write ./board.toml",
    "run ./nothing": "is a folder",
    "run ./empty.toml": "empty.toml",
    "run ./garbage.toml": "garbage.toml",
    "run ./utf16.toml": "UTF-16",
    "run ./latin.toml": "line 2",
    "run ./nul.toml": "NUL",
    "run ./deep.toml": "nested too deeply",
    "run ./digits.toml": "whole number",
    "run ./frames.toml": "1000000",
    "run ./scale.toml": "64",
    "run ./seed.toml": "seed",
    "run ./type.toml": "'metrics'",
    "run ./metric.toml": "nope",
    "run ./split.toml": "bi-x5",
    "run ./pipe.toml": "named pipe",
    "run ./loop": "circle",
    "run ./folder.toml": "is a folder",
    "run /dev/zero": "device",
    "run ./board.toml/x": "board.toml/x",
    "run ''": "an argument is empty",
    "run LONG": "unknown board 'xxx",
    "run ./LONG": "no such board file",
    "run /proc/self/mem": "cannot be read",
    "run b\xf6ard": "unknown board 'b\xf6ard'",
    # options of run
    RUN + "--frames 0": "--frames",
    RUN + "--frames 1000000000": "1000000",
    RUN + "--frames 1e9": "--frames",
    RUN + "--scale 1e9": "--scale",
    RUN + "--scale 100000": "--scale",
    RUN + "--workers 99999": "256",
    RUN + "--workers -1": "--workers",
    RUN + "--seed -1": "--seed",
    RUN + "--seed 99999999999999999999999": "--seed",
    RUN + "--keep gif": "--keep",
    RUN + "--profile quick": "--profile",
    RUN + "--engine cloud": "unknown engine 'cloud'",
    RUN + "--layout nope": "unknown data set layout 'nope'",
    RUN + "--clip nope": "unknown clip 'nope'",
    RUN + "--dataset nowhere": "nowhere",
    RUN + "--dataset nothing": "nothing",
    RUN + "--dataset file": "file",
    RUN + "--dataset garbage.mp4": "garbage.mp4",
    RUN + "--dataset empty.mp4": "empty.mp4",
    RUN + "--dataset pipe.mp4": "named pipe",
    RUN + "--dataset hollow": "0.png",
    RUN + "--dataset round": "is a link to a folder",
    RUN + "--dataset loop": "symbolic links",
    RUN + "--dataset LONG": "File name too long",
    RUN + "--dataset folder.mp4": "holds no clips",
    RUN + "--clip LONG": "unknown clip",
    RUN + "--dataset marks": "one.txt",
    RUN + "--split nope": "unknown split 'nope'",
    RUN + "--split blur.toml": "write ./blur.toml",
    RUN + "--split ./LONG": "no such recipe file",
    RUN + "--split ./stats.toml": "'stats'",
    RUN + "--split ./blur.toml": "from 1 to 99",
    RUN + "--split ./inf.toml": "numbers lie in",
    RUN + "--split ./big.toml": "at most 256",
    RUN + "--split ./pipe.toml": "named pipe",
    RUN + "--split ./garbage.toml": "garbage.toml",
    RUN + "--metric nope": "unknown metric 'nope'",
    RUN + "--method nope": "unknown method 'nope'",
    RUN + "--method nocard": "write ./nocard",
    RUN + "--method ./nocard": "no card.toml",
    RUN + "--method ./binary": "card.toml",
    RUN + "--method ./broken": "window",
    RUN + "--method ./many": "scale",
    RUN + "--method ./file": "card.toml",
    RUN + "--method nearest[x=1]": "no options",
    RUN + "--method nearest[": "malformed",
    RUN + "--method unsharp[sigma=nan]": "not a finite number",
    RUN + "--method unsharp[sigma=x]": "not a float",
    RUN + "--method-path nowhere": "nowhere",
    RUN + "--only-method nope": "unknown method of board",
    RUN + "--outputs x": "NAME=PATH",
    RUN + "--outputs x=nowhere": "nowhere",
    RUN + "--outputs x=nothing": "nothing",
    RUN + "--manifest nowhere": "nowhere",
    RUN + "--manifest garbage.json": "garbage.json",
    RUN + "--manifest deep.json": "nested too deeply",
    RUN + "--manifest digits.json": "whole number",
    RUN + "--manifest pipe.toml": "named pipe",
    RUN + "--manifest /proc/self/mem": "cannot be read",
    RUN + "--manifest LONG": "LONG",
    RUN + "--outputs x=LONG": "File name too long",
    RUN + "--manifest nothing": "manifest",
    RUN + "--dry-run --metric nope": "unknown metric 'nope'",
    RUN + "--dry-run --dataset nowhere": "nowhere",
    "run ./board.toml -w file --engine serial": "file",
    "run ./board.toml -w w-locks --engine serial": "'locks'",
    "run ./board.toml -w w-scratch --engine serial": "'scratch'",
    "run ./board.toml -w w-results --engine serial": "'results'",
    "run ./board.toml -w w-logs --engine serial": "'logs'",
    "run ./board.toml -w ours-locks --engine serial": "ours-locks/locks is not a folder",
    "run ./board.toml -w ours-scratch --engine serial": "ours-scratch/scratch is not a folder",
    "run ./board.toml -w /dev/null --engine serial": "/dev/null",
    "run ./board.toml -w LONG --engine serial": "File name too long",
    "run ./board.toml -w loop --engine serial": "loop",
    # demo
    "demo -w d --engine serial --frames 1000000": "3000",
    "demo -w d --method nope": "unknown method 'nope'",
    # degrade
    "degrade o": "--split",
    "degrade o --split nope": "unknown recipe 'nope'",
    "degrade o --split ./stats.toml --dataset data": "'stats'",
    "degrade o --split bi-x4 --dataset nowhere": "nowhere",
    "degrade '' --split bi-x4": "an argument is empty",
    "degrade o --split bi-x4 --frames 1000000000": "1000000",
    "degrade o --split bi-x4 --seed -5": "--seed",
    "degrade o --split bi-x4 --layout nope": "unknown data set layout",
    "degrade file --split bi-x4 --dataset data --engine serial": "file",
    "degrade o --split bi-x4 --dataset data --layout real --engine serial": "no clean frames",
    # verify
    "verify": "folder",
    "verify nowhere": "nowhere",
    "verify nothing": "nothing",
    "verify data --manifest garbage.json": "garbage.json",
    "verify data --manifest pipe.toml": "named pipe",
    "verify data --manifest loop": "circle",
    "verify data --reference nowhere": "no such folder of reference frames",
    RUN + "--method basicsr[multiple=1000000000]": "out of range",
    RUN + "--method keep[max_length=99999999999999999999]": "out of range",
    # align, restore
    "align nowhere o": "nowhere",
    "align nothing o": "nothing",
    "align garbage.mp4 o": "garbage.mp4",
    "align data o --frames 1000000000": "1000000",
    "restore data o": "--method",
    "restore nowhere o --method nearest": "nowhere",
    "restore nothing o --method nearest": "nothing",
    "restore garbage.mp4 o --method nearest": "garbage.mp4",
    "restore pipe.mp4 o --method nearest": "named pipe",
    "restore loop o --method nearest": "symbolic links",
    "restore LONG o --method nearest": "File name too long",
    "restore data LONG --method nearest": "File name too long",
    "restore data '' --method nearest": "an argument is empty",
    "restore data o --method LONG": "unknown method",
    "restore data o --method ./LONG": "File name too long",
    "restore round o --method nearest": "is a link to a folder",
    "restore data o --method nope": "unknown method 'nope'",
    "restore data o --method oracle": "oracle",
    "restore data o --method keep": "keep",
    "restore data o --method nearest --scale 1e9": "--scale",
    "restore data o --method nearest --scale 100000": "--scale",
    "restore data o --method nearest --as gif": "--as",
    "restore data o --method nearest --seed -1": "--seed",
    "restore data file --method nearest": "file",
    "restore data /dev/null --method nearest": "/dev/null",
    "restore data pipe.toml --method nearest": "pipe.toml",
    "restore data/one/00000000.png o --method nearest": "00000000.png",
    "restore garbage.png o --method nearest": "garbage.png",
    "align data pipe.toml": "pipe.toml",
    "degrade pipe.toml --split bi-x4 --dataset data --engine serial": "pipe.toml",
    "run ./board.toml -w pipe.toml --engine serial": "pipe.toml",
    "report ./board.toml -w w --out pipe.toml": "pipe.toml",
    "report ./board.toml -w w --html pipe.toml": "pipe.toml",
    "new a --into pipe.toml": "pipe.toml",
    RUN + "--outputs x=pipe.mp4": "named pipe",
    RUN + "--outputs x=data/../file": "file",
    RUN + "--outputs nearest=data": "nearest",
    RUN + "--method nearest --method nearest[": "malformed",
    RUN + "--method \udcff": "unknown method",
    RUN + "--dataset \udcff": "no such folder",
    "run \udcff": "unknown board",
    "check \u202egpj": "unknown method",
    # score
    "score": "--outputs",
    "score --outputs a=data": "--dataset",
    "score --outputs a=data --dataset nowhere": "nowhere",
    "score --outputs a=nowhere --dataset data --engine serial": "nowhere",
    "score --outputs a=lq --dataset data --engine serial": "8x8",
    "score --outputs a=data --dataset lq --layout real --metric psnr": "no ground truth",
    "score --outputs a=data --dataset data --metric nope --engine serial": "unknown metric 'nope'",
    "score --outputs a=data --board nope": "unknown board 'nope'",
    # report, compare
    "report nope -w w": "unknown board 'nope'",
    "report ./board.toml -w nowhere": "makes them",
    "report ./board.toml -w file": "file",
    "report ./board.toml -w w --metric nope": "unknown metric 'nope'",
    "report ./board.toml -w w --versus nope": "nope",
    "report ./board.toml -w w --results nowhere": "nowhere",
    "report ./board.toml -w w --results pipe.toml": "named pipe",
    "report ./board.toml -w w --results garbage.parquet": "garbage.parquet",
    "report ./board.toml -w w --results LONG": "File name too long",
    "report ./board.toml -w w --out LONG": "File name too long",
    "report ./board.toml -w LONG": "File name too long",
    "report ./board.toml -w w --split nope": "nope",
    "report ./board.toml -w w --out file": "file",
    "report ./board.toml -w w --outputs x": "NAME=PATH",
    "compare": "results",
    "compare nowhere": "nowhere",
    "compare nothing": "nothing",
    "compare garbage.parquet": "garbage.parquet",
    "compare pipe.toml": "named pipe",
    "compare loop": "loop",
    "compare LONG": "File name too long",
    "compare w/results --metric nope": "'nope'",
    "compare w/results --versus nope": "nope",
    "compare w/results --format gif": "--format",
    # list, weights, new, check
    "list nope": "unknown kind of thing 'nope'",
    "weights": "",
    "weights list nope": "unknown checkpoint 'nope'",
    "weights check nope": "unknown checkpoint 'nope'",
    "weights fetch nope": "unknown checkpoint 'nope'",
    "weights path nope=file": "unknown checkpoint 'nope'",
    "weights path keep-v1=nowhere": "nowhere",
    "weights path keep-v1=pipe.toml": "named pipe",
    "weights path keep-v1=nothing": "is a folder",
    "new a/b": "a/b",
    "new data": "is there already",
    "new a --into file": "file",
    "new a --kind sound": "--kind",
    "new LONG": "xxx",
    "list LONG": "xxx",
    "verify LONG": "LONG",
    "align LONG o": "File name too long",
    "weights path keep-v1=LONG": "File name too long",
    "weights check LONG": "unknown checkpoint",
    "check nope": "unknown method 'nope'",
    "check LONG": "unknown method",
    "check ./nothing": "no card.toml",
    "check ./binary": "card.toml",
    "check nearest --side 1": "--side",
    "check nearest --side 1000000": "--side",
    "check nearest --device tpu": "--device",
    "check nearest --device cuda": "CUDA",
    "check keep": "nothing was checked",
    "nope": "unknown command 'nope'",
    "run --nope": "--nope",
}


def test_the_table_is_long() -> None:
    assert len(TABLE) >= 60


def test_every_number_that_a_shipped_method_takes_has_limits() -> None:
    numbers = {
        f"{entry.card.name}[{name}]": (option.min, option.max)
        for entry in methods()
        for name, option in entry.card.options.items()
        if option.type in ("int", "float") and not option.choices
    }
    assert len(numbers) > 10
    assert [name for name, limits in numbers.items() if None in limits] == []


@pytest.mark.parametrize("line", TABLE)
def test_one_line_and_exit_code_2(line: str, things: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if line.endswith("--device cuda"):
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("this machine has a GPU")
    before = {path: path.lstat().st_mtime_ns for path in things.rglob("*") if "w" not in path.parts}
    code = main.run([word.strip("'").replace("LONG", LONG) for word in line.split()])
    said = capfd.readouterr().err
    assert code == 2, said
    assert "Traceback" not in said and "Error:" not in said, said
    if line == "weights":
        return  # prints its help
    *_, last = said.strip().splitlines()
    assert said.count("vfsrbench: ") == 1 and last.startswith("vfsrbench: "), said
    assert TABLE[line].replace("LONG", LONG) in last, last
    assert len(last.replace(LONG, "")) < 700, last
    gone = [path for path in before if not os.path.lexists(path)]
    assert not gone, "nothing of the user's is removed"
