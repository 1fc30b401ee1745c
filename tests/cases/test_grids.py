"""Grids that deceived: counts, south-up rows, web-mercator metres, longitudes from 0 to 360, slopes in degrees.

Every right value is independent of the method: it stands in the README of the case, or is computed here by geodesics.
"""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Geod, Transformer

from mitoshi.applications.disaster.flood_extent import flood_extent
from mitoshi.applications.disaster.impact import impact
from mitoshi.applications.disaster.inundation import inundation
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import ELEVATION
from mitoshi.evidence.inputs import framed, open_sources
from mitoshi.sensors import items, open_observation

GEOD = Geod(ellps="WGS84")


def called(method, files, **parameters):
    """Call a method on files as a run does, on the whole scene; return its result and its figures by name."""
    frame, arrays = framed(method, open_sources(method, {k: str(v) for k, v in files.items()}), None)
    loaded = [a if a is None or hasattr(a, "columns") else a.load() for a in arrays]
    bound = method.bind_parameters(parameters)
    if method.surveyed is not None:
        from mitoshi.core.scene import ArrayScene

        names = [d.name for d in method.data]
        scene = ArrayScene(dict(zip(names, method.bind_data(loaded), strict=True)))
        parameters[method.surveyed] = method.survey(scene, bound)
    result = method(*loaded, **parameters)
    totals = method.tally(result, frame.cell_areas_m2(0, 0, *frame.shape))
    return result, {f.name: f for f in method.figures(totals, bound)}


def write(path, values, crs, transform, **tags):
    profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1}
    with rasterio.open(path, "w", dtype=values.dtype, crs=crs, transform=transform, **profile) as file:
        file.write(values, 1)
        file.update_tags(**tags)
    return path


@pytest.mark.real
class TestCases:
    @pytest.mark.parametrize("name", ["pop250", "pop5"])
    def test_people_are_shared_out(self, shared_data, name):
        folder = "cases/01-population-not-conserved"
        files = {"depth": shared_data(f"{folder}/depth.tif"), "population": shared_data(f"{folder}/{name}.tif")}
        figure = called(impact, files)[1]["affected_population"]
        assert figure.value == pytest.approx(5000, rel=1e-5)
        # The edge of the water lies within half a pixel of 25 m, over 2.5 km with 1600 people/km2: 50 people either way.
        assert 5000 - 51 < figure.lower < 5000 - 30
        assert 5000 + 30 < figure.upper < 5000 + 51

    @pytest.mark.parametrize("name", ["slope", "slope_su"])
    def test_south_up_is_the_same_ground(self, shared_data, name):
        folder = "cases/03-south-up-sides-swapped"
        files = {
            "elevation": shared_data(f"{folder}/{name}.tif"),
            "water_level": shared_data(f"{folder}/level.csv"),
        }
        result, _ = called(inundation, files, mode="full", duration_h=2.0, members=1)
        wet = np.asarray(result.maximum_depth) > 0.05
        assert wet.sum() == pytest.approx(1260, abs=12)
        assert wet[-1].all()  # the water comes from the south
        assert not wet[0].any()

    def test_web_mercator_impact(self, shared_data):
        folder = "cases/09-web-mercator-area"
        files = {"depth": shared_data(f"{folder}/wm.tif"), "buildings": shared_data(f"{folder}/wm.geojson")}
        result, figures = called(impact, files)
        assert result.pumps["area"].sum() == pytest.approx(2_940_290, rel=1e-5)
        assert result.pumps["volume"].sum() == pytest.approx(3_528_220, rel=1e-5)
        assert figures["pump_trucks"].value == 82

    def test_web_mercator_inundation_keeps_the_water_that_came_in(self, shared_data):
        folder = "cases/09-web-mercator-area"
        files = {
            "elevation": shared_data(f"{folder}/flat_wm.tif"),
            "inflow": shared_data(f"{folder}/inflow_wm.geojson"),
        }
        result, _ = called(inundation, files, duration_h=1.0, boundary="wall", members=1)
        with rasterio.open(files["elevation"]) as file:
            bounds, shape = file.bounds, file.shape
        corners = [(bounds.left, bounds.bottom), (bounds.right, bounds.bottom), (bounds.right, bounds.top)]
        corners.append((bounds.left, bounds.top))
        lon, lat = Transformer.from_crs(3857, 4326, always_xy=True).transform(*zip(*corners, strict=True))
        cell = abs(GEOD.polygon_area_perimeter(lon, lat)[0]) / (shape[0] * shape[1])
        assert float(np.nansum(result.final_depth)) * cell == pytest.approx(180_000, rel=2e-3)

    @pytest.mark.parametrize(("name", "share"), [("ns25", 0.0), ("ew35", 100.0)])
    def test_slopes_in_degrees(self, shared_data, name, share):
        folder = "cases/28-slope-on-degree-grid"
        files = {k: shared_data(f"{folder}/{k}.tif") for k in ("before", "after")}
        _, figures = called(flood_extent, {**files, "elevation": shared_data(f"{folder}/{name}.tif")})
        assert figures["not_observable_share"].value == pytest.approx(share, abs=0.5)


STEP = 10.0
ORIENTATIONS = {
    "north-up": Affine(STEP, 0, 400_000, 0, -STEP, 3_901_000),
    "south-up": Affine(STEP, 0, 400_000, 0, STEP, 3_900_000),
    "turned by 180 degrees": Affine(-STEP, 0, 400_800, 0, STEP, 3_900_000),
    "mirrored": Affine(-STEP, 0, 400_800, 0, -STEP, 3_901_000),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_row_0_is_north_however_the_file_is_turned(tmp_path, name):
    values = np.arange(8000, dtype=np.float32).reshape(100, 80)
    path = write(tmp_path / "ground.tif", values, "EPSG:32654", ORIENTATIONS[name])
    layer = open_observation(str(path), expecting=ELEVATION).layers["elevation"]
    assert tuple(layer.odc.geobox.affine)[:6] == (STEP, 0, 400_000, 0, -STEP, 3_901_000)
    places = [(400_105.0, 3_900_205.0), (400_705.0, 3_900_955.0), (400_005.0, 3_900_005.0)]
    with rasterio.open(path) as file:
        expected = [float(v[0]) for v in file.sample(places)]
    assert [float(layer.sel(x=x, y=y)) for x, y in places] == expected
    np.testing.assert_array_equal(layer[13:60, 7:50].to_numpy(), layer.to_numpy()[13:60, 7:50])


def test_a_rotated_file_runs_on_a_grid_that_is_not(tmp_path):
    """A plane in a file turned by 30 degrees is the same plane on the run's north-up grid."""
    affine = Affine.translation(400_000, 3_900_000) @ Affine.rotation(30) @ Affine.scale(STEP, -STEP)
    columns, rows = np.meshgrid(np.arange(80) + 0.5, np.arange(100) + 0.5)
    x, y = affine @ (columns, rows)
    path = write(tmp_path / "depth.tif", (1 + 1e-3 * (x - 400_000) + 2e-3 * (y - 3_899_000)).astype(np.float32),
                 "EPSG:32654", affine)  # fmt: skip
    _, (depth, *_) = framed(impact, open_sources(impact, {"depth": str(path)}), None)
    t = depth.odc.geobox.affine
    assert (t.a, t.b, t.d, t.e) == (STEP, 0, 0, -STEP)
    expected = 1 + 1e-3 * (depth.x - 400_000) + 2e-3 * (depth.y - 3_899_000)
    expected = expected.transpose("y", "x")
    seen = np.isfinite(depth.to_numpy())
    assert seen.sum() * STEP**2 == pytest.approx(8000 * STEP**2, rel=0.02)
    inner = seen & (np.abs(depth.to_numpy() - expected.to_numpy()) < 0.012)
    assert inner.sum() == seen.sum()


def catalogued(path):
    """Return the bbox of a file's item, which must fit its geometry."""
    from mitoshi.catalog.footprint import checked_geometry

    item = items(str(path))[0]
    geometry, bounds = checked_geometry(item.geometry, item.bbox)
    assert geometry.is_valid
    np.testing.assert_allclose(bounds, item.bbox, atol=1e-5)
    return item.bbox


@pytest.mark.real
class TestLongitudes:
    FOLDER = "cases/10-longitude-0-360"

    def test_buildings_and_raster_meet_on_one_meridian(self, shared_data):
        files = {
            "depth": shared_data(f"{self.FOLDER}/lon360.tif"),
            "buildings": shared_data(f"{self.FOLDER}/lon360.geojson"),
        }
        result, _ = called(impact, files)
        np.testing.assert_allclose(result.buildings["depth"], [2, 1, 0, 0])

    def test_the_bbox_is_that_of_the_place(self, shared_data):
        path = shared_data(f"{self.FOLDER}/lon360.tif")
        np.testing.assert_allclose(catalogued(path), [-160.0, 21.47, -159.97, 21.5], atol=1e-6)

    def test_the_bbox_of_a_netcdf(self, shared_data):
        path = shared_data(f"{self.FOLDER}/l360.nc")
        with rasterio.open(path) as file:
            west, south, east, north = file.bounds
        # GDAL may count them from -180 to 180 by itself.
        expected = [(west + 180) % 360 - 180, south, (east + 180) % 360 - 180, north]
        np.testing.assert_allclose(catalogued(path), expected, atol=1e-6)


BOXES = {
    "0 to 360": ("EPSG:4326", Affine(0.001, 0, 200, 0, -0.001, 21.5), (-160, 21.4, -159.9, 21.5)),
    "over 180, by 0 to 360": ("EPSG:4326", Affine(0.001, 0, 179.95, 0, -0.001, 21.5), (179.95, 21.4, -179.95, 21.5)),
    "over -180": ("EPSG:4326", Affine(0.001, 0, -180.05, 0, -0.001, 21.5), (179.95, 21.4, -179.95, 21.5)),
    "the whole Earth by 0 to 360": ("EPSG:4326", Affine(3.6, 0, 0, 0, -1.8, 90), (-180, -90, 180, 90)),
    "from 180 on": ("EPSG:4326", Affine(0.001, 0, 180, 0, -0.001, 21.5), (-180, 21.4, -179.9, 21.5)),
}


@pytest.mark.parametrize("name", BOXES)
def test_the_box_of_a_raster_in_degrees(tmp_path, name):
    crs, affine, expected = BOXES[name]
    path = write(tmp_path / "ground.tif", np.zeros((100, 100), np.float32), crs, affine)
    np.testing.assert_allclose(catalogued(path), expected, atol=1e-6)


def test_the_box_of_a_utm_scene_over_the_antimeridian(tmp_path):
    to_utm = Transformer.from_crs(4326, 32601, always_xy=True)
    x, y = to_utm.transform(180.0, -17.0)
    path = write(tmp_path / "ground.tif", np.zeros((100, 100), np.float32), "EPSG:32601",
                 Affine(100, 0, x - 5000, 0, -100, y + 5000))  # fmt: skip
    west, south, east, north = catalogued(path)
    assert 179.9 < west < 180
    assert -180 < east < -179.9
    assert south < -17 < north


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3413", 90.0), ("EPSG:3031", -90.0)])
def test_the_box_of_a_raster_around_a_pole(tmp_path, crs, pole):
    affine = Affine(10_000, 0, -400_000, 0, -10_000, 700_000)
    path = write(tmp_path / "ground.tif", np.zeros((100, 100), np.float32), crs, affine)
    west, south, east, north = catalogued(path)
    assert (west, east) == (-180, 180)
    assert pole in (south, north)
    # The rim's farthest corner from the pole.
    corner = Transformer.from_crs(crs, 4326, always_xy=True).transform(600_000, 700_000)[1]
    assert (south if pole > 0 else north) == pytest.approx(corner, abs=1e-6)


def test_features_over_the_antimeridian(tmp_path):
    from shapely.geometry import MultiPolygon, Point, Polygon, box

    jumping = Polygon([(179.9, -17), (-179.9, -17), (-179.9, -16.9), (179.9, -16.9)])
    split = MultiPolygon([box(179.9, -17, 180, -16.9), box(-180, -17, -179.9, -16.9)])
    features = geopandas.GeoDataFrame(
        {"id": ["jump", "split", "east", "west"]},
        geometry=[jumping, split, Point(179.95, -16.95).buffer(0.01), Point(-179.95, -16.95).buffer(0.01)],
        crs=4326,
    )
    path = tmp_path / "buildings.geojson"
    features.to_file(path, driver="GeoJSON")
    values = np.full((100, 300), 1.0, np.float32)
    values[:, 150:] = 3.0  # east of 180 degrees
    for number, west in enumerate((179.85, -180.15)):
        depth = write(tmp_path / f"d{number}.tif", values, "EPSG:4326", Affine(0.001, 0, west, 0, -0.001, -16.9))
        result, _ = called(impact, {"depth": depth, "buildings": path})
        np.testing.assert_allclose(result.buildings["depth"], [2, 2, 1, 3], atol=0.02)


def test_features_from_0_to_360_have_a_box_on_the_earth(tmp_path):
    from shapely.geometry import box

    for number, (west, east, expected) in enumerate(
        ((200.0, 200.5, (-160, -159.5)), (179.5, 180.5, (179.5, -179.5)), (-179.5, -179.0, (-179.5, -179.0)))
    ):
        path = tmp_path / f"buildings{number}.geojson"
        features = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[box(west, 10, east, 11)], crs=4326)
        features.to_file(path, driver="GeoJSON")
        bbox = catalogued(path)
        np.testing.assert_allclose((bbox[0], bbox[2]), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200,21,200.5,22", (-160, 21, -159.5, 22)), ("170,0,190,1", (170, 0, -170, 1)), ("0,-90,360,90", (-180, -90, 180, 90)),
     ("350,0,10,1", (-10, 0, 10, 1)), ("180,0,190,1", (-180, 0, -170, 1)), ("179,0,-179,1", (179, 0, -179, 1))],
)  # fmt: skip
def test_areas_from_0_to_360(text, expected):
    from mitoshi.core.grid import BBox

    assert BBox.parse(text) == pytest.approx(expected)


CORNERS = [(0, 0, 0, 0), (0, 80, 800, 0), (100, 80, 800, -1000), (100, 0, 0, -1000)]
CONTROL = {
    "four corners": CORNERS,
    "four corners in another order": CORNERS[::-1],
    "four centres of corner pixels": [(r + dr, c + dc, x + 10 * dc, y - 10 * dr) for (r, c, x, y), (dr, dc) in
                                      zip(CORNERS, ((0.5, 0.5), (0.5, -0.5), (-0.5, -0.5), (-0.5, 0.5)), strict=True)],
    "three corners": CORNERS[:3],
    "scattered points": [(r, c, 10 * c, -10 * r) for r, c in ((3, 5), (10, 70), (90, 75), (80, 10), (50, 40))],
}  # fmt: skip


def controlled(path, points, crs="EPSG:32654", origin=(400_000, 3_900_000)):
    from rasterio.control import GroundControlPoint

    values = np.arange(8000, dtype=np.float32).reshape(100, 80)
    gcps = [GroundControlPoint(r, c, origin[0] + x, origin[1] + y) for r, c, x, y in points]
    with rasterio.open(path, "w", driver="GTiff", height=100, width=80, count=1, dtype="float32") as file:
        file.write(values, 1)
        file.gcps = (gcps, rasterio.CRS.from_string(crs))
    return path


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
class TestControlPoints:
    @pytest.mark.parametrize("name", CONTROL)
    def test_pixels_lie_where_the_points_say(self, tmp_path, name):
        path = controlled(tmp_path / "ground.tif", CONTROL[name])
        layer = open_observation(str(path), expecting=ELEVATION).layers["elevation"]
        for x, y in ((400_105.0, 3_899_205.0), (400_705.0, 3_899_955.0), (400_005.0, 3_899_005.0)):
            expected = (3_900_000 - y) // 10 * 80 + (x - 400_000) // 10
            assert float(layer.sel(x=x, y=y, method="nearest")) == expected

    def test_points_over_the_antimeridian(self, tmp_path):
        points = [
            (0, 0, 179.995, -17.0),
            (0, 80, -179.997, -17.0),
            (100, 80, -179.997, -17.01),
            (100, 0, 179.995, -17.01),
        ]
        west, south, east, north = catalogued(controlled(tmp_path / "ground.tif", points, "EPSG:4326", (0, 0)))
        np.testing.assert_allclose((west, south, east, north), (179.995, -17.01, -179.997, -17.0), atol=5e-4)

    def test_points_that_fit_no_grid_are_refused(self, tmp_path):
        points = [*CONTROL["scattered points"][:4], (50, 40, 5000, -500)]
        with pytest.raises(InputError, match="pixels off"):
            open_observation(str(controlled(tmp_path / "ground.tif", points)), expecting=ELEVATION)


def test_netcdf_with_ascending_latitude_is_north_up(tmp_path):
    import xarray as xr

    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    array = xr.DataArray(
        values, dims=("lat", "lon"), name="elevation",
        coords={"lat": ("lat", [35.0, 35.1, 35.2], {"units": "degrees_north", "standard_name": "latitude"}),
                "lon": ("lon", [139.0, 139.1, 139.2, 139.3], {"units": "degrees_east", "standard_name": "longitude"})},
        attrs={"units": "m"},
    )  # fmt: skip
    path = tmp_path / "elevation.nc"
    array.to_netcdf(path, engine="h5netcdf")
    layer = next(iter(open_observation(str(path), expecting=ELEVATION).layers.values()))
    assert layer.odc.geobox.affine.e < 0
    np.testing.assert_array_equal(np.asarray(layer).reshape(3, 4), values[::-1])


@pytest.mark.parametrize(
    ("affine", "expected"),
    [(Affine(0.001, 0, 200, 0, -0.001, 21.5), 4950), (Affine(0.001, 0, 200, 0, 0.001, 21.4), 5050)],
)
def test_the_service_reads_values_of_rasters_from_0_to_360_and_south_up(tmp_path, affine, expected):
    import shapely

    from mitoshi.display.rasters import _raster
    from mitoshi.display.value_reading import cells_within, values_at

    values = (np.arange(10_000, dtype=np.float32) / 4).reshape(100, 100)  # heights that ground can have
    path = write(tmp_path / "ground.tif", values, "EPSG:4326", affine, MITOSHI_QUANTITY="elevation", MITOSHI_UNITS="m")
    raster = _raster(items(str(path))[0], "data", "")
    assert values_at(raster, -159.9495, 21.4505) == [expected / 4]
    within = cells_within(raster, shapely.box(-159.95, 21.45, -159.94, 21.46))
    area = abs(GEOD.polygon_area_perimeter([-159.95, -159.94, -159.94, -159.95], [21.45, 21.45, 21.46, 21.46])[0])
    assert within.areas.sum() == pytest.approx(area, rel=1e-5)


def geodesic(crs, corners):
    """Return the area of a ring of corners in a CRS whose sides are cut finely, by Karney's geodesics [m2]."""
    sides = [np.linspace(a, b, 200, endpoint=False) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]
    lon, lat = Transformer.from_crs(crs, 4326, always_xy=True).transform(*np.concatenate(sides).T)
    return abs(GEOD.polygon_area_perimeter(lon, lat)[0])


AREAS = {
    "degrees, 6 degrees high": ("EPSG:4326", Affine(0.01, 0, 139, 0, -0.01, 66)),
    "web mercator": ("EPSG:3857", Affine(2000, 0, 15_500_000, 0, -2000, 8_500_000)),
    "polar": ("EPSG:3413", Affine(3000, 0, -1_900_000, 0, -3000, -400_000)),
    "UTM": ("EPSG:32654", Affine(200, 0, 430_000, 0, -200, 4_000_000)),
}


@pytest.mark.parametrize("name", AREAS)
@pytest.mark.parametrize("part", [(0, 150, 0, 700), (450, 600, 0, 700), (100, 300, 600, 700)])
def test_areas_of_every_part_of_a_scene_are_geodesic(name, part):
    """A flood in one corner has that corner's cells, in tiles and in scenes that are seen whole."""
    from odc.geo.geobox import GeoBox

    from mitoshi.evidence.frame import Frame
    from mitoshi.methods.statistics.areas import areas_of

    crs, affine = AREAS[name]
    top, bottom, left, right = part
    wet = np.zeros((600, 700), bool)
    wet[top:bottom, left:right] = True
    ring = [affine @ corner for corner in ((left, top), (right, top), (right, bottom), (left, bottom))]
    found = areas_of(Frame(GeoBox(wet.shape, affine, crs)).cell_areas_m2(0, 0, *wet.shape), wet.shape).total(wet)
    assert found == pytest.approx(geodesic(crs, ring), rel=2e-4)


@pytest.mark.parametrize("name", ["degrees, 6 degrees high", "UTM"])
def test_lengths_on_the_plane_are_geodesic(name):
    import shapely
    import xarray as xr
    from odc.geo.geobox import GeoBox
    from odc.geo.xr import xr_coords

    from mitoshi.applications.disaster.impact_grid import grid_of

    crs, affine = AREAS[name]
    box = GeoBox((600, 700), affine, crs)
    grid = grid_of(xr.DataArray(np.zeros(box.shape), dims=("y", "x"), coords=xr_coords(box, dims=("y", "x"))))
    for place in ((5, 5), (590, 690), (5, 690), (300, 350)):
        for step in ((10, 0), (0, 10)):
            ends = [affine @ place, affine @ (place[0] + step[0], place[1] + step[1])]
            lon, lat = Transformer.from_crs(crs, 4326, always_xy=True).transform(*np.array(ends).T)
            (line,) = grid.plane(np.array([shapely.LineString(ends)], object))
            assert line.length == pytest.approx(GEOD.line_length(lon, lat), rel=1e-3)
            np.testing.assert_allclose(grid.back(shapely.get_coordinates(line)), ends, rtol=1e-10, atol=1e-9)


def test_a_plane_too_wide_for_true_lengths_is_refused():
    import shapely
    import xarray as xr
    from odc.geo.geobox import GeoBox
    from odc.geo.xr import xr_coords

    from mitoshi.applications.disaster.impact_grid import grid_of

    box = GeoBox((60, 700), Affine(0.01, 0, 139, 0, -0.01, 0.3), "EPSG:4326")
    grid = grid_of(xr.DataArray(np.zeros(box.shape), dims=("y", "x"), coords=xr_coords(box, dims=("y", "x"))))
    with pytest.raises(InputError, match="from its central meridian"):
        grid.plane(np.array([shapely.Point(140, 0)], object))


def test_slides_far_apart_have_the_areas_of_their_places(tmp_path):
    """Two slides of the same cells, 6 degrees of latitude apart, on a grid in degrees."""
    from mitoshi.applications.disaster.landslide import landslide

    affine = Affine(0.01, 0, 139, 0, -0.01, 66)
    change = np.random.default_rng(4).normal(0, 0.1, (600, 60)).astype(np.float32)
    for top in (20, 560):
        change[top : top + 20, 20:40] = -8
    path = write(
        tmp_path / "change.tif", change, "EPSG:4326", affine, MITOSHI_QUANTITY="elevation_change", MITOSHI_UNITS="m"
    )
    result, _ = called(landslide, {"elevation_change": path})
    slides = result.landslides[result.landslides["area_m2"] > 1e8]
    north, south = slides["area_m2"]
    for found, top in ((north, 20), (south, 560)):
        ring = [affine @ corner for corner in ((20, top), (40, top), (40, top + 20), (20, top + 20))]
        cells = 400 * found / geodesic("EPSG:4326", ring)
        assert 399 < cells < 403  # noise may add one at the edge
        assert cells == pytest.approx(round(cells), abs=0.04)


def opaque(path, tile):
    """Return how much of a tile is painted."""
    import io

    from mitoshi.display.drawing import draw
    from mitoshi.display.rasters import _raster

    raster = _raster(items(str(path))[0], "data", "")
    with rasterio.MemoryFile(io.BytesIO(draw(raster, tile, 256))) as memory, memory.open() as file:
        table = file.colormap(1)
        return float(np.vectorize(lambda code: table[code][3] > 0)(file.read(1)).mean())


TILES = {
    "0 to 360": ("EPSG:4326", Affine(0.45, 0, 180, 0, -0.45, 45), (2, 0, 1), 0.561),  # up to 45 of 66.5 degrees north
    "0 to 360, elsewhere": ("EPSG:4326", Affine(0.45, 0, 180, 0, -0.45, 45), (2, 3, 1), 0.0),
    "the whole Earth, west of Greenwich": ("EPSG:4326", Affine(1.8, 0, 0, 0, -0.9, 90), (1, 0, 0), 1.0),
    "the whole Earth, east of Greenwich": ("EPSG:4326", Affine(1.8, 0, 0, 0, -0.9, 90), (1, 1, 1), 1.0),
    "south-up": ("EPSG:4326", Affine(0.45, 0, 180, 0, 0.45, -45), (2, 0, 2), 0.561),
    "around the pole": ("EPSG:3413", Affine(30_000, 0, -3_000_000, 0, -30_000, 3_000_000), (3, 5, 0), 1.0),
    "turned by 45 degrees": ("EPSG:3857", Affine(7071, 7071, -707_100, -7071, 7071, 0), (10, 511, 511), 1.0),
}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", TILES)
def test_map_tiles_of_every_grid(tmp_path, name):
    crs, affine, tile, share = TILES[name]
    values = np.random.default_rng(2).uniform(1, 2000, (200, 200)).astype(np.float32)
    path = write(tmp_path / "ground.tif", values, crs, affine, MITOSHI_QUANTITY="elevation", MITOSHI_UNITS="m")
    assert opaque(path, tile) == pytest.approx(share, abs=0.01)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_tiles_over_the_antimeridian_reach_both_sides(tmp_path):
    to_utm = Transformer.from_crs(4326, 32601, always_xy=True)
    x, y = to_utm.transform(180.0, -17.0)
    values = np.random.default_rng(2).uniform(1, 2000, (200, 200)).astype(np.float32)
    path = write(tmp_path / "ground.tif", values, "EPSG:32601", Affine(1000, 0, x - 100_000, 0, -1000, y + 100_000),
                 MITOSHI_QUANTITY="elevation", MITOSHI_UNITS="m")  # fmt: skip
    row = int((1 - np.arcsinh(np.tan(np.radians(-17.0))) / np.pi) / 2 * 2**9)
    assert opaque(path, (9, 0, row)) > 0.95
    assert opaque(path, (9, 511, row)) > 0.95


def test_heights_of_terrain_from_0_to_360(tmp_path):
    from mitoshi.display.rasters import _raster
    from mitoshi.display.terrain import Elevation

    values = np.full((100, 100), 321.0, np.float32)
    path = write(tmp_path / "ground.tif", values, "EPSG:4326", Affine(0.001, 0, 200, 0, -0.001, 21.5),
                 MITOSHI_QUANTITY="elevation", MITOSHI_UNITS="m")  # fmt: skip
    item = items(str(path))[0]
    model = Elevation(_raster(item, "data", ""), tuple(item.bbox), 100.0, "")
    assert model.heights(np.array([-159.95]), np.array([21.45]), 12) == [321.0]


@pytest.mark.parametrize(("west", "share"), [(139.0, None), (139.05, 50), (-220.95, 50), (138.975, 25)])
def test_a_run_says_how_much_of_its_area_a_raster_does_not_reach(tmp_path, west, share):
    from mitoshi.evidence.coverage import outside
    from mitoshi.evidence.inputs import framed, open_sources

    ground = write(
        tmp_path / "ground.tif", np.ones((100, 100), np.float32), "EPSG:4326", Affine(0.001, 0, west, 0, -0.001, 36)
    )
    depth = write(
        tmp_path / "depth.tif", np.ones((100, 100), np.float32), "EPSG:4326", Affine(0.001, 0, 139, 0, -0.001, 36)
    )
    given = open_sources(impact, {"depth": str(depth), "elevation": str(ground)})
    frame, _ = framed(impact, given, None)
    said = outside(given, frame)
    assert [text.en for text in said] == ([] if share is None else [
        f"{share} % of the area lies outside of elevation: nothing is known of it there, which is not zero"
    ])  # fmt: skip


@pytest.mark.parametrize("west", [140.0, -60.0])
def test_a_raster_of_another_place_is_refused(tmp_path, west):
    """An elevation of another continent gave a depth of 0.0 m, a population of another country nobody in water."""
    from mitoshi.core.errors import InputError
    from mitoshi.evidence.coverage import outside
    from mitoshi.evidence.inputs import framed, open_sources

    values = np.ones((100, 100), np.float32)
    write(tmp_path / "ground.tif", values, "EPSG:4326", Affine(0.001, 0, west, 0, -0.001, 36))
    write(tmp_path / "depth.tif", values, "EPSG:4326", Affine(0.001, 0, 139, 0, -0.001, 36))
    given = open_sources(impact, {"depth": f"{tmp_path}/depth.tif", "elevation": f"{tmp_path}/ground.tif"})
    frame, _ = framed(impact, given, None)
    with pytest.raises(InputError, match=r"elevation \(ground.tif\) lies elsewhere: no part of it is in the area"):
        outside(given, frame)


def test_a_raster_smaller_than_the_places_looked_at_is_there(tmp_path):
    """A tile of 30 m in a scene of 300 km lies between the places at which coverage is estimated."""
    from mitoshi.evidence.coverage import outside
    from mitoshi.evidence.inputs import framed, open_sources

    small = Affine(0.0001, 0, 139.5003, 0, -0.0001, 35.5003)
    write(tmp_path / "ground.tif", np.ones((3, 3), np.float32), "EPSG:4326", small)
    write(tmp_path / "depth.tif", np.ones((300, 300), np.float32), "EPSG:4326", Affine(0.01, 0, 138, 0, -0.01, 37))
    given = open_sources(impact, {"depth": f"{tmp_path}/depth.tif", "elevation": f"{tmp_path}/ground.tif"})
    frame, _ = framed(impact, given, None)
    assert [text.en for text in outside(given, frame)] == [
        "100 % of the area lies outside of elevation: nothing is known of it there, which is not zero"
    ]


@pytest.mark.parametrize(("side", "outside_people"), [(10, 1500), (20, None)])
def test_people_outside_of_the_depth_map_are_said_not_to_be_counted(tmp_path, side, outside_people):
    """Of 400 cells of 5 people each the depth covers the first 100, or all."""
    from affine import Affine

    from mitoshi.evidence.coverage import not_counted

    place = Affine(100.0, 0, 400_000.0, 0, -100.0, 3_500_000.0)
    tags = {"MITOSHI_QUANTITY": "water_depth", "MITOSHI_UNITS": "m"}
    depth = write(tmp_path / "depth.tif", np.ones((side, side), np.float32), "EPSG:32654", place, **tags)
    tags = {"MITOSHI_QUANTITY": "population", "MITOSHI_UNITS": "1"}
    people = write(tmp_path / "people.tif", np.full((20, 20), 5.0, np.float32), "EPSG:32654", place, **tags)
    given = open_sources(impact, {"depth": str(depth), "population": str(people)})
    said = not_counted(given, framed(impact, given, None)[0])
    if outside_people is None:
        assert said == ()
        return
    assert "population: 1,500 of its total (75 %) lie outside" in said[0].en
    assert "1,500（75％）" in said[0].ja
