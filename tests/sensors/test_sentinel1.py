"""Sentinel-1: calibration, noise and geocoding against their formulas, on products small enough to compute by hand."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from mitoshi import sensors
from mitoshi.core.errors import InputError, UnknownFileError
from mitoshi.sensors.geocode import GeolocationGrid, Lattice

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
LINES, SAMPLES = 120, 160
KEY = "s1a-iw-grd-{pol}-20240101t090000-20240101t090025-050000-0a0000-00{n}"
NAME = "S1A_IW_GRDH_1SDV_20240101T090000_20240101T090025_050000_0A0000_ABCD.SAFE"


def _place(line, pixel):
    """A descending pass near 35° N 139° E with 10 m pixels: (longitude, latitude)."""
    metres = 1 / 111_320
    return 139.0 - pixel * 10 * metres / np.cos(
        np.deg2rad(35)
    ) + line * 1.5 * metres, 35.0 - line * 10 * metres - pixel * 1.5 * metres


def _annotation(pol):
    points = ""
    for line in (0, 40, 80, 119):
        for pixel in (0, 53, 106, 159):
            lon, lat = _place(line, pixel)
            points += (
                f"<geolocationGridPoint><line>{line}</line><pixel>{pixel}</pixel><latitude>{lat}</latitude>"
                f"<longitude>{lon}</longitude><incidenceAngle>{30 + pixel / 10}</incidenceAngle></geolocationGridPoint>"
            )
    return f"""<product><adsHeader><missionId>S1A</missionId><productType>GRD</productType><polarisation>{pol}</polarisation>
<mode>IW</mode><swath>IW</swath><startTime>2024-01-01T09:00:00.5</startTime><stopTime>2024-01-01T09:00:25.5</stopTime>
<absoluteOrbitNumber>50000</absoluteOrbitNumber><missionDataTakeId>655360</missionDataTakeId></adsHeader>
<generalAnnotation><productInformation><pass>Descending</pass></productInformation></generalAnnotation>
<imageAnnotation><imageInformation><numberOfLines>{LINES}</numberOfLines><numberOfSamples>{SAMPLES}</numberOfSamples>
<rangePixelSpacing>10</rangePixelSpacing><azimuthPixelSpacing>10</azimuthPixelSpacing></imageInformation></imageAnnotation>
<geolocationGrid><geolocationGridPointList>{points}</geolocationGridPointList></geolocationGrid></product>"""


def _calibration():
    vectors = ""
    for line in (0, 60, 130):
        row = " ".join(str(500 + line + p) for p in (0, 80, 170))
        vectors += (
            f"<calibrationVector><line>{line}</line><pixel>0 80 170</pixel><sigmaNought>{row}</sigmaNought>"
            f"<betaNought>400 400 400</betaNought><gamma>{row}</gamma></calibrationVector>"
        )
    return f"<calibration><calibrationVectorList>{vectors}</calibrationVectorList></calibration>"


NOISE = """<noise><noiseRangeVectorList>
<noiseRangeVector><line>0</line><pixel>0 170</pixel><noiseRangeLut>100 270</noiseRangeLut></noiseRangeVector>
<noiseRangeVector><line>130</line><pixel>0 170</pixel><noiseRangeLut>100 270</noiseRangeLut></noiseRangeVector>
</noiseRangeVectorList><noiseAzimuthVectorList><noiseAzimuthVector><swath>IW1</swath><firstAzimuthLine>0</firstAzimuthLine>
<firstRangeSample>0</firstRangeSample><lastAzimuthLine>119</lastAzimuthLine><lastRangeSample>79</lastRangeSample>
<line>0 119</line><noiseAzimuthLut>2 2</noiseAzimuthLut></noiseAzimuthVector></noiseAzimuthVectorList></noise>"""


def _product(folder, images, *, calibration=True, noise=NOISE):
    import rasterio

    safe = folder / NAME
    (safe / "annotation" / "calibration").mkdir(parents=True)
    (safe / "measurement").mkdir()
    for n, (pol, image) in enumerate(images.items(), 1):
        key = KEY.format(pol=pol.lower(), n=n)
        (safe / "annotation" / f"{key}.xml").write_text(_annotation(pol))
        if calibration:
            (safe / "annotation" / "calibration" / f"calibration-{key}.xml").write_text(_calibration())
        if noise:
            (safe / "annotation" / "calibration" / f"noise-{key}.xml").write_text(noise)
        path = safe / "measurement" / f"{key}.tiff"
        if image is None:
            path.write_bytes(b"")
            continue
        with rasterio.open(path, "w", driver="GTiff", count=1, height=LINES, width=SAMPLES, dtype="uint16") as file:
            file.write(image, 1)
    return safe


def _sigma_table(line, pixel):
    return 500.0 + line + pixel


def _radar_positions(layer):
    """Line and pixel of every map pixel, from the analytic place of the pixels."""
    from pyproj import Transformer

    x, y = np.meshgrid(layer.x.values, layer.y.values)
    lon, lat = Transformer.from_crs(layer.odc.geobox.crs.to_epsg(), 4326, always_xy=True).transform(x, y)
    m, c = 1 / 111_320, np.cos(np.deg2rad(35))
    east, north = (lon - 139.0) / m / 10, (lat - 35.0) / m / 10  # = -pixel / c + 0.15 line, -line - 0.15 pixel
    pixel = -(east + 0.15 * north) / (1 / c + 0.15 * 0.15)
    return -north - 0.15 * pixel, pixel


@pytest.fixture
def constant(tmp_path):
    return _product(
        tmp_path, {"VH": np.full((LINES, SAMPLES), 50, "uint16"), "VV": np.full((LINES, SAMPLES), 50, "uint16")}
    )


def test_calibration_and_noise_are_the_formula(constant):
    layers = sensors.open_observation(constant).layers
    sigma0 = layers["sigma0"].load()
    assert list(sigma0.polarisation.values) == ["VV", "VH"]
    line, pixel = _radar_positions(sigma0)
    row, column = np.rint(line), np.rint(pixel)
    # Away from rounding ties the nearest pixel is certain.
    sure = (np.abs(line - row) < 0.4) & (np.abs(pixel - column) < 0.4)
    sure &= (row >= 0) & (row < LINES) & (column >= 0) & (column < SAMPLES)
    noise = (100 + column) * np.where(column <= 79, 2, 1)
    expected = (2500 - noise) / _sigma_table(row, column) ** 2
    assert sure.sum() > 8000
    np.testing.assert_allclose(sigma0.values[0][sure], expected[sure], rtol=1e-5)
    np.testing.assert_allclose(layers["beta0"].values[1][sure], ((2500 - noise) / 400**2)[sure], rtol=1e-5)


def _with_heading(safe, heading):
    for path in (safe / "annotation").glob("*.xml"):
        stated = f"<productInformation><platformHeading>{heading}</platformHeading>"
        path.write_text(path.read_text().replace("<productInformation>", stated))
    return safe


@pytest.mark.parametrize(("heading", "look"), [("-168.05", 281.95), ("-12.0", 78.0), ("348.0", 78.0)])
def test_the_look_is_to_the_right_of_the_stated_heading(constant, heading, look):
    found = sensors.open_observation(_with_heading(constant, heading))
    assert found.item.properties["view:azimuth"] == pytest.approx(look)
    assert found.layers["sigma0"].attrs["look_azimuth_deg"] == pytest.approx(look)
    assert found.layers["incidence_angle"].attrs["units"] == "degree"


def test_a_heading_that_is_not_stated_is_no_look(constant):
    found = sensors.open_observation(constant)
    assert "view:azimuth" not in found.item.properties
    assert "look_azimuth_deg" not in found.layers["sigma0"].attrs


@pytest.mark.parametrize("heading", ["nan", "north", "1e9"])
def test_a_heading_that_is_no_direction_is_refused(constant, heading):
    with pytest.raises(InputError, match="platformHeading"):
        sensors.open_observation(_with_heading(constant, heading))


def test_noise_above_the_signal_leaves_one_count(tmp_path):
    image = np.full((LINES, SAMPLES), 9, "uint16")  # 81 < noise of at least 100
    image[:, :40] = 0
    sigma0 = sensors.open_observation(_product(tmp_path, {"VV": image})).layers["beta0"].load().values
    seen = np.isfinite(sigma0)
    np.testing.assert_allclose(sigma0[seen], 1 / 400**2, rtol=1e-6)
    assert 0.5 < seen.sum() / (LINES * (SAMPLES - 40)) < 1.1  # DN 0 is not observed


def test_geocoding_puts_each_pixel_where_it_belongs(tmp_path):
    image = (np.arange(LINES)[:, None] * 200 + np.arange(SAMPLES) + 1).astype("uint16")
    layer = sensors.open_observation(_product(tmp_path, {"VV": image}, calibration=False)).layers[
        "relative_backscatter"
    ]
    assert layer.odc.geobox.crs.to_epsg() == 32654
    assert layer.attrs["pixel_size_m"] == pytest.approx(10.0, rel=1e-3)  # of true metres; UTM magnifies
    values = layer.load().values[0]
    line, pixel = _radar_positions(layer)
    seen = np.isfinite(values)
    found_line, found_pixel = np.divmod(values[seen] - 1, 200)
    assert np.abs(found_line - line[seen]).max() < 0.52
    assert np.abs(found_pixel - pixel[seen]).max() < 0.52
    assert seen.sum() == pytest.approx(LINES * SAMPLES, rel=0.03)


def test_tiles_equal_the_whole(constant):
    layer = sensors.open_observation(constant).layers["gamma0"]
    whole = layer.load().values
    for y in range(0, whole.shape[1], 37):
        for x in range(0, whole.shape[2], 53):
            part = layer.isel(y=slice(y, y + 37), x=slice(x, x + 53)).values
            np.testing.assert_array_equal(part, whole[:, y : y + 37, x : x + 53])


def test_incidence_angle_is_that_of_the_tie_points(constant):
    layer = sensors.open_observation(constant).layers["incidence_angle"].load()
    _, pixel = _radar_positions(layer)
    seen = np.isfinite(layer.values)
    np.testing.assert_allclose(layer.values[seen], (30 + np.clip(pixel, 0, 159) / 10)[seen], atol=0.06)


def test_zip_and_folder_agree(constant, tmp_path):
    archive = tmp_path / "product.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(constant.rglob("*")):
            out.write(path, path.relative_to(constant.parent))
    zipped, folder = sensors.open_observation(archive), sensors.open_observation(constant)
    np.testing.assert_array_equal(zipped.layers["gamma0"].values, folder.layers["gamma0"].values)
    assert zipped.item.id == folder.item.id == NAME.removesuffix(".SAFE")
    assert zipped.files == (archive,)
    assert len(folder.files) == 8  # two images, each with annotation, calibration and noise


def test_item_says_what_a_catalogue_needs(constant):
    item = sensors.items(constant)[0]
    assert item.properties["sar:polarizations"] == ["VV", "VH"]
    assert item.properties["sat:orbit_state"] == "descending"
    assert item.properties["sat:relative_orbit"] == (50000 - 73) % 175 + 1
    assert item.properties["platform"] == "sentinel-1a"
    assert item.properties["gsd"] == 10.0
    assert item.properties["mitoshi:quantities"] == ["gamma0", "sigma0", "beta0", "incidence_angle"]
    assert item.datetime.isoformat() == "2024-01-01T09:00:00.500000+00:00"
    _lon, lat = _place(119, 159)
    assert item.bbox[1] == pytest.approx(lat, abs=1e-6)
    assert item.bbox[0] == pytest.approx(_place(0, 159)[0], abs=1e-6)


def test_missing_measurement_is_said_in_one_line(tmp_path):
    safe = _product(tmp_path, {"VV": np.full((LINES, SAMPLES), 50, "uint16"), "VH": None})
    observation = sensors.open_observation(safe)
    assert list(observation.layers["gamma0"].polarisation.values) == ["VV"]
    assert any("VH are missing or empty" in text.en for text in observation.assumptions)
    assert observation.item.properties["mitoshi:missing"] == [f"measurement/{KEY.format(pol='vh', n=2)}.tiff"]


def test_absent_calibration_and_noise_are_said(tmp_path):
    image = np.full((LINES, SAMPLES), 50, "uint16")
    no_table = sensors.open_observation(_product(tmp_path / "a", {"VV": image}, calibration=False))
    assert any("no calibration annotation" in text.en for text in no_table.assumptions)
    no_noise = sensors.open_observation(_product(tmp_path / "b", {"VV": image}, noise=None))
    assert any("thermal noise is not removed" in text.en for text in no_noise.assumptions)
    np.testing.assert_allclose(np.nanmax(no_noise.layers["beta0"].values), 2500 / 400**2, rtol=1e-6)


def test_damaged_annotation_is_one_line(tmp_path):
    safe = _product(tmp_path, {"VV": np.full((LINES, SAMPLES), 50, "uint16")})
    path = safe / "annotation" / f"{KEY.format(pol='vv', n=1)}.xml"
    path.write_text(path.read_text().replace("<absoluteOrbitNumber>50000</absoluteOrbitNumber>", ""))
    with pytest.raises(InputError, match="no adsHeader/absoluteOrbitNumber"):
        sensors.items(safe)


def test_two_products_in_an_archive_are_two_items(tmp_path):
    image = np.full((LINES, SAMPLES), 50, "uint16")
    first = _product(tmp_path / "in", {"VV": image})
    first.rename(first.parent / NAME.replace("ABCD", "EFAB"))
    _product(tmp_path / "in", {"VV": image})
    archive = _zipped(first.parent, tmp_path / "both.zip")
    items = sensors.items(archive)
    assert [item.id[-4:] for item in items] == ["ABCD", "EFAB"]
    with pytest.raises(InputError, match="holds 2 observations; choose one"):
        sensors.open_observation(archive)
    assert sensors.open_item(items[1]).item.id.endswith("EFAB")
    assert sensors.open_observation(f"{archive}#part={items[0].id}").item.to_dict() == items[0].to_dict()
    # A folder that only contains products further down is no product itself; ingestion looks into it.
    with pytest.raises(UnknownFileError):
        sensors.items(first.parent)


def _zipped(folder, archive):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(folder.rglob("*")):
            out.write(path, path.relative_to(folder))
    return archive


def test_lattice_is_bilinear_and_constant_beyond():
    lattice = Lattice(np.array([0.0, 10.0]), np.array([0.0, 4.0]), np.array([[0.0, 4.0], [10.0, 14.0]]))
    np.testing.assert_allclose(lattice.window(slice(0, 12), slice(0, 6))[5], [5, 6, 7, 8, 9, 9])
    np.testing.assert_allclose(lattice.window(slice(0, 12), slice(0, 6))[11, 0], 10)


def test_inverse_of_the_geolocation_grid_across_the_antimeridian():
    lines, pixels = np.meshgrid(np.arange(0, 1001, 250), np.arange(0, 1001, 250), indexing="ij")
    lon, lat = 179.9 + pixels / 5000 + lines / 40_000, -17 - lines / 5000 + pixels / 30_000
    wrapped = (lon + 180) % 360 - 180
    points = list(zip(lines.ravel(), pixels.ravel(), wrapped.ravel(), lat.ravel(), strict=True))
    grid = GeolocationGrid.of_points(points, "x")
    from pyproj import Transformer

    easting, northing = Transformer.from_crs(4326, grid.epsg, always_xy=True).transform(lon, lat)
    line, pixel = grid.inverse(easting, northing)
    np.testing.assert_allclose(line, lines, atol=1e-6)
    np.testing.assert_allclose(pixel, pixels, atol=1e-6)
    with pytest.raises(InputError, match="do not form a rectangular lattice"):
        GeolocationGrid.of_points(points[:-1], "x")


def test_one_product_gives_the_flood_map_its_image_its_angles_and_its_look(tmp_path):
    import json

    from mitoshi.interfaces.cli import cli

    noise = np.random.default_rng(0)
    images = {pol: noise.integers(40, 90, (LINES, SAMPLES)).astype("uint16") for pol in ("VV", "VH")}
    safe = _with_heading(_product(tmp_path, images), "-168.05")
    out = tmp_path / "flood"
    command = ["run", "disaster.flood-extent", "--after", str(safe), "--incidence-angle", str(safe), "--out", str(out)]
    assert cli.main([*command, "--time", "2026-11-23T00:00Z", "--workers", "1"], standalone_mode=False) is None
    record = json.loads((out / "run.json").read_text())
    assert {name: records[0]["quantity"] for name, records in record["inputs"].items()} == {
        "after": "gamma0",
        "incidence_angle": "incidence_angle",
    }
    figures = {f["name"]: f for f in json.loads((out / "figures.json").read_text())["figures"]}
    assert "permanent water included" in json.dumps(figures["flooded_area"])
    assert any("permanent water included" in json.dumps(text) for text in record["assumptions"])
