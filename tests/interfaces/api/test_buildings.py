"""Buildings in three dimensions: the geometry is right to the millimetre, and what is written is glTF."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import Polygon

from mitoshi.display.building_tiles import STOREY_HEIGHT_M, heights, tiles_of
from mitoshi.display.feature_lists import FeatureList, Legend
from mitoshi.display.gltf import Solid, earth_fixed, glb, mesh

ECEF = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
METRE = 1 / 111_320.0  # degree of latitude


def square(lon=139.7, lat=35.6, side=10.0, hole=0.0):
    x = METRE / np.cos(np.radians(lat))
    outer = [(lon + a * side * x, lat + b * side * METRE) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
    inner = [(lon + a * side * x, lat + b * side * METRE) for a, b in ((0.3, 0.3), (0.3, 0.6), (0.6, 0.6), (0.6, 0.3))]
    return Polygon(outer, [inner] if hole else [])


def solid(shape, base=2.0, roof=11.0, colour=(200, 100, 50)):
    return Solid(shape, base, roof, colour, {"id": "A1"})


def vertical(shape):
    """Return the direction of the plumb line, from an independent geodesy."""
    low, high = (np.array(ECEF.transform(shape.centroid.x, shape.centroid.y, h)) for h in (0.0, 1.0))
    return high - low


def closed_volume(made, floor, up):
    """Return the volume inside a skin whose missing floor lies at `floor`: divergence theorem over the triangles."""
    a, b, c = (made.positions[made.corners[:, n]] for n in range(3))
    # Heights above the floor times the horizontal area below each triangle: floors at zero add nothing.
    area = np.cross(b - a, c - a) / 2
    height = ((a + b + c) / 3 + made.centre - floor) @ up
    return float((height * (area @ up)).sum())


@pytest.mark.parametrize("hole", [0.0, 1.0])
def test_the_solid_holds_its_area_times_its_height(hole):
    shape = square(hole=hole)
    made = mesh([solid(shape)])
    floor = earth_fixed(*(np.array(v) for v in (shape.centroid.x, shape.centroid.y, 2.0)))
    corners = [np.array(ring.coords) for ring in (shape.exterior, *shape.interiors)]
    local = [earth_fixed(r[:, 0], r[:, 1], np.full(len(r), 11.0)) for r in corners]
    up = vertical(shape)
    areas = [abs(np.cross(r[:-1] - r[0], r[1:] - r[0]).sum(axis=0) @ up) / 2 for r in local]
    assert closed_volume(made, floor, up) == pytest.approx((areas[0] - sum(areas[1:])) * 9.0, rel=2e-6)


@pytest.mark.parametrize("hole", [0.0, 1.0])
def test_every_triangle_faces_outside(hole):
    shape = square(hole=hole)
    made = mesh([solid(shape)])
    a, b, c = (made.positions[made.corners[:, n]] for n in range(3))
    turned = np.cross(b - a, c - a)
    assert (np.einsum("ij,ij->i", turned, made.normals[made.corners[:, 0]]) > 0).all()
    middle = (a + b + c) / 3 + made.centre
    inverse = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
    step = 0.2 * turned / np.linalg.norm(turned, axis=1, keepdims=True)
    lon, lat, high = inverse.transform(*(middle + step).T)
    inside = shapely.contains_xy(shape, lon, lat) & (high < 11.0 - 0.1)
    assert not inside.any()


def test_positions_are_those_of_an_independent_geodesy():
    rng = np.random.default_rng(1)
    lon, lat, high = rng.uniform(-180, 180, 500), rng.uniform(-89, 89, 500), rng.uniform(-100, 9000, 500)
    assert np.abs(earth_fixed(lon, lat, high) - np.stack(ECEF.transform(lon, lat, high), axis=1)).max() < 1e-6


def parts(data):
    magic, version, length = np.frombuffer(data[:12], "<u4")
    assert (magic, version, length) == (0x46546C67, 2, len(data))
    head = int(np.frombuffer(data[12:16], "<u4")[0])
    document = json.loads(data[20 : 20 + head])
    body = data[28 + head :]
    assert (20 + head) % 4 == 0
    assert len(body) == document["buffers"][0]["byteLength"]
    return document, body


def array(document, body, number):
    accessor = document["accessors"][number]
    view = document["bufferViews"][accessor["bufferView"]]
    kind = {5126: "<f4", 5121: "u1", 5125: "<u4"}[accessor["componentType"]]
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
    data = body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    return np.frombuffer(data, kind).reshape(accessor["count"], width)


def test_the_binary_is_gltf_with_positions_within_a_centimetre_and_the_same_bytes_again():
    solids = [solid(square(139.7 + n * 0.002, 35.6)) for n in range(5)]
    data = glb(solids)
    assert data == glb(solids)
    document, body = parts(data)
    primitive = document["meshes"][0]["primitives"][0]
    positions = array(document, body, primitive["attributes"]["POSITION"])
    made = mesh(solids)
    upright = np.stack([positions[:, 0], -positions[:, 2], positions[:, 1]], axis=1)
    assert np.abs(upright - made.positions).max() < 0.01
    accessor = document["accessors"][primitive["attributes"]["POSITION"]]
    assert np.allclose(accessor["min"], positions.min(axis=0))
    assert np.allclose(accessor["max"], positions.max(axis=0))
    assert array(document, body, primitive["indices"]).max() < len(positions)
    assert set(array(document, body, primitive["attributes"]["_FEATURE_ID_0"]).ravel()) == {0, 1, 2, 3, 4}
    table = document["extensions"]["EXT_structural_metadata"]["propertyTables"][0]
    values = document["bufferViews"][table["properties"]["id"]["values"]]
    assert body[values["byteOffset"] : values["byteOffset"] + values["byteLength"]] == b"A1" * 5


def listed(rows, legend=None):
    import geopandas as gpd
    from shapely import STRtree

    from mitoshi.core.text import Text

    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")
    return FeatureList(frame, STRtree(frame.geometry.to_numpy()), Text("x", "x"), (), legend, simulated=True)


def test_a_measured_height_stays_and_a_missing_one_is_assumed_and_counted():
    rows = {
        "geometry": [square(139.7 + n * 0.001) for n in range(4)],
        "id": list("abcd"),
        "height_m": [7.5, np.nan, np.nan, np.nan],
        "storeys": [2.0, 3.0, np.nan, np.nan],
    }
    high, assumed = heights(listed(rows), {"c": 5.0})
    assert high.tolist() == [7.5, 3 * STOREY_HEIGHT_M, 5 * STOREY_HEIGHT_M, STOREY_HEIGHT_M]
    assert assumed == 3


def test_the_tree_holds_every_building_once_inside_its_volumes_in_its_colour():
    rng = np.random.default_rng(3)
    shapes = [square(139.7 + dx, 35.6 + dy) for dx, dy in rng.uniform(0, 0.2, (2500, 2))]
    rows = {"geometry": shapes, "id": [str(n) for n in range(2500)], "state": rng.integers(0, 2, 2500)}
    found = listed(rows, Legend("state", {0: "#102030", 1: "#405060"}))
    tiles = tiles_of(found, np.full(2500, 4.0), {})
    assert sorted(np.concatenate([leaf.rows for leaf in tiles.leaves]).tolist()) == list(range(2500))
    assert max(len(leaf.rows) for leaf in tiles.leaves) <= 1000

    def check(node, parent):
        assert parent[0] <= node.region[0] <= node.region[2] <= parent[2]
        for row in node.rows:
            west, south, east, north = tiles.solids[row].footprint.bounds
            assert node.region[0] <= west <= east <= node.region[2]
            assert node.region[1] <= south <= north <= node.region[3]
            assert node.region[4] <= tiles.solids[row].base < tiles.solids[row].roof <= node.region[5]
        for child in node.children:
            check(child, node.region)

    check(tiles.root, tiles.root.region)
    assert {s.colour for s in tiles.solids} == {(16, 32, 48), (64, 80, 96)}
    errors = []

    def descend(tile):
        errors.append(tile["geometricError"])
        for child in tile.get("children", ()):
            assert child["geometricError"] <= tile["geometricError"]
            descend(child)

    document = tiles.tileset()
    assert document["geometricError"] > document["root"]["geometricError"]
    descend(document["root"])
    assert min(errors) == 0.0


def test_the_service_raises_the_region_s_buildings_on_its_ground(client, small_store):
    from mitoshi.catalog import Catalogue

    item = Catalogue(small_store).search(quantity="buildings")[0]
    root = f"/buildings/{item.collection_id}/{item.id}/data"
    answer = client.get(f"{root}/tileset.json")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["asset"]["version"] == "1.1"
    leaf = document["root"]
    while "children" in leaf:
        leaf = leaf["children"][0]
    content = client.get(f"{root}/{leaf['content']['uri']}")
    assert content.headers["content-type"] == "model/gltf-binary"
    made, body = parts(content.content)
    positions = array(made, body, made["meshes"][0]["primitives"][0]["attributes"]["POSITION"])
    shift = np.array(leaf["transform"][12:15])
    earth = np.stack([positions[:, 0], -positions[:, 2], positions[:, 1]], axis=1) + shift
    lon, lat, high = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True).transform(*earth.T)
    west, south, east, north = item.bbox
    assert west - 1e-5 < lon.min() <= lon.max() < east + 1e-5
    assert south - 1e-5 < lat.min() <= lat.max() < north + 1e-5
    low, top = leaf["boundingVolume"]["region"][4:]
    assert low - 0.01 < high.min() < high.max() < top + 0.01
    assert client.get(f"{root}/999.glb").status_code == 404
    assert client.get(f"/buildings/{item.collection_id}/none/data/tileset.json").status_code == 404
