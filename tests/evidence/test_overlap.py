"""Several files of one argument: what overlaps and disagrees is named or refused, never settled silently."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from conftest import TIME, write_raster
from evidence_sample.methods import window_dark
from rasterio import Affine

from mitoshi import evidence
from mitoshi.core.errors import InputError

NORTH = Affine(10, 0, 500000, 0, -10, 4000000)
SAID = "quantity=sigma0,units=1,bands=VV+VH"


def speckle(seed):
    return (0.1 * np.random.default_rng(seed).gamma(4, 0.25, (2, 300, 300))).astype(np.float32)


def dark(tmp_path, first, second, said=(SAID, SAID), shift=0):
    """Run on two files of which the second lies `shift` rows further south; return the assumptions."""
    write_raster(tmp_path / "one.tif", first, transform=NORTH)
    write_raster(tmp_path / "two.tif", second, transform=NORTH @ Affine.translation(0, shift))
    sources = [f"{tmp_path}/{n}.tif#{s}" for n, s in zip(("one", "two"), said, strict=True)]
    out = Path(tempfile.mkdtemp(dir=tmp_path)) / "out"
    evidence.run(window_dark, {"after": sources}, {}, out, time=TIME)
    return list(texts(json.loads((out / "run.json").read_text())))


def texts(node):
    """Yield every text in a record."""
    if isinstance(node, str):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from texts(child)


def differing(found):
    return [t for t in found if "differ in" in t]


def test_equal_files_and_slices_pass_without_a_word(tmp_path):
    one = speckle(1)
    assert differing(dark(tmp_path, one, one)) == []
    whole = np.concatenate([one, speckle(2)], axis=1)
    assert differing(dark(tmp_path, whole[:, :300], whole[:, 200:500] * np.float32(1.0001), shift=200)) == []


def test_two_observations_of_unknown_time_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"after: one.tif and two.tif contradict each other in \d+ % of the cells"):
        dark(tmp_path, speckle(1), speckle(1) + np.float32(0.5))


def test_a_part_that_differs_is_named(tmp_path):
    one = speckle(1)
    two = one.copy()
    two[:, :, 200:] += 0.5
    (sentence,) = set(differing(dark(tmp_path, one, two)))
    assert "by 0.5" in sentence
    share = int(sentence.split("differ in ")[1].split(" %")[0])
    assert 15 <= share <= 45  # a third, on the sample


def test_files_that_nowhere_overlap_are_not_compared(tmp_path):
    assert differing(dark(tmp_path, speckle(1), speckle(1) + np.float32(0.5), shift=300)) == []


def test_a_file_without_time_beside_one_with_is_refused(tmp_path):
    said = (f"{SAID},time=2025-10-17T09:00Z", SAID)
    with pytest.raises(InputError, match=r"two.tif states no time; say it with '#time=…'"):
        dark(tmp_path, speckle(1), speckle(1), said)
