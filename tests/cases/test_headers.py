"""What a raster's header says is read: masks, units, "no data", colours, codes. Right values come with the cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from mitoshi.core.errors import InputError
from mitoshi.core.quantity import BACKSCATTER, ELEVATION, FLOOD_EXTENT, WATER_DEPTH, as_declared
from mitoshi.sensors import open_observation

CASES = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases"
PLACED = {"crs": "EPSG:32654", "transform": from_origin(390_000, 3_940_000, 10, 10)}
pytestmark = pytest.mark.filterwarnings("ignore")


def case(name):
    path = CASES / name
    if not path.exists():
        pytest.skip(f"the shared case {name} is absent")
    return str(path)


def write(path, values, *, mask=None, unit=None, colours=None, **profile):
    bands = values if values.ndim == 3 else values[None]
    shape = dict(zip(("count", "height", "width"), bands.shape, strict=True))
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", driver="GTiff", dtype=bands.dtype, **shape, **PLACED, **profile) as file,
    ):
        if colours:
            file.colorinterp = colours
        file.write(bands)
        if mask is not None:
            file.write_mask(mask)
        if unit:
            file.units = (unit,) * len(bands)
    return str(path)


def layer(path, quantity):
    (found,) = open_observation(path, expecting=quantity).layers.values()
    return found


@pytest.mark.real
def test_internal_mask_hides_what_it_hides():
    after = layer(case("05-internal-mask-ignored/mask_after.tif"), BACKSCATTER)
    assert np.isnan(after.values).mean() == 84 / 384  # columns behind the mask
    assert np.isnan(after.isel(y=slice(0, 8), x=slice(380, 384)).values).any() or np.isnan(after.values[0, 0]).any()


@pytest.mark.real
@pytest.mark.parametrize(("name", "deepest"), [("cm.tif", 2.0), ("ft.tif", 2.0)])
def test_band_unit_is_read(name, deepest):
    depth = as_declared(layer(case(f"06-band-unit-ignored/{name}"), WATER_DEPTH).load(), WATER_DEPTH, "depth")
    assert float(depth.max()) == pytest.approx(deepest, abs=1e-5)


@pytest.mark.real
def test_survey_feet_become_metres():
    ground = as_declared(layer(case("06-band-unit-ignored/dem_ft.tif"), ELEVATION).load(), ELEVATION, "elevation")
    assert float(ground.max()) == pytest.approx(81.69291 * 1200 / 3937, abs=1e-4)


@pytest.mark.real
@pytest.mark.parametrize("name", ["ga.tif", "ga8.tif"])
def test_alpha_is_no_polarisation(name):
    found = layer(case(f"08-alpha-band-taken-as-VH/{name}"), BACKSCATTER)
    assert list(found.polarisation.values) == ["VV"]
    assert int(np.isnan(found.values).sum()) == 200


@pytest.mark.real
@pytest.mark.parametrize(("name", "mark"), [("dem_undecl.tif", -9999), ("dem_i16_und.tif", -32768)])
def test_undeclared_nodata_is_refused_with_advice_that_works(name, mark):
    path = case(f"16-undeclared-nodata-elevation/{name}")
    with pytest.raises(InputError, match=f"#nodata={mark}"):
        open_observation(path, expecting=ELEVATION)
    ground = layer(f"{path}#nodata={mark},quantity=elevation", ELEVATION).values
    assert int(np.isnan(ground).sum()) == 200
    assert np.nanmin(ground) >= 5


@pytest.mark.real
def test_linear_power_with_negatives_is_not_decibels():
    for name in ("neg_before.tif", "neg_after.tif"):
        found = layer(case(f"18-linear-power-with-negatives-taken-as-dB/{name}"), BACKSCATTER)
        assert found.attrs["units"] == "1"


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "code"), [("flood_bool.tif", "100"), ("flood_255.tif", "255"), ("flood_dswx.tif", "253")]
)
def test_unknown_flood_codes_are_refused_by_name(name, code):
    with pytest.raises(InputError, match=code):
        open_observation(case(f"19-flood-codes-unknown-become-unseen/{name}"), expecting=FLOOD_EXTENT)


@pytest.mark.real
def test_flood_coded_255_reads_right_as_advised():
    path = case("19-flood-codes-unknown-become-unseen/flood_255.tif")
    assert int((layer(f"{path}#scale=0.00392156862745098", FLOOD_EXTENT).values == 1).sum()) == 14_000


def test_flood_map_without_flood_says_so(tmp_path):
    observation = open_observation(write(tmp_path / "f.tif", np.zeros((40, 40), np.uint8)), expecting=FLOOD_EXTENT)
    assert any("no pixel" in text.en for text in observation.assumptions)
    with pytest.raises(InputError, match=r"0\.9"):
        open_observation(write(tmp_path / "p.tif", np.full((9, 9), 0.9, np.float32)), expecting=FLOOD_EXTENT)


def test_sixteen_bit_alpha_hides_windows_too(tmp_path):
    values = np.full((2, 30, 30), 500, np.uint16)
    values[1, :, :10] = 0
    values[1, :, 10:] = 1  # hardly opaque is observed
    path = write(tmp_path / "a.tif", values, colours=[ColorInterp.gray, ColorInterp.alpha])
    depth = layer(f"{path}#quantity=water_depth,scale=0.01", WATER_DEPTH)
    assert np.isnan(depth.isel(x=slice(0, 10))).all()
    assert float(depth.isel(x=10, y=0)) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("declared", "stored"),
    [
        (-3.402823e38, -3.4028234663852886e38),
        (-9999.0, -9999.00001),
        (1e20, np.float32(1e20)),
        (-3.4028231e38, -3.4028234e38),
    ],
)
def test_almost_equal_nodata_is_nodata(tmp_path, declared, stored):
    values = np.full((20, 20), 7.0, np.float32)
    values[0, 0] = stored
    ground = layer(write(tmp_path / "d.tif", values, nodata=declared), ELEVATION).values
    assert np.isnan(ground[0, 0])
    assert np.isfinite(ground).sum() == 399


@pytest.mark.parametrize("mark", [-9999.0, -999.0, -32768.0, -32767.0, 1e20, 3.4e38, -99999.0])
def test_undeclared_nodata_deep_inside_is_refused_when_read(tmp_path, mark):
    values = np.full((40, 3000), 7.0, np.float32)
    values[5, 700] = mark  # between the windows that are looked at when the file is opened
    ground = layer(write(tmp_path / "d.tif", values), ELEVATION)
    with pytest.raises(InputError, match="#nodata="):
        ground.load()


@pytest.mark.parametrize("mark", [-1000.0, -600.0, -5000.0, -11_000.0])
def test_a_number_below_all_land_and_alone_is_nodata(tmp_path, mark):
    values = np.random.default_rng(1).uniform(-3, 900, (40, 40)).astype(np.float32)
    values[3:5, 7] = mark
    path = write(tmp_path / "d.tif", values)
    with pytest.raises(InputError, match=f"#nodata={mark:g}"):
        open_observation(path, expecting=ELEVATION)
    assert np.isnan(layer(f"{path}#nodata={mark:g}", ELEVATION).values).sum() == 2
    assert np.isfinite(layer(f"{path}#units=cm", ELEVATION).values).all()


def test_a_flood_of_over_a_hundred_metres_is_no_depth(tmp_path):
    path = write(tmp_path / "d.tif", np.full((9, 9), 101.0, np.float32))
    with pytest.raises(InputError, match="water_depth"):
        open_observation(path, expecting=WATER_DEPTH)
    assert float(layer(f"{path}#units=cm", WATER_DEPTH).max()) == 101


def test_advice_names_the_number_as_the_file_stores_it_where_it_has_a_scale(tmp_path):
    """2190 was advised for 21900 m: it is the number before the file's scale, and the message did not say so."""
    values = np.full((30, 30), 12, np.int16)
    values[3, 3:5] = 2190
    path = write(tmp_path / "d.tif", values)
    with rasterio.open(path, "r+") as file:
        file.scales = (10.0,)
    with pytest.raises(
        InputError, match=r"21900 m .*stores it as 2190, before its scale.*#nodata=2190', the number as stored"
    ):
        layer(f"{path}#quantity=elevation", ELEVATION).load()
    assert np.isnan(layer(f"{path}#quantity=elevation,nodata=2190", ELEVATION).values).sum() == 2


def test_the_sentence_on_a_missing_time_says_what_to_do(tmp_path):
    path = write(tmp_path / "d.tif", np.full((30, 30), 12, np.int16))
    (said,) = [t for t in open_observation(path, expecting=ELEVATION).assumptions if "time" in t.en]
    assert "states no time of observation" in said.en
    assert "FILE#time=" in said.en
    assert "ファイル名#time=" in said.ja


def test_deep_sea_is_no_nodata(tmp_path):
    sea = np.linspace(-10_500, 40, 3600, dtype=np.float32).reshape(60, 60).round()
    assert np.isfinite(layer(write(tmp_path / "sea.tif", sea), ELEVATION).values).all()


@pytest.mark.parametrize("unit", ["m+NAVD88", "fathom-ish"])
def test_unknown_unit_is_refused_and_the_user_may_say_it(tmp_path, unit):
    path = write(tmp_path / "u.tif", np.full((9, 9), 3.0, np.float32), unit=unit)
    with pytest.raises(InputError, match="not understood"):
        open_observation(path, expecting=ELEVATION)
    assert any(unit in text.en for text in open_observation(f"{path}#units=m", expecting=ELEVATION).assumptions)


def test_every_band_has_its_own_scale(tmp_path):
    path = tmp_path / "s.tif"
    write(path, np.full((2, 20, 20), 50, np.uint16))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.01, 0.001), (0.0, 0.1)
    found = layer(f"{path}#quantity=sigma0,units=1,bands=VV+VH", BACKSCATTER).values
    np.testing.assert_allclose(found[:, 0, 0], [0.5, 0.15], rtol=1e-6)


def test_pictures_and_class_maps_are_no_radar(tmp_path):
    random = np.random.default_rng(1)
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
    rgb = write(
        tmp_path / "rgb.tif", random.integers(0, 255, (3, 50, 50), np.uint8), colours=colours, photometric="RGB"
    )
    classes = write(tmp_path / "classes.tif", random.integers(0, 3, (50, 50), np.uint8))
    for path, words in ((rgb, "colour"), (classes, "classes")):
        with pytest.raises(InputError, match=words):
            open_observation(path, expecting=BACKSCATTER)
    grey = write(tmp_path / "grey.tif", random.integers(0, 255, (50, 50), np.uint8))
    assert "relative_backscatter" in open_observation(grey, expecting=BACKSCATTER).layers


def test_bands_against_the_files_own_names_are_refused(tmp_path):
    path = tmp_path / "p.tif"
    write(path, np.full((2, 20, 20), -12.0, np.float32))
    with rasterio.open(path, "r+") as file:
        file.descriptions = ("VV", "VH")
    with pytest.raises(InputError, match="band 1 is VV"):
        open_observation(f"{path}#units=dB,bands=HH", expecting=BACKSCATTER)


def test_missing_crs_is_named_and_can_be_stated(tmp_path):
    path = str(tmp_path / "n.tif")
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=9, width=9, transform=PLACED["transform"]
    ) as f:
        f.write(np.ones((1, 9, 9), np.float32))
    assert any("has no CRS" in text.en for text in open_observation(path, expecting=ELEVATION).assumptions)
    stated = layer(f"{path}#crs=EPSG:32654", ELEVATION)
    assert stated.odc.geobox.crs.to_epsg() == 32654
    with pytest.raises(InputError, match="its CRS is EPSG:32654"):
        open_observation(f"{write(tmp_path / 'c.tif', np.ones((9, 9), np.float32))}#crs=EPSG:4326", expecting=ELEVATION)


@pytest.mark.real
@pytest.mark.parametrize(("name", "blue"), [("c1hdr", 0.1), ("v0", 0.2), ("s11", 0.1), ("pv", 0.1)])
def test_sentinel2_offset_is_read_wherever_it_is_stated(name, blue):
    bands = open_observation(case(f"13-sentinel2-offset-statements-ignored/{name}")).layers["surface_reflectance"]
    np.testing.assert_allclose(bands.mean(("y", "x")), [blue, blue + 0.1], atol=1e-6)


@pytest.mark.real
def test_netcdf_georeference_by_cf_and_in_32_bits():
    folder = "24-netcdf-georeference-denied"
    west, _, east, _ = open_observation(case(f"{folder}/f32.nc") + "#quantity=water_depth").item.bbox
    assert (west, east) == pytest.approx((139.6999, 140.0999), abs=5e-5)
    properties = open_observation(case(f"{folder}/cf2.nc") + "#quantity=water_depth").item.properties
    assert properties["proj:code"] == "EPSG:32654"
    assert properties["proj:transform"][0] == pytest.approx(25)


def test_times_in_names_respect_their_zone():
    from mitoshi.sensors.guess import time_in

    assert time_in("20240101T093000+0900.tif")[0].isoformat() == "2024-01-01T00:30:00+00:00"
    assert time_in("20240101_093000_JST.tif")[0].isoformat() == "2024-01-01T00:30:00+00:00"
    assert time_in("20240101T093000_EST.tif") is None


def test_a_folder_of_two_dates_is_no_scene(tmp_path):
    for day, band in (("20190915", "B02"), ("20190920", "B03")):
        write(tmp_path / f"T54SUE_{day}T013000_{band}.tif", np.full((9, 9), 2000, np.uint16))
    with pytest.raises(InputError, match="2 times"):
        open_observation(tmp_path)


@pytest.mark.real
def test_another_calendar_is_named():
    with pytest.raises(InputError, match="calendar"):
        open_observation(case("24-netcdf-georeference-denied/noleap.nc"))
