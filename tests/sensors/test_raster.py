"""Plain rasters: what is said is believed, what is not said is supposed aloud."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from pyproj import CRS, Proj

from mitoshi import sensors
from mitoshi.core.errors import InputError, ParameterError, QuantityError, UnknownFileError
from mitoshi.core.quantity import (
    BACKSCATTER,
    BUILT_UP,
    ELEVATION,
    GAMMA0,
    POPULATION,
    WATER_DEPTH,
    WATER_OCCURRENCE,
    as_declared,
)
from mitoshi.sensors.observation import Description

RNG = np.random.default_rng(3)
DECIBELS = RNG.normal(-12, 3, (2, 130, 150)).astype("float32")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_undescribed_decibels_are_sigma0_and_the_reader_says_so(write_raster):
    observation = sensors.open_observation(write_raster("scene.tif", DECIBELS))
    layer = observation.layers["sigma0"]
    assert layer.dims == ("polarisation", "y", "x")
    assert list(layer.polarisation.values) == ["VV", "VH"]
    assert layer.attrs["units"] == "dB"
    assert any("can only be decibels" in text.en and "dB" in text.ja for text in observation.assumptions)
    linear = as_declared(layer.load(), BACKSCATTER, "after")
    np.testing.assert_allclose(linear.values, 10 ** (DECIBELS / 10), rtol=1e-5)


def test_described_file_needs_no_assumption_about_its_content(write_raster):
    path = write_raster("scene.tif", DECIBELS)
    observation = sensors.open_observation(f"{path}#quantity=gamma0,units=dB,bands=VH+VV,time=2019-09-17T06:00Z")
    assert observation.assumptions == ()
    assert observation.item.datetime == dt.datetime(2019, 9, 17, 6, tzinfo=dt.UTC)
    # Co-polarisation comes first although the file has it second.
    assert list(observation.layers["gamma0"].polarisation.values) == ["VV", "VH"]
    np.testing.assert_array_equal(observation.layers["gamma0"].sel(polarisation="VV").values, DECIBELS[1])


def test_units_alone_say_decibels(write_raster):
    observation = sensors.open_observation(f"{write_raster('a.tif', DECIBELS)}#units=dB,bands=VV+VH")
    assert observation.layers["sigma0"].attrs["units"] == "dB"


def test_band_can_be_skipped_and_too_many_names_are_refused(write_raster):
    path = write_raster("scene.tif", DECIBELS)
    only = sensors.open_observation(f"{path}#units=dB,bands=-+VH").layers["sigma0"]
    assert list(only.polarisation.values) == ["VH"]
    np.testing.assert_array_equal(only.values[0], DECIBELS[1])
    with pytest.raises(InputError, match="has 2 bands but"):
        sensors.open_observation(f"{path}#units=dB,bands=VV+VH+HH")


def test_eight_bit_image_is_relative_backscatter_in_pixel_coordinates(tmp_path):
    from PIL import Image

    values = RNG.integers(0, 256, (40, 50), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "after.png")
    observation = sensors.open_observation(tmp_path / "after.png")
    layer = observation.layers["relative_backscatter"]
    np.testing.assert_array_equal(layer.values[0], values.astype("float32"))  # 0 stays 0: it means no data
    assert layer.odc.geobox.crs is None
    np.testing.assert_array_equal(layer.y.values, np.arange(40) + 0.5)
    assert layer.attrs["pixel_size_m"] is None
    assert observation.item.geometry is None
    assert observation.item.properties["start_datetime"] == "0001-01-01T00:00:00Z"
    said = " ".join(text.en for text in observation.assumptions)
    assert "uncalibrated" in said
    assert "no georeference" in said
    assert "no time" in said


def test_elevation_is_taken_because_it_is_asked_for(write_raster):
    height = RNG.normal(200, 50, (60, 70)).astype("float32")
    path = write_raster("dem.tif", height)
    asked = sensors.open_observation(path, expecting=ELEVATION)
    assert asked.layers["elevation"].dims == ("y", "x")
    assert asked.layers["elevation"].attrs["units"] == "m"
    assert any("asked for" in text.en for text in asked.assumptions)
    assert "value" in sensors.open_observation(path).layers
    with pytest.raises(QuantityError, match="must be"):
        as_declared(sensors.open_observation(path).layers["value"], GAMMA0, "after")


@pytest.mark.parametrize("quantity", [WATER_OCCURRENCE, BUILT_UP])
def test_shares_in_percent_are_recognised(write_raster, quantity):
    share = RNG.uniform(0, 100, (20, 20)).astype("float32")
    layer = sensors.open_observation(write_raster("w.tif", share), expecting=quantity).layers[quantity.name]
    np.testing.assert_allclose(as_declared(layer.load(), quantity, "w").values, share / 100, rtol=1e-6)


def test_linear_backscatter_is_supposed_only_where_backscatter_is_asked_for(write_raster):
    power = RNG.gamma(4, 0.02, (2, 30, 30)).astype("float32")
    path = write_raster("p.tif", power)
    assert "sigma0" in sensors.open_observation(path, expecting=BACKSCATTER).layers
    assert "value" in sensors.open_observation(path).layers


def test_own_tags_are_believed(write_raster):
    tags = {
        "MITOSHI_QUANTITY": "gamma0",
        "MITOSHI_UNITS": "1",
        "MITOSHI_BANDS": "VV+VH",
        "MITOSHI_DATETIME": "2024-05-01T09:00:00Z",
        "MITOSHI_SIMULATED": "true",
        "MITOSHI_PLATFORM": "Sentinel-1A",
        "MITOSHI_ORBIT_STATE": "descending",
        "MITOSHI_RELATIVE_ORBIT": "46",
    }
    item = sensors.items(write_raster("sim.tif", np.full((2, 64, 64), 0.1, "float32"), tags=tags))[0]
    assert item.properties["mitoshi:simulated"] is True
    assert item.properties["mitoshi:quantities"] == ["gamma0"]
    assert item.properties["mitoshi:assumptions"] == []
    assert item.properties["platform"] == "sentinel-1a"
    assert (item.properties["sat:orbit_state"], item.properties["sat:relative_orbit"]) == ("descending", 46)
    assert item.datetime == dt.datetime(2024, 5, 1, 9, tzinfo=dt.UTC)


def test_nodata_scale_and_offset(write_raster):
    stored = np.array([[0, 1], [2, 3]], dtype="uint16").repeat(32, 0).repeat(32, 1)
    path = write_raster("t.tif", stored, nodata=0)
    layer = sensors.open_observation(f"{path}#quantity=surface_temperature,scale=0.5,offset=100,nodata=3").layers
    np.testing.assert_array_equal(
        layer["surface_temperature"].values[::32, ::32], np.array([[np.nan, 100.5], [101.0, np.nan]], "float32")
    )


def test_item_is_the_same_from_items_and_open_and_reopens(write_raster):
    path = f"{write_raster('scene_20200304.tif', DECIBELS)}#quantity=gamma0,units=dB,bands=VV+VH"
    item = sensors.items(path)[0]
    assert item.to_dict() == sensors.open_observation(path).item.to_dict()
    assert item.datetime == dt.datetime(2020, 3, 4, tzinfo=dt.UTC)
    again = sensors.open_item(item)
    np.testing.assert_array_equal(again.layers["gamma0"].values, DECIBELS)
    assert again.item.to_dict() == item.to_dict()


def test_identifier_moves_with_the_file_and_changes_with_its_content(write_raster):
    one = sensors.items(write_raster("a/x.tif", DECIBELS))[0].id
    same = sensors.items(write_raster("b/x.tif", DECIBELS))[0].id
    other = sensors.items(write_raster("c/x.tif", DECIBELS + 1))[0].id
    assert one == same != other


def test_checksums_are_those_of_the_bytes(write_raster):
    import hashlib

    path = write_raster("x.tif", DECIBELS)
    asset = sensors.with_checksums(sensors.items(path)[0]).assets["data"]
    assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert asset.extra_fields["file:size"] == path.stat().st_size


def test_geobox_and_pixel_size(write_raster):
    layer = sensors.open_observation(write_raster("x.tif", DECIBELS)).layers["sigma0"]
    assert layer.odc.geobox.crs.to_epsg() == 32654
    assert tuple(layer.odc.geobox.affine)[:6] == (10.0, 0.0, 400_000.0, 0.0, -10.0, 4_000_000.0)
    # The map's scale there, by PROJ: 10 m of the map are 10.0027 m on the ground.
    longitude, latitude = Proj(32654)(
        *(layer.odc.geobox.affine @ (layer.shape[2] / 2, layer.shape[1] / 2)), inverse=True
    )
    scale = Proj(32654).get_factors(longitude, latitude).meridional_scale
    assert layer.attrs["pixel_size_m"] == pytest.approx(10.0 / scale, rel=1e-6)
    # One second of arc on the equator: 30.92 m of longitude by 30.72 m of latitude (WGS 84).
    degrees = write_raster("d.tif", DECIBELS[0], crs="EPSG:4326", origin=(10, 0.02), pixel=1 / 3600)
    found = sensors.open_observation(degrees).layers["sigma0"].attrs["pixel_size_m"]
    assert found == pytest.approx(np.sqrt(30.922 * 30.715), rel=1e-4)


def test_sidecars_are_not_read_and_a_world_file_that_matters_is_named(write_raster, tmp_path):
    path = write_raster("x.tif", DECIBELS[0], crs=None)
    (tmp_path / "x.tfw").write_text("10\n0\n0\n-10\n400000\n4000000\n")
    (tmp_path / "x.tif.aux.xml").write_text(
        '<PAMDataset><Metadata><MDI key="MITOSHI_SIMULATED">true</MDI></Metadata></PAMDataset>'
    )
    observation = sensors.open_observation(path)
    assert observation.layers["sigma0"].odc.geobox.crs is None
    assert observation.item.properties["mitoshi:simulated"] is False
    assert any("x.tfw beside the file holds a georeference" in text.en for text in observation.assumptions)
    (tmp_path / "y.tfw").write_text("10\n0\n0\n-10\n400000\n4000000\n")
    placed = sensors.open_observation(write_raster("y.tif", DECIBELS[0]))
    assert not any("y.tfw" in text.en for text in placed.assumptions)


@pytest.mark.parametrize(
    ("written", "told", "enough"),
    [
        ("<NoDataValue>-9999</NoDataValue>", "nodata -9999", "nodata=-9999"),
        ("<Scale>0.01</Scale>", "scale 0.01", "scale=0.01"),
        ("<Offset>-100</Offset>", "offset -100", "offset=-100"),
        ("<UnitType>ft</UnitType>", "units 'ft'", "units=ft"),
    ],
)
def test_what_pam_says_of_values_is_refused_unless_said_elsewhere(write_raster, tmp_path, written, told, enough):
    path = write_raster("dem.tif", np.linspace(0, 900, 130 * 150, dtype="float32").reshape(130, 150))
    pam = tmp_path / "dem.tif.aux.xml"
    pam.write_text(f'<PAMDataset><PAMRasterBand band="1">{written}</PAMRasterBand></PAMDataset>')
    with pytest.raises(InputError, match=f"dem.tif.aux.xml says {told}, which dem.tif itself does not.*gdal_translate"):
        sensors.open_observation(f"{path}#quantity=elevation")
    stated = sensors.open_observation(f"{path}#quantity=elevation,{enough}").layers["elevation"]
    factor = {"scale": 0.01, "units": 0.3048}.get(enough.split("=")[0], 1.0)
    metres = as_declared(stated.load(), ELEVATION, "elevation")
    assert float(metres.max()) == pytest.approx(900 * factor + (-100 if "offset" in enough else 0), rel=1e-6)
    pam.write_text('<PAMDataset><PAMRasterBand band="1"><Metadata><MDI key="STATISTICS_MEAN">4</MDI></Metadata>'
                   "<Scale>1</Scale></PAMRasterBand></PAMDataset>")  # fmt: skip
    assert float(sensors.open_observation(f"{path}#quantity=elevation").layers["elevation"].max()) == 900


def test_what_pam_says_of_place_is_refused_unless_the_file_says_it(write_raster, tmp_path):
    path = write_raster("a.tif", DECIBELS[0])
    pam = tmp_path / "a.tif.aux.xml"
    pam.write_text(f"<PAMDataset><SRS>{CRS.from_epsg(32654).to_wkt()}</SRS></PAMDataset>")
    assert sensors.open_observation(path).layers["sigma0"].odc.geobox.crs == "EPSG:32654"
    pam.write_text(f"<PAMDataset><SRS>{CRS.from_epsg(32653).to_wkt()}</SRS></PAMDataset>")
    with pytest.raises(InputError, match="says a CRS, which a.tif itself does not"):
        sensors.open_observation(path)
    pam.write_text("<PAMDataset><GeoTransform>399990, 10, 0, 4000000, 0, -10</GeoTransform></PAMDataset>")
    with pytest.raises(InputError, match="says a georeference"):
        sensors.open_observation(path)
    for bad in ("<PAMDataset><GeoTransform>1, 2</GeoTransform></PAMDataset>", "<PAMDataset>", '<!DOCTYPE a [<!ENTITY b "c">]><a/>',
                '<PAMDataset><PAMRasterBand band="1"><Scale>much</Scale></PAMRasterBand></PAMDataset>'):  # fmt: skip
        pam.write_text(bad)
        with pytest.raises(InputError, match=r"a\.tif\.aux\.xml"):
            sensors.open_observation(path)


def test_unknown_files_and_misspelt_descriptions(tmp_path, write_raster):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UnknownFileError, match=r"notes.txt is not recognised .*GeoTIFF"):
        sensors.items(tmp_path / "notes.txt")
    with pytest.raises(ParameterError, match="did you mean 'units'"):
        sensors.items(f"{write_raster('x.tif', DECIBELS)}#unit=dB")
    with pytest.raises(ParameterError, match="did you mean 'gamma0'"):
        Description.parse("quantity=gama0")
    with pytest.raises(InputError, match="no such file"):
        sensors.items(tmp_path / "absent.tif")


def test_description_text_reads_back():
    said = Description.parse("quantity=gamma0,units=dB,bands=VV+VH,nodata=-99,time=2020-01-01")
    assert Description.parse(str(said)) == said


@pytest.mark.parametrize(("dtype", "fill"), [("uint16", 65_535), ("int16", 32_767), ("float32", 65_535.0)])
def test_the_largest_integer_is_no_number_of_people(write_raster, dtype, fill):
    people = RNG.integers(0, 300, (60, 70)).astype(dtype)
    people[:10, :10] = fill
    path = write_raster("people.tif", people)
    with pytest.raises(InputError, match=rf"no population.*'#nodata={fill:.0f}'"):
        sensors.open_observation(path, expecting=POPULATION)
    stated = sensors.open_observation(f"{path}#nodata={fill:.0f}", expecting=POPULATION).layers["population"]
    assert np.isnan(stated.to_numpy()[0, 0])


def test_a_city_of_many_people_per_cell_passes(write_raster):
    people = RNG.integers(0, 65_535, (60, 70)).astype("uint16")
    people[0, 0] = 65_535
    layer = sensors.open_observation(write_raster("people.tif", people), expecting=POPULATION).layers["population"]
    assert float(layer[0, 0]) == 65_535


def test_a_map_of_classes_is_no_depth(write_raster):
    codes = RNG.integers(0, 3, (60, 70)).astype("uint8")
    path = write_raster("flood.tif", codes)
    with pytest.raises(InputError, match=r"whole numbers 0, 1, 2 .*'#units=m'"):
        sensors.open_observation(path, expecting=WATER_DEPTH)
    for said in ("#units=m", "#quantity=water_depth,units=m"):
        layer = sensors.open_observation(f"{path}{said}", expecting=WATER_DEPTH).layers["water_depth"]
        assert np.array_equal(layer.to_numpy(), codes)


def test_depths_in_single_precision_or_of_many_values_pass_without_a_unit(write_raster):
    whole = RNG.integers(0, 3, (60, 70)).astype("float32")
    many = RNG.integers(0, 30, (60, 70)).astype("uint8")
    for name, depth in (("whole.tif", whole), ("many.tif", many)):
        layer = sensors.open_observation(write_raster(name, depth), expecting=WATER_DEPTH).layers["water_depth"]
        assert np.array_equal(layer.to_numpy(), depth)
