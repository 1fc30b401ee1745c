"""Values are those of the file, in its units, with the uncertainty that belongs to them, or with the reason why there is none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import rasterio
from pyproj import Geod, Transformer

from mitoshi.core.text import Text
from mitoshi.display import value_reading as values_reading
from mitoshi.display.rasters import Band, Raster
from mitoshi.display.value_reading import cells_within, statistics
from mitoshi.sensors.guard import Location
from mitoshi.sensors.lazy import Decode


@pytest.fixture(scope="module")
def layers(client):
    return {layer["id"]: layer for layer in client.get("/layers").json()["layers"]}


def pick(layers, **wanted):
    return next(layer for layer in layers.values() if all(layer[k] == v for k, v in wanted.items()))


def product(store, name):
    (path,) = (store / "service" / "runs").glob(f"*/{name}.tif")
    return path


def place(path, row, column):
    """Return longitude and latitude of a pixel's centre, by PROJ."""
    with rasterio.open(path) as dataset:
        t = dataset.transform
        easting, northing = t.c + (column + 0.5) * t.a, t.f + (row + 0.5) * t.e
        return Transformer.from_crs(dataset.crs.to_epsg(), 4326, always_xy=True).transform(easting, northing)


def asked(client, layer, longitude, latitude):
    answer = client.get("/values", params={"layer": layer["id"], "lon": longitude, "lat": latitude})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("pixel", [(0, 0), (3, 250), (128, 128), (255, 255)])
def test_elevation_is_that_of_the_pixel(client, layers, small_store, pixel):
    path = small_store.parent / "archive" / "SIM_DEM.tif"
    with rasterio.open(path) as dataset:
        expected = dataset.read(1)[pixel]
    told = asked(client, pick(layers, quantity="elevation"), *place(path, *pixel))
    assert told["value"] == pytest.approx(expected, rel=1e-6)
    assert (told["units"], told["observed"], told["reason"]) == ("m", True, None)
    assert told["uncertainty"] is None
    assert told["noUncertainty"]


def test_a_class_comes_with_its_probability_and_what_is_hidden_with_its_reason(client, layers, small_store):
    layer = pick(layers, quantity="flood_extent", kind="coded")
    path = product(small_store, "flood")
    with rasterio.open(path) as dataset, rasterio.open(product(small_store, "flood_probability")) as probabilities:
        codes, probability = dataset.read(1), probabilities.read(1)
    for code in (0, 1, 2):
        row, column = np.argwhere((codes == code) & np.isfinite(probability))[7]
        told = asked(client, layer, *place(path, row, column))
        assert told["class"]["code"] == told["value"] == code
        assert told["class"]["title"]["ja"] == {0: "非浸水", 1: "浸水", 2: "平常時水域"}[code]
        assert told["uncertainty"]["kind"] == "probability"
        assert told["uncertainty"]["value"] == pytest.approx(probability[row, column], rel=1e-6)
    row, column = np.argwhere(codes == 255)[0]
    told = asked(client, layer, *place(path, row, column))
    assert (told["observed"], told["value"], told["class"], told["uncertainty"]) == (False, None, None, None)
    title = next(c["title"] for c in layer["legend"]["classes"] if c["nodata"])
    assert told["reason"] == title


def test_backscatter_is_told_in_decibels(client, layers, small_store):
    layer = next(layer for name, layer in layers.items() if name.endswith("/VH"))
    path = small_store.parent / "archive" / f"{layer['id'].split('/')[1].rpartition('-')[0]}.tif"
    with rasterio.open(path) as dataset:
        power = dataset.read(2)[100, 77]
    told = asked(client, layer, *place(path, 100, 77))
    assert told["value"] == pytest.approx(10 * math.log10(power), abs=1e-4)
    assert told["units"] == "dB"


def test_a_picture_tells_its_three_bands(client, layers, small_store):
    layer = next(layer for layer in layers.values() if layer["id"].endswith("/true-colour"))
    folder = small_store.parent / "archive" / layer["id"].split("/")[1]
    expected = []
    for band in ("B04", "B03", "B02"):
        with rasterio.open(folder / f"{band}.tif") as dataset:
            expected.append(dataset.read(1)[60, 60] * 1e-4 - 0.1)
    told = asked(client, layer, *place(folder / "B04.tif", 60, 60))
    assert told["bands"] == pytest.approx(expected, abs=1e-6)


def test_outside_of_a_layer_nothing_is_made_up(client, layers):
    told = asked(client, pick(layers, quantity="elevation"), 0.0, 0.0)
    assert told["observed"] is False
    assert told["value"] is None
    assert told["reason"]["ja"] == "このレイヤの範囲外です"


def test_a_series_has_every_date_on_which_the_place_was_seen(client, layers, small_store):
    layer = next(v for k, v in layers.items() if "A039" in k and k.endswith("/VV") and "ELSEWHERE" not in k)
    path = small_store.parent / "archive" / "SIM_DEM.tif"
    longitude, latitude = place(path, 90, 90)
    answer = client.get("/values/series", params={"layer": layer["id"], "lon": longitude, "lat": latitude}).json()
    assert answer["units"] == "dB"
    dates = [point["datetime"] for point in answer["series"]]
    assert dates == sorted(dates)
    assert len(dates) == sum(one["series"] == layer["series"] for one in layers.values()) >= 5
    for point in answer["series"]:
        name = point["layer"].split("/")[1].rpartition("-")[0]
        with rasterio.open(small_store.parent / "archive" / f"{name}.tif") as dataset:
            assert point["value"] == pytest.approx(10 * math.log10(dataset.read(1)[90, 90]), abs=1e-4)


def box(longitude, latitude, half=0.004):
    w, e, s, n = longitude - half, longitude + half, latitude - half, latitude + half
    return {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}


def test_the_statistics_of_an_area_are_those_of_its_pixels(client, layers, small_store, area):
    path = small_store.parent / "archive" / "SIM_DEM.tif"
    longitude, latitude = place(path, 128, 128)
    answer = client.post(
        "/values/area", json={"layer": pick(layers, quantity="elevation")["id"], "geometry": box(longitude, latitude)}
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    with rasterio.open(path) as dataset:
        t, heights = dataset.transform, dataset.read(1)
        columns, rows = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
        back = Transformer.from_crs(dataset.crs.to_epsg(), 4326, always_xy=True)
        x, y = back.transform(t.c + columns * t.a, t.f + rows * t.e)
    inside = (abs(x - longitude) < 0.004) & (abs(y - latitude) < 0.004)
    assert told["count"] == inside.sum()
    assert told["mean"] == pytest.approx(heights[inside].mean(), rel=1e-6)
    assert told["standard_deviation"] == pytest.approx(heights[inside].std(), rel=1e-4)
    assert (told["minimum"], told["maximum"]) == (heights[inside].min(), heights[inside].max())
    assert told["percentiles"]["50"] == pytest.approx(np.median(heights[inside]), rel=1e-6)
    assert told["seen_share"] == pytest.approx(1, abs=0.01)
    corners = box(longitude, latitude)["coordinates"][0]
    assert told["area_m2"] == pytest.approx(
        abs(Geod(ellps="WGS84").polygon_area_perimeter(*zip(*corners, strict=True))[0]), rel=1e-9
    )


def test_the_classes_of_an_area_share_it_out(client, layers, small_store):
    layer = pick(layers, quantity="flood_extent", kind="coded")
    path = product(small_store, "flood")
    told = client.post(
        "/values/area", json={"layer": layer["id"], "geometry": box(*place(path, 130, 130), 0.02)}
    ).json()
    assert sum(c["share"] for c in told["classes"]) == pytest.approx(1)
    assert sum(c["area_m2"] for c in told["classes"]) == pytest.approx(told["seen_area_m2"])
    with rasterio.open(path) as dataset:
        codes = dataset.read(1)
    flooded = next(c for c in told["classes"] if c["code"] == 1)
    assert flooded["area_m2"] == pytest.approx((codes == 1).sum() * 100 / 0.9996**2, rel=2e-3)  # scale of UTM
    assert 0 < told["seen_share"] < 1
    assert told["uncertainty"]["kind"] == "probability"
    with rasterio.open(product(small_store, "flood_probability")) as dataset:
        probability = dataset.read(1)
    assert told["uncertainty"]["value"] == pytest.approx(np.nanmean(probability), rel=1e-3)
    assert all(c["code"] != 255 for c in told["classes"])


def test_the_mean_of_backscatter_is_that_of_power(client, layers, small_store):
    layer = next(v for k, v in layers.items() if "A039_20260906" in k and k.endswith("/VV"))
    path = small_store.parent / "archive" / f"{layer['id'].split('/')[1].rpartition('-')[0]}.tif"
    told = client.post(
        "/values/area", json={"layer": layer["id"], "geometry": box(*place(path, 128, 128), 0.05)}
    ).json()
    with rasterio.open(path) as dataset:
        power = dataset.read(1).astype(float)
    assert told["mean"] == pytest.approx(10 * math.log10(np.nanmean(power)), abs=1e-3)
    assert told["mean"] > told["percentiles"]["50"]  # speckle: the mean of dB would lie below the median of power
    assert told["seen_share"] < 1


def test_a_series_over_an_area_has_one_point_for_each_date(client, layers, small_store):
    layer = next(v for k, v in layers.items() if "D046" in k and k.endswith("/VV"))
    path = small_store.parent / "archive" / "SIM_DEM.tif"
    answer = client.post("/values/area/series", json={"layer": layer["id"], "geometry": box(*place(path, 128, 128))})
    assert answer.status_code == 200, answer.text
    series = answer.json()["series"]
    assert len(series) == sum(one["series"] == layer["series"] for one in layers.values())
    single = client.post(
        "/values/area", json={"layer": series[0]["layer"], "geometry": box(*place(path, 128, 128))}
    ).json()
    assert series[0]["value"] == single["mean"]


def test_an_area_smaller_than_a_cell_has_the_value_of_that_cell(client, layers, small_store):
    path = small_store.parent / "archive" / "SIM_DEM.tif"
    longitude, latitude = place(path, 40, 41)
    small = box(longitude + 3e-5, latitude + 3e-5, 5e-6)
    told = client.post(
        "/values/area", json={"layer": pick(layers, quantity="elevation")["id"], "geometry": small}
    ).json()
    assert told["touched"] is True
    assert told["count"] == 1
    with rasterio.open(path) as dataset:
        assert told["mean"] == pytest.approx(dataset.read(1)[40, 41], rel=1e-6)


def raster_of(path, values, crs, transform):
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype="float32", crs=crs,
        transform=transform, nodata=float("nan"), tiled=True,
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return Raster(None, "data", (Band(Location(str(path)), 1, Decode(nodata=(math.nan,))),), "elevation", "m")


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32654", "EPSG:6933"])
def test_cell_areas_are_those_of_the_ellipsoid_in_every_grid(tmp_path, crs):
    import shapely
    from rasterio.transform import from_bounds
    from rasterio.warp import transform_bounds

    bounds = transform_bounds("EPSG:4326", crs, 140.0, 40.0, 142.0, 44.0)
    raster = raster_of(tmp_path / "a.tif", np.ones((400, 300), np.float32), crs, from_bounds(*bounds, 300, 400))
    shape = shapely.box(140.3, 40.4, 141.7, 43.6)
    cells = cells_within(raster, shape)
    parallels = shapely.segmentize(shape, 0.05)
    expected = abs(Geod(ellps="WGS84").geometry_area_perimeter(parallels)[0])
    assert cells.areas.sum() == pytest.approx(expected, rel=6e-3)  # cells at the rim are in or out
    middle = abs(
        Geod(ellps="WGS84").geometry_area_perimeter(
            shapely.box(141 - 1 / 300, 42 - 1 / 200, 141 + 1 / 300, 42 + 1 / 200)
        )[0]
    )
    if crs == "EPSG:4326":
        assert np.median(cells.areas) == pytest.approx(middle, rel=2e-3)


def test_the_mean_of_a_geographic_grid_counts_ground_not_cells(tmp_path):
    import shapely
    from rasterio.transform import from_bounds

    values = np.repeat(np.linspace(80, 0, 800, dtype=np.float32)[:, None], 20, axis=1)  # value = latitude
    raster = raster_of(tmp_path / "a.tif", values, "EPSG:4326", from_bounds(0, 0, 2, 80, 20, 800))
    told = statistics(raster, cells_within(raster, shapely.box(0, 0, 2, 80)))
    latitude = np.radians(np.linspace(0, 80, 100_001))
    expected = np.average(np.degrees(latitude), weights=np.cos(latitude))  # sphere: 33.3, where the plain mean is 40
    assert told["mean"] == pytest.approx(expected, abs=0.5)


def test_a_large_area_is_read_thinned_and_says_so(tmp_path, monkeypatch):
    import shapely
    from rasterio.transform import from_bounds

    monkeypatch.setattr(values_reading, "MOST_PIXELS", 10_000)
    values = np.add.outer(np.arange(700.0), np.arange(500.0)).astype(np.float32)
    raster = raster_of(
        tmp_path / "a.tif", values, "EPSG:32654", from_bounds(400_000, 3_500_000, 405_000, 3_507_000, 500, 700)
    )
    cells = cells_within(raster, shapely.box(130, 30, 150, 40))
    assert cells.step == 6
    assert cells.values.size <= 10_000
    assert cells.values.mean() == pytest.approx(values.mean(), rel=0.02)
    assert cells.areas.sum() == pytest.approx(35e6 / 0.9996**2, rel=1e-3)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [2, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], ["a", 0], [2, 2], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [400, 0], [400, 50], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1e400, 0], [4, 5], [0, 0]]]},
        {"type": "Polygon", "coordinates": "x"},
        {"type": "Polygon", "coordinates": {"a": 1}},
        {"type": "MultiPolygon", "coordinates": [[[0, 0]]]},
        {"type": "Polygon", "coordinates": [[[n * 1e-4, n * n * 1e-9] for n in range(10_001)]]},
    ],
)  # fmt: skip
def test_what_is_no_area_is_refused(client, layers, geometry):
    body = {"layer": pick(layers, quantity="elevation")["id"], "geometry": geometry}
    content = json.dumps(body, allow_nan=True).replace("Infinity", "1e400")
    answer = client.post("/values/area", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["lon=200&lat=0", "lon=0&lat=91", "lon=nan&lat=0", "lon=0", "lon=inf&lat=0"])
def test_a_place_off_the_earth_is_refused(client, layers, query):
    layer = pick(layers, quantity="elevation")["id"]
    assert client.get(f"/values?layer={layer}&{query}").status_code == 400
    assert client.get(f"/values/series?layer={layer}&{query}").status_code == 400


def test_a_layer_without_pixels_and_no_layer_are_not_found(client, layers):
    roads = pick(layers, quantity="roads")["id"]
    for name in (roads, "nothing/at/all", "../../etc/passwd"):
        assert client.get("/values", params={"layer": name, "lon": 140, "lat": 31}).status_code == 404
        assert client.post("/values/area", json={"layer": name, "geometry": box(140, 31)}).status_code == 404
        assert client.post("/values/area/series", json={"layer": name, "geometry": box(140, 31)}).status_code == 404


def test_every_word_is_in_both_languages():
    from mitoshi.display import values

    for module in (values, values_reading):
        for text in vars(module).values():
            if isinstance(text, Text):
                assert text.en != text.ja
                assert text.ja
