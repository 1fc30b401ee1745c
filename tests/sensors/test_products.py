"""Sentinel-2, Landsat, PALSAR-2 and OPERA against their published formulas."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from mitoshi import sensors
from mitoshi.core.errors import InputError
from mitoshi.sensors.palsar2 import observation_day
from mitoshi.sensors.sentinel2 import OFFSET_START, reflectance_offset

DN = np.arange(64 * 64, dtype="uint16").reshape(64, 64) + 1
DN[0, 0], DN[0, 1] = 0, 65535


def _item(**properties):
    return {"type": "Feature", "stac_version": "1.0.0", "id": "S2A_54SUE", "properties": properties, "assets": {}}


def _band_set(write_raster, properties, **assets):
    for band in ("B04", "B08"):
        path = write_raster(f"set/{band}.tif", DN, nodata=0)
    item = _item(**properties) | {"assets": assets}
    (path.parent / "item.json").write_text(json.dumps(item))
    return path.parent


@pytest.mark.parametrize(
    ("properties", "offset"),
    [
        ({"datetime": "2021-06-01T00:00:00Z", "s2:processing_baseline": "03.00"}, 0),
        ({"datetime": "2021-06-01T00:00:00Z", "s2:processing_baseline": "05.00"}, -1000),  # reprocessed
        ({"datetime": "2023-06-01T00:00:00Z", "s2:processing_baseline": "05.09"}, -1000),
        (
            {
                "datetime": "2023-06-01T00:00:00Z",
                "s2:processing_baseline": "05.09",
                "earthsearch:boa_offset_applied": True,
            },
            0,
        ),
        ({"datetime": "2023-06-01T00:00:00Z"}, -1000),
        ({"datetime": "2022-01-24T23:59:59Z"}, 0),
    ],
)
def test_reflectance_offset_comes_from_the_metadata(write_raster, properties, offset):
    observation = sensors.open_observation(_band_set(write_raster, properties))
    values = observation.layers["surface_reflectance"].sel(band="B08").values
    assert np.isnan(values[0, 0])
    assert np.isnan(values[0, 1])
    np.testing.assert_allclose(values[1:], (DN[1:].astype(float) + offset) / 10_000, atol=1e-6)
    said = any("processing baseline is not stated" in text.en for text in observation.assumptions)
    assert said == ("s2:processing_baseline" not in properties)
    assert observation.item.id == "S2A_54SUE"


def test_stated_band_offset_wins_over_the_baseline(write_raster):
    asset = {"href": "https://example.com/B08.tif", "raster:bands": [{"scale": 0.0001, "offset": -0.05}]}
    folder = _band_set(write_raster, {"datetime": "2023-06-01T00:00:00Z", "s2:processing_baseline": "05.09"}, nir=asset)
    values = sensors.open_observation(folder).layers["surface_reflectance"].sel(band="B08").values
    np.testing.assert_allclose(values[1:], (DN[1:].astype(float) - 500) / 10_000, atol=1e-6)


def test_coarser_bands_are_repeated_on_the_finest_grid(write_raster):
    folder = write_raster("set/B04.tif", DN).parent
    coarse = np.arange(32 * 32, dtype="uint16").reshape(32, 32) + 1
    write_raster("set/B11.tif", coarse, pixel=20.0)
    write_raster("set/SCL.tif", np.full((32, 32), 4, "uint8"), pixel=20.0)
    layers = sensors.open_observation(f"{folder}#time=2020-01-01").layers
    b11 = layers["surface_reflectance"].sel(band="B11")
    np.testing.assert_allclose(b11.values, np.kron(coarse, np.ones((2, 2))) / 10_000, atol=1e-7)
    np.testing.assert_allclose(b11.isel(y=slice(3, 8), x=slice(5, 6)).values, b11.values[3:8, 5:6])
    assert layers["quality"].dtype == np.uint8
    assert layers["quality"].shape == (32, 32)


def test_float_band_sets_are_reflectance_already(write_raster):
    tags = {"MITOSHI_SIMULATED": "true", "MITOSHI_DATETIME": "2024-05-01T01:30:00Z", "MITOSHI_PLATFORM": "sentinel-2a"}
    values = np.linspace(0, 1, 64 * 64, dtype="float32").reshape(64, 64)
    for band in ("B03", "B08"):
        folder = write_raster(f"s2/{band}.tif", values, tags=tags).parent
    observation = sensors.open_observation(folder)
    np.testing.assert_array_equal(observation.layers["surface_reflectance"].values[0], values)
    assert observation.item.properties["mitoshi:simulated"] is True
    assert observation.item.datetime == dt.datetime(2024, 5, 1, 1, 30, tzinfo=dt.UTC)


def test_offset_starts_on_the_day_of_baseline_four():
    assert reflectance_offset(None, OFFSET_START - dt.timedelta(seconds=1)) == 0
    assert reflectance_offset(None, OFFSET_START) == -1000
    assert reflectance_offset("04.00", None) == -1000
    assert reflectance_offset("03.01", OFFSET_START) == 0


SCENE = "LC08_L2SP_107035_20200501_20200820_02_T1"


@pytest.mark.parametrize("suffix", ["json", "txt", None])
def test_landsat_scale_factors(write_raster, suffix):
    folder = write_raster(f"scene/{SCENE}_SR_B4.TIF", DN).parent
    write_raster(f"scene/{SCENE}_ST_B10.TIF", DN)
    write_raster(f"scene/{SCENE}_QA_PIXEL.TIF", DN)
    stated = {
        "DATE_ACQUIRED": "2020-05-01", "SCENE_CENTER_TIME": "01:20:30.1234567Z", "SPACECRAFT_ID": "LANDSAT_8",
        "REFLECTANCE_MULT_BAND_4": "2.75e-05", "REFLECTANCE_ADD_BAND_4": "-0.2",
        "TEMPERATURE_MULT_BAND_ST_B10": "0.00341802", "TEMPERATURE_ADD_BAND_ST_B10": "149.0",
    }  # fmt: skip
    if suffix == "json":
        (folder / f"{SCENE}_MTL.json").write_text(json.dumps({"LANDSAT_METADATA_FILE": {"A": stated}}))
    elif suffix == "txt":
        lines = "\n".join(f'    {key} = "{value}"' for key, value in stated.items())
        (folder / f"{SCENE}_MTL.txt").write_text(f"GROUP = A\n{lines}\nEND_GROUP = A\nEND\n")
    observation = sensors.open_observation(folder)
    layers = observation.layers
    assert np.isnan(layers["surface_reflectance"].values[0, 0, 0])
    np.testing.assert_allclose(layers["surface_reflectance"].values[0, 1:], DN[1:] * 2.75e-5 - 0.2, atol=1e-6)
    np.testing.assert_allclose(layers["surface_temperature"].values[1:], DN[1:] * 0.00341802 + 149.0, atol=1e-4)
    np.testing.assert_array_equal(layers["quality"].values, DN)
    assert bool(observation.assumptions) == (suffix is None)
    if suffix is not None:
        assert observation.item.datetime == dt.datetime(2020, 5, 1, 1, 20, 30, 123456, tzinfo=dt.UTC)


def test_mosaic_gamma0_mask_and_day(write_raster):
    dn = np.full((64, 64), 5000, "uint16")
    dn[0, 0] = 1
    mask = np.full((64, 64), 255, "uint8")
    mask[1, :4] = (0, 50, 100, 150)
    folder = write_raster("tile/N36E139_20_sl_HH_F02DAR.tif", dn).parent
    write_raster("tile/N36E139_20_mask_F02DAR.tif", mask)
    write_raster("tile/N36E139_20_date_F02DAR.tif", np.where(mask > 0, 2300, 0).astype("uint16"))
    write_raster("tile/N36E139_20_linci_F02DAR.tif", np.full((64, 64), 38, "uint8"))
    observation = sensors.open_observation(folder)
    gamma0 = observation.layers["gamma0"].values[0]
    assert 10 * np.log10(gamma0[5, 5]) == pytest.approx(20 * np.log10(5000) - 83, abs=1e-4)
    assert np.isnan(gamma0[0, 0])
    np.testing.assert_array_equal(np.isnan(gamma0[1, :5]), [True, False, True, True, False])
    # 2300 days after 24 May 2014.
    assert observation_day(2300) == dt.datetime(2014, 5, 24, tzinfo=dt.UTC) + dt.timedelta(days=2300)
    assert observation.item.properties["start_datetime"] == "2020-09-09T00:00:00Z"
    assert observation.layers["acquisition_day"].values[5, 5] == 2300
    assert observation.item.properties["sar:frequency_band"] == "L"


def test_opera_pairs_by_time(write_raster):
    power = np.random.default_rng(1).gamma(4, 0.02, (64, 64)).astype("float32")
    for time in ("20211119T015903Z", "20211125T015821Z"):
        for pol in ("VH", "VV"):
            path = write_raster(f"series_T137-292321-IW2/{time}_{pol}.tif", power if pol == "VV" else power / 4)
    items = sensors.items(path.parent)
    assert [item.datetime.day for item in items] == [19, 25]
    assert items[0].properties["sat:relative_orbit"] == 137
    observation = sensors.open_item(items[1])
    assert list(observation.layers["gamma0"].polarisation.values) == ["VV", "VH"]
    np.testing.assert_array_equal(observation.layers["gamma0"].values, [power, power / 4])
    assert observation.item.to_dict() == items[1].to_dict()
    # One file brings its pair; a description asks for one polarisation.
    assert sensors.open_observation(path).layers["gamma0"].shape[0] == 2
    assert sensors.open_observation(f"{path}#bands=VV").layers["gamma0"].shape[0] == 1
    with pytest.raises(InputError, match="has no HH"):
        sensors.open_observation(f"{path}#bands=HH")


def test_every_reader_is_found_and_the_plain_ones_come_last():
    names = list(sensors.readers())
    assert {
        "sentinel1",
        "sentinel2",
        "landsat",
        "palsar2",
        "opera",
        "hls",
        "datacube",
        "raster",
        "stac-item",
        "features",
    } == set(names)
    assert names[-1] == "raster"
