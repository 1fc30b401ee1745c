"""Readers on real files, against published numbers, other people's metadata, and physics."""

from __future__ import annotations

import gzip
import json
import zipfile

import numpy as np
import pytest

from mitoshi import sensors
from mitoshi.core.errors import InputError, UnknownFileError
from mitoshi.core.quantity import BACKSCATTER, as_declared, to_db
from mitoshi.sensors.palsar2 import observation_day
from mitoshi.sensors.sentinel1_annotation import read_annotation, read_calibration
from mitoshi.sensors.sentinel2 import reflectance_offset

pytestmark = [
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    # rasterio 1.4 multiplies affine transforms in a way that affine 3 announces to retire.
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]
S1 = "platform/sentinel1"


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MITOSHI_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_incidence_at_the_corners_of_the_palau_scene(shared_data):
    name = "ocean/sar/s1_s1a-iw-grd-vv-20221026t205127-20221026t205156-045618-05745f-001.xml.gz"
    annotation = read_annotation(gzip.decompress(shared_data(name).read_bytes()), "annotation.xml")
    corners = annotation.incidence.values[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.min() == pytest.approx(30.85, abs=0.005)
    assert corners.max() == pytest.approx(45.99, abs=0.005)
    assert annotation.places.spacing == pytest.approx(10.0, rel=0.01)


def test_sigma0_of_the_slc_is_four_over_a_squared(shared_data):
    path = shared_data(f"{S1}/S1B_IW_SLC__1SDV_20210401T052622_EFA4.zip")
    observation = sensors.open_observation(path)
    with zipfile.ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if "calibration-s1b-iw1-slc-vv" in n)
        tables = read_calibration(archive.read(name), name)
    window = slice(4000, 4100), slice(7000, 7200)
    for quantity in ("sigma0", "beta0", "gamma0"):
        found = observation.layers[quantity].sel(polarisation="VV").isel(y=window[0], x=window[1]).values
        np.testing.assert_allclose(found, 4 / tables[quantity].window(*window) ** 2, rtol=1e-6)
    # At a line and a pixel that the table itself has, no interpolation is left.
    table = tables["sigma0"]
    line, pixel = int(table.lines[2]), int(table.pixels[100])
    found = observation.layers["sigma0"].sel(polarisation="VV").isel(y=line, x=pixel)
    assert float(found) == pytest.approx(4 / table.values[2, 100] ** 2, rel=1e-6)


def test_two_slices_of_one_datatake(shared_data):
    paths = [shared_data(f"{S1}/S1A_IW_GRDH_1SDV_{n}.zip") for n in
             ("20150222T170725_20150222T170750_004739_005DD8_CEAB", "20150222T170750_20150222T170815_004739_005DD8_3768")]  # fmt: skip
    south, north = (sensors.items(path)[0] for path in paths)
    assert south.id != north.id
    assert south.properties["s1:datatake_id"] == north.properties["s1:datatake_id"] == "005DD8"
    assert south.properties["sat:relative_orbit"] == north.properties["sat:relative_orbit"] == 117
    assert (south.bbox[1], south.bbox[3]) == pytest.approx((48.80, 50.69), abs=0.01)
    assert (north.bbox[1], north.bbox[3]) == pytest.approx((50.30, 52.18), abs=0.01)
    assert south.properties["mitoshi:quantities"] == ["incidence_angle"]
    observation = sensors.open_observation(paths[0])
    assert any("missing or empty" in text.en for text in observation.assumptions)


def test_sentinel1c_with_empty_measurements_is_reported(shared_data):
    path = shared_data(f"{S1}/S1C_S4_GRDH_1SDH_20250118T171404_4B8B.SAFE.zip")
    item = sensors.items(path)[0]
    assert item.properties["platform"] == "sentinel-1c"
    assert item.properties["sar:instrument_mode"] == "SM"
    assert item.properties["sar:polarizations"] == ["HH", "HV"]
    assert len(item.properties["mitoshi:missing"]) == 2
    assert "gamma0" not in sensors.open_observation(path).layers


def test_all_nodata_grd_is_all_missing(shared_data):
    layers = sensors.open_observation(shared_data(f"{S1}/S1B_IW_GRDH_1SDV_20211223T051122_5371.SAFE.zip")).layers
    window = {"y": slice(9000, 9200), "x": slice(9000, 9200)}
    assert np.isnan(layers["gamma0"].isel(window).values).all()
    assert np.isfinite(layers["incidence_angle"].isel(window).values).all()


def test_geocoding_agrees_with_gdal(shared_data):
    """Lines and pixels agree with GDAL's thin-plate spline through the same control points to a fifth of a pixel."""
    import rasterio
    from pyproj import Transformer
    from rasterio.transform import GCPTransformer
    from rasterio.vrt import WarpedVRT

    path = shared_data(f"{S1}/gcp_grd_20180716/iw-vv.tiff")
    layer = sensors.open_observation(path).layers["relative_backscatter"].load()
    with rasterio.open(path) as dataset:
        points, image = dataset.gcps[0], dataset.read(1)
        with WarpedVRT(dataset, src_crs=dataset.gcps[1]) as warped:
            assert warped.shape == (1071, 1417)
            bounds = warped.bounds
    rng = np.random.default_rng(0)
    row, column = rng.integers(0, layer.shape[1], 4000), rng.integers(0, layer.shape[2], 4000)
    to_degrees = Transformer.from_crs(layer.odc.geobox.crs.to_epsg(), 4326, always_xy=True)
    lon, lat = to_degrees.transform(layer.x.values[column], layer.y.values[row])
    with GCPTransformer(points, tps=True) as spline:
        line, pixel = (np.asarray(z) for z in spline.rowcol(lon, lat, op=lambda z: z))
    inside = (line > 1) & (line < image.shape[0] - 1) & (pixel > 1) & (pixel < image.shape[1] - 1)
    assert inside.sum() > 2000
    ours = layer.values[0][row, column]
    assert np.isfinite(ours[inside]).all()
    # 0 stays 0 in relative backscatter. Where GDAL's position is a fifth of a pixel or more from an edge, the pixel must be the same.
    middle = inside & (np.abs(line % 1 - 0.5) < 0.3) & (np.abs(pixel % 1 - 0.5) < 0.3)
    expected = image[line[middle].astype(int), pixel[middle].astype(int)]
    assert np.mean(ours[middle] == expected) > 0.995
    seen = np.isfinite(layer.values[0])
    corners = to_degrees.transform(*np.meshgrid(layer.x.values, layer.y.values))
    found = (corners[0][seen].min(), corners[1][seen].min(), corners[0][seen].max(), corners[1][seen].max())
    assert found == pytest.approx(tuple(bounds), abs=0.005)


def test_palsar2_land_medians_and_day(shared_data):
    observation = sensors.open_observation(shared_data("platform/jaxa/N23W161_20_MOS_F02DAR.tar.gz"))
    layers = {name: layer.load() for name, layer in observation.layers.items()}
    land = layers["quality"].values == 255
    assert land.sum() == 2461
    medians = [float(np.median(to_db(band[land]))) for band in layers["gamma0"].values]
    assert medians == pytest.approx([-11.62, -19.44], abs=0.005)
    days = np.unique(layers["acquisition_day"].values[land])
    assert [observation_day(day).year for day in days] == [2020] * len(days)
    assert observation.item.properties["start_datetime"].startswith("2020-09-09")


@pytest.mark.parametrize(
    "name",
    [
        "S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022158",
        "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825",
        "esa_S2B_MSIL2A_20210122T133229_N0214_R081_T22HBD_20210122T155500",
    ],
)
def test_sentinel2_metadata_agrees_with_stactools(shared_data, name):
    from shapely.geometry import shape

    path = shared_data(f"platform/sentinel2/metadata/{name}.SAFE.zip")
    with zipfile.ZipFile(path) as archive:
        expected = json.loads(archive.read(next(n for n in archive.namelist() if n.endswith("expected_output.json"))))
    item = sensors.items(path)[0]
    assert item.bbox == pytest.approx(expected["bbox"], abs=1e-6)
    assert item.geometry["type"] == expected["geometry"]["type"]
    assert shape(item.geometry).symmetric_difference(shape(expected["geometry"])).area < 1e-5
    properties = expected["properties"]
    assert item.to_dict()["properties"]["datetime"] == properties["datetime"]
    assert item.properties["proj:code"] == properties.get("proj:code", f"EPSG:{properties.get('proj:epsg')}")
    for key in ("eo:cloud_cover", "sat:relative_orbit", "sat:orbit_state", "s2:processing_baseline", "platform"):
        assert item.properties[key] == properties[key]
    with pytest.raises(InputError, match="holds metadata only"):
        sensors.open_observation(path)


def test_offset_in_real_metadata_of_both_sides(shared_data):
    from mitoshi.sensors.sentinel2_metadata import safe_granules
    from mitoshi.sensors.tree import open_tree

    folder = "platform/sentinel2/metadata"
    before = open_tree(
        shared_data(f"{folder}/esa_S2B_MSIL2A_20210122T133229_N0214_R081_T22HBD_20210122T155500.SAFE.zip")
    )
    after = open_tree(shared_data(f"{folder}/S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE.zip"))
    assert set(safe_granules(before)[0].offsets.values()) == set()
    assert set(safe_granules(after)[0].offsets.values()) == {-1000.0}
    assert {"B02", "B8A", "B12"} <= set(safe_granules(after)[0].offsets)


def test_safe_with_pixels_under_real_metadata(shared_data, tmp_path):
    """Real metadata of baseline 05.09 with one small lossless band each at 10 m and 20 m."""
    import rasterio
    from rasterio.transform import from_origin

    name = "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825"
    with zipfile.ZipFile(shared_data(f"platform/sentinel2/metadata/{name}.SAFE.zip")) as archive:
        archive.extractall(tmp_path)
    images = next((tmp_path / f"{name}.SAFE" / "GRANULE").iterdir()) / "IMG_DATA"
    dn = np.random.default_rng(4).integers(1001, 9000, (128, 128), dtype=np.uint16)
    for band, size in (("B04", 10), ("B04", 20), ("B8A", 20), ("SCL", 20)):
        values = dn[:: size // 10, :: size // 10]
        path = images / f"R{size}m" / f"T01KAB_20230821T221941_{band}_{size}m.jp2"
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "uint8" if band == "SCL" else "uint16"
        profile = {"driver": "JP2OpenJPEG", "count": 1, "height": len(values), "width": len(values), "dtype": kind}
        placed = {"crs": "EPSG:32701", "transform": from_origin(99960, 8200000, size, size)}
        with rasterio.open(path, "w", **profile, **placed, QUALITY="100", REVERSIBLE="YES") as file:
            file.write((values % 12).astype(kind) if band == "SCL" else values, 1)
    observation = sensors.open_observation(tmp_path / f"{name}.SAFE")
    reflectance = observation.layers["surface_reflectance"]
    assert list(reflectance.band.values) == ["B04", "B8A"]
    np.testing.assert_allclose(reflectance.sel(band="B04").values, (dn - 1000.0) / 10_000, atol=1e-6)
    coarse = np.kron(dn[::2, ::2], np.ones((2, 2)))
    np.testing.assert_allclose(reflectance.sel(band="B8A").values, (coarse - 1000) / 10_000, atol=1e-6)
    np.testing.assert_array_equal(observation.layers["quality"].values, dn[::2, ::2] % 12)
    assert reflectance.odc.geobox.crs.to_epsg() == 32701


def test_offset_step_is_in_the_real_series_and_is_removed(shared_data):
    """Paddy fields of An Giang, 2022: dark blue DN jumps by 1000 on 25 January; reflectance does not."""
    import pandas as pd

    series = pd.read_parquet(shared_data("carbon/paddy/angiang_s2_l2a_timeseries.parquet"))
    clear = series[(series.clear_frac > 0.9) & series.scl.isin([4, 5, 6])].copy()
    clear["time"] = pd.to_datetime(clear.time).dt.tz_localize("UTC")
    near = clear[(clear.time > "2022-01-01") & (clear.time < "2022-02-20")]
    offset = near.time.map(lambda time: reflectance_offset(None, time.to_pydatetime()))
    before = near.time < "2022-01-25"
    assert before.sum() > 300
    assert (~before).sum() > 300
    for band in ("blue", "red", "swir22"):
        raw = near[band].astype(float)
        step = raw[~before].quantile(0.05) - raw[before].quantile(0.05)
        removed = raw + offset
        left = removed[~before].quantile(0.05) - removed[before].quantile(0.05)
        assert step == pytest.approx(1000, abs=300), band
        assert abs(left) < 300, band


def test_sentinel2_cog_set(shared_data):
    observation = sensors.open_observation(shared_data("platform/sentinel2/cog_29RKH_20200219"))
    red, nir = (observation.layers["surface_reflectance"].sel(band=b).values for b in ("B04", "B08"))
    # 0.0663 was measured independently with odc-stac at 200 m.
    assert np.nanmean((nir - red) / (nir + red)) == pytest.approx(0.0663, abs=0.0005)
    assert observation.item.id == "S2A_29RKH_20200219_0_L2A"
    by_item = sensors.open_observation(
        shared_data("platform/sentinel2/cog_29RKH_20200219/S2A_29RKH_20200219_0_L2A.json")
    )
    np.testing.assert_array_equal(by_item.layers["surface_reflectance"].sel(band="B04").values, red)


def test_landsat_collection2(shared_data):
    import rasterio

    folder = shared_data("platform/landsat/C2L2_008059_20191201")
    observation = sensors.open_observation(folder)
    for band, layer in (("SR_B4", "surface_reflectance"), ("ST_B10", "surface_temperature")):
        with rasterio.open(next(folder.glob(f"*_{band}.TIF"))) as file:
            dn = file.read(1).astype(float)
        scale, offset = (2.75e-5, -0.2) if band == "SR_B4" else (0.00341802, 149.0)
        found = observation.layers[layer].values.reshape(-1, 512, 512)[0]
        np.testing.assert_allclose(found, np.where(dn == 0, np.nan, dn * scale + offset), rtol=1e-6, atol=1e-6)
    theirs = json.loads(next(folder.glob("*_SR_stac.json")).read_text())
    assert observation.item.to_dict()["properties"]["datetime"].startswith(theirs["properties"]["datetime"][:10])
    assert observation.item.properties["eo:cloud_cover"] == theirs["properties"]["eo:cloud_cover"]


def test_opera_series(shared_data):
    folder = shared_data("disaster/s1_disturbance_opera/rtc_series_T137-292321-IW2")
    items = sensors.items(folder)
    assert len(items) == len(list(folder.glob("*_VV.tif")))
    gamma0 = sensors.open_item(items[0]).layers["gamma0"].load()
    assert list(gamma0.polarisation.values) == ["VV", "VH"]
    # Dry hills: cross polarisation lies several dB below co-polarisation.
    vv, vh = (float(to_db(gamma0.sel(polarisation=p)).median()) for p in ("VV", "VH"))
    assert -20 < vv < -5
    assert 4 < vv - vh < 12


def test_spain_scene_undescribed(shared_data):
    observation = sensors.open_observation(
        shared_data("disaster/s1_flood_spain/Spain_7370579_S1Hand.tif"), expecting=BACKSCATTER
    )
    layer = observation.layers["sigma0"]
    assert layer.attrs["units"] == "dB"
    assert list(layer.polarisation.values) == ["VV", "VH"]
    assert layer.attrs["pixel_size_m"] == pytest.approx(8.86, abs=0.01)
    assert float(as_declared(layer.load(), BACKSCATTER, "after").min()) > 0


def test_ombria_tile(shared_data, tmp_path):
    with zipfile.ZipFile(shared_data("disaster/sar_flood_ombria/ombria_test70.zip")) as archive:
        name = next(n for n in archive.namelist() if "S1/test/AFTER" in n and n.endswith(".png"))
        archive.extract(name, tmp_path)
    observation = sensors.open_observation(tmp_path / name, expecting=BACKSCATTER)
    layer = observation.layers["relative_backscatter"]
    assert layer.shape == (1, 256, 256)
    assert layer.odc.geobox.crs is None
    assert len(observation.assumptions) == 4


def test_terrain_normalised_decibels_with_nodata(shared_data):
    path = shared_data(f"{S1}/S1A__IW___A_20150309T173017_VV_grd_mli_geo_norm_db.tif")
    observation = sensors.open_observation(f"{path}#quantity=gamma0,units=dB")
    values = observation.layers["gamma0"].values
    assert np.nanmin(values) > -60  # the nodata value -99 is gone
    assert observation.item.datetime.isoformat() == "2015-03-09T17:30:17+00:00"


def test_hdf4_is_one_clear_line(shared_data):
    with pytest.raises(UnknownFileError, match="looks like hdf4"):
        sensors.items(shared_data("platform/others/2A-RW-BRS.TRMM.PR.2A23.20100206-S111422-E111519.069662.7.HDF"))


def test_sentinel1_series_of_openeo(shared_data):
    path = shared_data("platform/sentinel2/belgium_31UFS_timeseries/cdse_sentinel1_grd_2023-04.nc")
    items = sensors.items(f"{path}#variable=S1-SIGMA0-VV+S1-SIGMA0-VH,quantity=value")
    assert len(items) == 10
    assert items[0].properties["proj:code"] == "EPSG:32631"
    assert sensors.open_item(items[3]).layers["value"].shape == (2, 66, 64)


def test_compound_reference_system(shared_data):
    layer = sensors.open_observation(f"{shared_data(f'{S1}/Rome-30m-DEM.tif')}#quantity=elevation,units=m").layers[
        "elevation"
    ]
    assert layer.odc.geobox.crs.to_epsg() == 9707
    assert (float(layer.min()), float(layer.max())) == (5, 115)
