"""Several dates of one argument: a stack in order of time, or refused; never one laid over another."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import TIME, write_raster
from evidence_sample.methods import scene_dark, trend, window_dark
from rasterio import Affine

from mitoshi import evidence
from mitoshi.core.errors import InputError
from mitoshi.interfaces.cli import cli
from mitoshi.sensors import guard

DAYS = {"290": "2025-10-17T09:00Z", "291": "2025-10-29T09:00Z", "292": "2025-11-10T09:00Z"}
SHAPE = (700, 900)


def said(time):
    return f"quantity=sigma0,units=1,bands=VV+VH{f',time={time}' if time else ''}"


@pytest.fixture(scope="module")
def dates(tmp_path_factory):
    """Return three files of which the third is the brightest, and what they hold."""
    folder, noise = tmp_path_factory.mktemp("dates"), np.random.default_rng(4)
    held = {d: (noise.gamma(4, 0.02, (2, *SHAPE)) * (1 + n)).astype(np.float32) for n, d in enumerate(DAYS)}
    held["291"][:, :10, :10] = np.nan
    return {d: write_raster(folder / f"scene_{d}.tif", v) for d, v in held.items()}, held


def test_three_dates_are_one_array_in_order_of_time(dates, tmp_path):
    files, held = dates
    sources = [f"{files[d]}#{said(DAYS[d])}" for d in ("292", "290", "291")]  # not in order
    bundle = evidence.run(trend, {"images": sources}, {}, tmp_path / "bundle", time=TIME, tile_size=512)
    column = np.stack([held[d][0] for d in DAYS]).astype(float)
    flat = column.reshape(3, -1)
    seen = np.isfinite(flat).all(axis=0)
    expected = np.full(flat.shape[1], np.nan)
    expected[seen] = np.polyfit([0.0, 12.0, 24.0], flat[:, seen], 1)[0]
    with guard.open_raster(tmp_path / "bundle" / "trend.tif") as f:
        values = f.read(1, masked=True).filled(np.nan)
    np.testing.assert_allclose(values, expected.reshape(SHAPE), atol=2e-6)
    assert np.isnan(values).sum() == 100
    record = json.loads((tmp_path / "bundle" / "run.json").read_text())
    assert len(record["inputs"]["images"]) == 3
    assert evidence.verify(bundle.path, inputs=files["290"].parent).status == "identical"


def test_tiles_of_a_stack_give_the_same_bytes(dates, tmp_path):
    files, _ = dates
    sources = {"images": [f"{files[d]}#{said(DAYS[d])}" for d in DAYS]}
    for size in (512, 1024):
        evidence.run(trend, sources, {}, tmp_path / str(size), time=TIME, tile_size=size)
    assert (tmp_path / "512" / "trend.tif").read_bytes() == (tmp_path / "1024" / "trend.tif").read_bytes()


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"290": DAYS["290"], "291": DAYS["291"]}, "at least 3 dates, got 2"),
        ({"290": DAYS["290"], "291": DAYS["290"], "292": DAYS["292"]}, "at least 3 dates, got 2"),
        ({**DAYS, "292": ""}, "scene_292.tif states no time"),
        ({**DAYS, "292": "2025-12-30T09:00Z"}, "gap of 62 days after 2025-10-29"),
    ],
)
def test_dates_that_do_not_do_are_refused(dates, tmp_path, times, words):
    files, _ = dates
    with pytest.raises(InputError, match=words):
        evidence.run(
            trend, {"images": [f"{files[d]}#{said(t)}" for d, t in times.items()]}, {}, tmp_path / "b", time=TIME
        )
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("method", [window_dark, scene_dark])
def test_two_dates_are_no_single_observation(dates, tmp_path, method):
    files, _ = dates
    sources = [f"{files[d]}#{said(DAYS[d])}" for d in ("290", "291")]
    with pytest.raises(InputError, match=r"its files are of 2 different times \(scene_290.tif of 2025-10-17T09:00:00Z"):
        evidence.run(method, {"after": sources}, {}, tmp_path / "bundle", time=TIME)


def test_slices_of_one_pass_are_one_observation_of_all_that_they_cover(tmp_path):
    """The second slice lies half below the first; half a minute passes between them."""
    noise = np.random.default_rng(5)
    whole = (0.1 * noise.gamma(4, 0.25, (2, 900, 600))).astype(np.float32)
    whole[:, 700:850, 100:300] *= 0.02
    north = Affine(10, 0, 500000, 0, -10, 4000000)
    write_raster(tmp_path / "one.tif", whole[:, :600], transform=north)
    write_raster(tmp_path / "two.tif", whole[:, 300:], transform=north @ Affine.translation(0, 300))
    write_raster(tmp_path / "both.tif", whole, transform=north)
    sources = [f"{tmp_path}/{n}.tif#{said(f'2025-12-31T00:00:{s}Z')}" for n, s in (("one", "00"), ("two", "30"))]
    evidence.run(window_dark, {"after": sources}, {}, tmp_path / "slices", time=TIME)
    evidence.run(
        window_dark, {"after": f"{tmp_path}/both.tif#{said('2025-12-31T00:00Z')}"}, {}, tmp_path / "b", time=TIME
    )
    assert (tmp_path / "slices" / "dark.tif").stat().st_size > 0
    with guard.open_raster(tmp_path / "slices" / "dark.tif") as a, guard.open_raster(tmp_path / "b" / "dark.tif") as b:
        assert a.bounds == b.bounds
        np.testing.assert_array_equal(a.read(1), b.read(1))


def test_an_option_given_twice_loses_nothing(dates, tmp_path, capsys):
    """The command line took the last file of several and did not say so."""
    files, _ = dates
    arguments = [a for d in ("290", "291") for a in ("--after", f"{files[d]}#{said(DAYS[d])}")]
    command = [
        "run",
        "disaster.flood-extent",
        *arguments,
        "--out",
        str(tmp_path / "out"),
        "--time",
        "2026-01-01T00:00Z",
    ]
    with pytest.raises(InputError, match="2 different times"):
        cli.main(command, standalone_mode=False)


def test_interfaces_take_the_dates_of_a_stack():
    from mitoshi.core.describe import describe
    from mitoshi.interfaces.api.process_description import description
    from mitoshi.interfaces.mcp.schemas import run_inputs

    assert describe(trend)["data"][0]["dates"] == 3
    schema = run_inputs(trend)["properties"]["images"]
    assert (schema["type"], schema["minItems"]) == ("array", 3)
    assert description(trend, "en", "")["inputs"]["images"]["maxOccurs"] == "unbounded"
