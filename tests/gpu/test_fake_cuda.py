"""Every method through its adapter on a fake GPU: no wait in a loop, no tensor on the wrong device, no cast.

Needs no GPU; fake_cuda.py says what is counted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gpu.cases import HELP, allowed_of, sizes_of, specs
from tests.gpu.examine import examine_method
from vfsrbench.method_spec import choose_method
from vfsrbench.runtime.precision import Profile

STRICT = ("gfpgan[noise=seeded]", "edvr")
"""One over single faces and one over clips, quick ones, in strict, too."""
METHODS = specs(sampling=False)
SLOW = pytest.mark.slow
IN_STRICT_ALONE = "gfpgan[noise=seeded]"
"""Its network is examined in fast without the option, too."""


@pytest.mark.parametrize(
    ("spec", "profile"),
    [pytest.param(spec, "fast", marks=SLOW if spec == IN_STRICT_ALONE else ()) for spec in METHODS]
    + [pytest.param(spec, "strict", marks=() if spec in STRICT else SLOW) for spec in METHODS],
)
def test_methods_keep_a_gpu_busy(spec: str, profile: Profile, tmp_path: Path) -> None:
    """In fast: all that strict does, and the types that it must not round. `make test-slow` has strict."""
    method = choose_method(spec)
    found = examine_method(method, profile, sizes_of(spec), allowed_of(spec), tmp_path)
    assert not found, HELP.format(spec=spec, profile=profile, problems="\n".join(found))
