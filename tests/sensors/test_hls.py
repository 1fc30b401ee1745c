"""HLS version 2.0 granules, as their user guide describes them: no real granule was at hand."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from mitoshi import sensors
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import OPTICAL, QUALITY
from mitoshi.methods.optical.bands import bands_of
from mitoshi.methods.optical.quality import bare_ground_seen

L30, S30 = "HLS.L30.T54SUE.2023152T012345.v2.0", "HLS.S30.T54SUE.2023153T014701.v2.0"
DN = np.arange(64 * 64, dtype="int16").reshape(64, 64)
DN[0, 0], DN[0, 1] = -9999, -120


def granule(write_raster, name, bands, *, folder="set", **tags):
    for number, band in enumerate(bands):
        path = write_raster(
            f"{folder}/{name}.{band}.tif", DN + np.int16(number) * (DN > -9999), nodata=-9999, pixel=30.0
        )
    flags = np.zeros((64, 64), np.uint8)
    flags[0, :8] = [0, 0b10, 0b100, 0b1000, 0b10000, 0b100000, 0b11000000, 255]
    write_raster(f"{folder}/{name}.Fmask.tif", flags, nodata=255, pixel=30.0, tags=tags)
    return path.parent


def test_reflectance_has_the_scale_of_the_guide_and_no_offset_of_sentinel_2(write_raster):
    folder = granule(write_raster, S30, ["B02", "B03", "B04", "B8A", "B11"])
    observation = sensors.open_observation(folder)
    green = observation.layers["surface_reflectance"].sel(band="green").values
    assert np.isnan(green[0, 0])
    np.testing.assert_allclose(green[0, 1:], (DN[0, 1:] + 1) / 10_000, atol=1e-7)
    assert observation.item.id == S30
    assert observation.item.datetime.isoformat() == "2023-06-02T01:47:01+00:00"
    assert observation.assumptions == ()


@pytest.mark.parametrize(
    ("name", "numbers", "nir", "swir1"),
    [
        (L30, ["B02", "B03", "B04", "B05", "B06", "B07", "B10"], 3, 4),
        (S30, ["B03", "B05", "B06", "B08", "B11"], 3, 4),  # 5 and 6 are red edge, not infrared
        (S30, ["B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12"], 6, 7),
    ],
)
def test_bands_see_what_the_product_says_not_what_their_number_would(write_raster, name, numbers, nir, swir1):
    image = sensors.open_observation(granule(write_raster, name, numbers), expecting=OPTICAL).layers[
        "surface_reflectance"
    ]
    bands = bands_of(image.load(), "after")
    for layer, place in ((bands.nir, nir), (bands.swir1, swir1), (bands.green, numbers.index("B03"))):
        np.testing.assert_allclose(layer[1], (DN[1] + place) / 10_000, atol=1e-7)


def test_flags_hide_cloud_its_neighbours_shadow_snow_and_fill_but_neither_water_nor_aerosol(write_raster):
    granule(write_raster, L30, ["B03", "B05"])
    folder = granule(write_raster, S30, ["B03", "B8A"], folder="other")
    layer = sensors.open_observation(f"{folder}/{S30}.Fmask.tif", expecting=QUALITY).layers["quality"]
    assert layer.attrs["flag_scheme"] == "hls-fmask"
    seen = bare_ground_seen(layer.load(), "quality")
    assert seen[0, :8].tolist() == [True, False, False, False, False, True, True, False]
    assert seen[1:].all()


def test_one_file_brings_its_granule_and_a_series_asks_which(write_raster):
    folder = granule(write_raster, L30, ["B03", "B05"])
    granule(write_raster, S30, ["B03", "B8A"])
    alone = sensors.open_observation(folder / f"{L30}.B03.tif")
    assert alone.layers["surface_reflectance"].band.values.tolist() == ["green", "nir08"]
    assert {i.id for i in sensors.items(folder)} == {L30, S30}
    with pytest.raises(InputError, match=rf"holds 2 observations; choose one with '#part=…': {L30}"):
        sensors.open_observation(folder)
    assert sensors.open_observation(f"{folder}#part={S30}").item.id == S30


def test_a_granule_in_a_zip_and_a_link_out_of_its_folder(write_raster, tmp_path):
    folder = granule(write_raster, S30, ["B03", "B8A"])
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        for file in folder.glob("*.tif"):
            archive.write(file, file.name)
    green = sensors.open_observation(tmp_path / "g.zip").layers["surface_reflectance"].sel(band="green").values
    np.testing.assert_allclose(green[1], DN[1] / 10_000, atol=1e-7)
    elsewhere = write_raster("elsewhere/other.tif", DN, nodata=-9999, pixel=30.0)
    (folder / f"{S30}.B11.tif").symlink_to(elsewhere)
    alone = sensors.open_observation(folder / f"{S30}.B03.tif").layers["surface_reflectance"]
    assert alone.band.values.tolist() == ["green", "nir08"]


def test_a_stac_item_of_the_archive_is_read_as_hls(write_raster):
    """Its files end like those of Sentinel-2, whose offset would be taken off."""
    folder = granule(write_raster, S30, ["B03", "B8A"])
    assets = {
        b: {"href": f"https://archive.example/{S30}/{S30}.{b}.tif", "roles": ["data"]} for b in ("B03", "B8A", "Fmask")
    }
    item = {"type": "Feature", "stac_version": "1.0.0", "id": S30, "assets": assets}
    item["properties"] = {"datetime": "2023-06-02T01:47:01Z"}
    (folder / "item.json").write_text(json.dumps(item))
    green = sensors.open_observation(folder / "item.json").layers["surface_reflectance"].sel(band="green").values
    np.testing.assert_allclose(green[1], (DN[1]) / 10_000, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "band", "more", "reason"),
    [
        ("HLS.S30.T54SUE.2019153T014701.v1.5", "B03", {}, "is HLS of version 1.5, .* order version 2.0"),
        (S30, "SZA", {}, "holds no band of reflectance and no Fmask"),
        (S30, "B03", {"dtype": "float32"}, "holds float32, HLS has whole numbers"),
    ],
)
def test_what_is_no_hls_of_version_2_is_refused(write_raster, name, band, more, reason):
    path = write_raster(f"set/{name}.{band}.tif", DN.astype(more.get("dtype", "int16")), nodata=-9999)
    with pytest.raises(InputError, match=reason):
        sensors.open_observation(path)


def test_another_scale_in_the_file_is_refused(write_raster):
    import rasterio

    folder = granule(write_raster, S30, ["B03", "B8A"])
    with rasterio.open(folder / f"{S30}.B03.tif", "r+") as file:
        file.scales = (0.0001,)
    sensors.open_observation(folder)
    with rasterio.open(folder / f"{S30}.B03.tif", "r+") as file:
        file.offsets = (-0.1,)
    with pytest.raises(
        InputError, match=r"B03 states a scale of 0.0001 and an offset of -0.1, HLS has 0.0001 and none"
    ):
        sensors.open_observation(folder)
