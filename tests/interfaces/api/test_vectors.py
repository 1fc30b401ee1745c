"""Features as GeoJSON and vector tiles: nothing lost, nothing moved, bounded."""

from __future__ import annotations

import time

import geopandas as gpd
import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from shapely.geometry import box, shape

from mitoshi.catalog import Catalogue
from mitoshi.core.text import Text
from mitoshi.display.feature_lists import FeatureList, mercator
from mitoshi.display.vector_tiles import TILE_BYTES, encoded


@pytest.fixture(scope="module")
def buildings(small_store):
    return Catalogue(small_store).search(quantity="buildings")[0]


@pytest.fixture(scope="module")
def root(buildings):
    return f"/vectors/{buildings.collection_id}/{buildings.id}/data"


def read(buildings):
    return gpd.read_parquet(buildings.assets["data"].href)


def test_geojson_holds_every_feature_where_it_is_with_its_columns_in_both_languages(client, root, buildings):
    answer = client.get(f"{root}.geojson")
    assert answer.headers["content-type"].startswith("application/geo+json")
    document = answer.json()
    truth = read(buildings).to_crs("EPSG:4326")
    assert document["numberMatched"] == len(truth)
    rows = {f["properties"]["id"]: f for f in document["features"]}
    for name, geometry in zip(truth["id"][:50], truth.geometry[:50], strict=True):
        told = shape(rows[name]["geometry"])
        assert told.hausdorff_distance(geometry) < 2e-7
        assert told.exterior.is_ccw  # RFC 7946, 3.1.6
    titles = {c["name"]: c["title"] for c in document["mitoshi:columns"]}
    assert titles["storeys"] == {"en": "storeys", "ja": "階数"}
    assert document["mitoshi:simulated"] is True


def test_pages_follow_each_other_and_hold_everything_once(client, root):
    whole = {f["id"] for f in client.get(f"{root}.geojson").json()["features"]}
    seen, address = [], f"{root}.geojson?limit=37"
    for _ in range(200):
        page = client.get(address).json()
        seen += [f["id"] for f in page["features"]]
        following = [k["href"] for k in page["links"] if k["rel"] == "next"]
        if not following:
            break
        address = following[0]
    assert sorted(seen) == sorted(whole)
    assert len(seen) == len(whole)


def test_a_box_gives_what_meets_it(client, root, buildings):
    truth = read(buildings).to_crs("EPSG:4326")
    west, south, east, north = truth.total_bounds
    asked = (west, south, (west + east) / 2, (south + north) / 2)
    document = client.get(f"{root}.geojson", params={"bbox": ",".join(map(str, asked))}).json()
    assert {f["properties"]["id"] for f in document["features"]} == set(truth["id"][truth.intersects(box(*asked))])
    assert client.get(f"{root}.geojson", params={"bbox": "1,2,x"}).status_code == 400


def tile_at(lon, lat, z):
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)
    return z, x, y


def test_a_tile_s_shapes_are_those_of_the_list_to_a_unit_of_the_tile(client, root, buildings):
    truth = read(buildings)
    degrees = truth.to_crs("EPSG:4326")
    point = degrees.geometry.iloc[0].centroid
    z, x, y = tile_at(point.x, point.y, 16)
    answer = client.get(f"{root}/{z}/{x}/{y}.mvt")
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    layer = mapbox_vector_tile.decode(answer.content)["features"]
    side = 2 * np.pi * 6378137.0 / 2**z
    west, north = -np.pi * 6378137.0 + x * side, np.pi * 6378137.0 - y * side
    reference = dict(zip(truth["id"], truth.to_crs("EPSG:3857").geometry, strict=True))
    inside = box(west, north - side, west + side, north)
    checked = 0
    for feature in layer["features"]:
        known = reference[feature["properties"]["id"]]
        if not inside.contains(known):
            continue
        unit = side / layer["extent"]
        drawn = shapely.transform(shape(feature["geometry"]), lambda c, unit=unit: c * unit + [west, north - side])
        assert drawn.hausdorff_distance(known) < 2.5 * unit
        checked += 1
    assert checked > 0


def test_tiles_outside_are_empty_and_those_that_do_not_exist_are_refused(client, root):
    assert client.get(f"{root}/10/0/0.mvt").content == b""
    assert client.get(f"{root}/3/8/0.mvt").status_code == 404
    assert client.get(f"{root}/40/0/0.mvt").status_code == 400
    told = client.get(f"{root}/tilejson.json").json()
    assert told["tilejson"] == "3.0.0"
    assert told["tiles"][0].endswith("/{z}/{x}/{y}.mvt")


def test_a_tile_with_too_much_in_it_keeps_the_largest_and_stays_short():
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 60, (20_000, 2))
    sides = rng.uniform(0.01, 2, 20_000)
    shapes = shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + sides, corners[:, 1] + sides)
    frame = gpd.GeoDataFrame({"name": [f"{n:060d}" for n in range(20_000)]}, geometry=shapes, crs="EPSG:4326")
    found = FeatureList(frame, shapely.STRtree(shapes), Text("x", "x"), (), None, simulated=True)
    tile = encoded(found, 0, 0, 0)
    assert 0 < len(tile) <= TILE_BYTES
    kept = [f["id"] for f in mapbox_vector_tile.decode(tile)["features"]["features"]]
    assert np.median(sides[kept]) > np.quantile(sides, 0.8)


def test_outlines_that_cross_themselves_thousands_of_times_are_drawn_as_lines_and_soon():
    turn = 2 * np.pi * np.arange(701) * 350 / 701
    star = shapely.Polygon(np.c_[30 + 9 * np.cos(turn), 30 + 9 * np.sin(turn)])
    tie = shapely.Polygon([(0, 0), (40, 40), (40, 0), (0, 40)])
    shapes = np.array([star] * 40 + [tie], object)
    frame = gpd.GeoDataFrame({"n": np.arange(41)}, geometry=shapes, crs="EPSG:4326")
    start = time.process_time()
    tile = encoded(FeatureList(frame, shapely.STRtree(shapes), Text("x", "x"), (), None, simulated=True), 3, 4, 3)
    assert time.process_time() - start < 20
    drawn = {f["id"]: f["geometry"]["type"] for f in mapbox_vector_tile.decode(tile)["features"]["features"]}
    assert drawn[0].endswith("LineString")
    assert drawn[40].endswith("Polygon")


def test_web_mercator_is_that_of_an_independent_geodesy():
    from pyproj import Transformer

    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(-180, 180, 200), rng.uniform(-85, 85, 200)
    east, north = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(lon, lat)
    made = shapely.get_coordinates(mercator(shapely.points(lon, lat)))
    assert np.abs(made - np.stack([east, north], axis=1)).max() < 1e-6


def test_a_product_s_list_and_outlines_say_what_they_are(client, small_store):
    item = next(
        i for i in Catalogue(small_store).search(collections=["disaster.flood-extent"]) if "outline" in i.assets
    )
    document = client.get(f"/vectors/{item.collection_id}/{item.id}/outline.geojson").json()
    assert document["title"]["ja"] == "浸水"
    assert document["features"]
    assert client.get(f"/vectors/{item.collection_id}/{item.id}/data.geojson").status_code == 404
