"""Bundles made under other versions of numpy, numba, rasterio, scipy and shapely verify here, and ours verify there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from evidence_sample import valley

import mitoshi

pytestmark = pytest.mark.slow

OTHERS = {"numpy": "2.2.6", "numba": "0.61.2", "rasterio": "1.4.3", "scipy": "1.15.3", "shapely": "2.1.1"}
NEEDED = {"llvmlite": "0.44.0"}  # of that numba; everything else is ours


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Return the environment variables of a process that has the other versions, installed as `make setup` installs ours."""
    folder = tmp_path_factory.mktemp("elsewhere")
    wanted = [f"{name}=={version}" for name, version in {**OTHERS, **NEEDED}.items()]
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-compile",
        "--only-binary",
        ":all:",
        "--target",
        str(folder),
    ]
    done = subprocess.run([sys.executable, "-m", "pip", "install", *options, *wanted], capture_output=True, text=True)
    if done.returncode:
        words = f"the package index did not give {', '.join(wanted)}: {done.stderr.strip().splitlines()[-1][:200]}"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    paths = [str(folder), str(Path(mitoshi.__file__).parents[1])]
    yield {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "NUMBA_CACHE_DIR": str(folder / "compiled")}
    shutil.rmtree(folder, ignore_errors=True)


def test_honest_bundles_verify_across_versions_of_the_libraries(elsewhere, tmp_path):
    inputs, here, there = (tmp_path / name for name in ("inputs", "here", "there"))
    inputs.mkdir()
    valley.write_inputs(inputs)
    made = valley.run(inputs, here)
    assert made.keys() == valley.RUNS.keys() >= {"flood-depth", "impact", "building-damage"}
    command = [sys.executable, "-W", "ignore", valley.__file__, str(inputs), str(there), str(here)]
    done = subprocess.run(command, env=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["versions"] == OTHERS
    assert np.__version__ != OTHERS["numpy"]
    for where, verified in (("there", told["verified"]), ("here", valley.verify(there))):
        assert verified.keys() == valley.RUNS.keys()
        assert not {name: found for name, found in verified.items() if not found["accepted"]}, where
    packages = [json.loads((out / "impact/environment.json").read_text())["packages"] for out in (here, there)]
    assert all(
        packages[0][name] != packages[1][name] == version for name, version in OTHERS.items() if name in packages[0]
    )
