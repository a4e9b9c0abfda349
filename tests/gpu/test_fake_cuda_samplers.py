"""The methods that sample by diffusion on a fake GPU, see test_fake_cuda.py; files run side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gpu.cases import HELP, allowed_of, sizes_of, specs
from tests.gpu.examine import examine_method
from vfsrbench.method_spec import choose_method
from vfsrbench.runtime.precision import Profile


@pytest.mark.slow  # a minute of a core
@pytest.mark.parametrize(
    ("spec", "profile"),
    [(spec, "fast") for spec in specs(sampling=True)] + [("flair[degradation=x8,K=2]", "strict")],
)
def test_samplers_keep_a_gpu_busy(spec: str, profile: Profile, tmp_path: Path) -> None:
    method = choose_method(spec)
    found = examine_method(method, profile, sizes_of(spec), allowed_of(spec), tmp_path)
    assert not found, HELP.format(spec=spec, profile=profile, problems="\n".join(found))
