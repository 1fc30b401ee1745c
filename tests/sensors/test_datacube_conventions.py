"""What NetCDF files say by the CF conventions and the NetCDF Users Guide is read as GeoTIFF tags are, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS, Transformer

from mitoshi.core.errors import InputError
from mitoshi.core.quantity import BACKSCATTER, ELEVATION, FLOOD_EXTENT, WATER_DEPTH, as_declared
from mitoshi.sensors import items, open_observation

UTM = CRS.from_epsg(32654)
CENTRES = {"y": 3_940_000 - 25 * (np.arange(6) + 0.5), "x": 390_000 + 25 * (np.arange(8) + 0.5)}


def write(path, values=None, attrs=None, *, name="depth", y=None, x=None, dims=("y", "x"), mapping=UTM, **more):
    """Write a variable as it is stored, with a CF grid mapping."""
    values = np.full((6, 8), 2.0, np.float32) if values is None else np.asarray(values)
    coords = {dims[0]: CENTRES["y"] if y is None else y, dims[1]: CENTRES["x"] if x is None else x}
    variable = xr.Variable(dims, values, {"grid_mapping": "crs", **(attrs or {})})
    content = {name: variable, **more}
    if mapping is not None:
        content["crs"] = xr.Variable((), 0, {"crs_wkt": mapping.to_wkt()} if isinstance(mapping, CRS) else mapping)
    dataset = xr.Dataset(content, {k: v for k, v in coords.items() if v is not False})
    plain = {k: {"_FillValue": None} for k in dataset.variables if "_FillValue" not in dataset[k].attrs}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=plain)
    return str(path)


def layer(path, quantity=WATER_DEPTH):
    (found,) = open_observation(path, expecting=quantity).layers.values()
    return found


def transform(path):
    return tuple(layer(path).odc.geobox.affine)[:6]


ROW = np.full((1, 8), 2.0, np.float32)
PLACE = (25, 0, 390_000, 0, -25, 3_940_000)


class TestSingleRow:
    @pytest.mark.parametrize("stated", ["GeoTransform", "bounds"])
    def test_the_height_is_read_where_it_is_stated(self, tmp_path, stated):
        y = xr.Variable("y", CENTRES["y"][:1], {"units": "m"})
        mapping, more = {"crs_wkt": UTM.to_wkt()}, {}
        if stated == "GeoTransform":
            mapping["GeoTransform"] = "390000 25 0 3940000 0 -25 "
        else:
            y.attrs["bounds"] = "y_bnds"
            more["y_bnds"] = xr.Variable(("y", "nv"), [[3_940_000.0, 3_939_975.0]])
        path = write(tmp_path / "row.nc", ROW, y=y, mapping=mapping, **more)
        assert transform(path) == pytest.approx(PLACE)
        assert layer(path).shape == (1, 8)

    def test_a_cut_of_a_larger_grid_keeps_its_own_place(self, tmp_path):
        """Cutting a file in memory leaves the GeoTransform of the whole; the coordinate says which row was cut."""
        mapping = {"crs_wkt": UTM.to_wkt(), "GeoTransform": "390000 25 0 3940000 0 -25"}
        path = write(tmp_path / "cut.nc", ROW, y=CENTRES["y"][3:4], mapping=mapping)
        assert transform(path) == pytest.approx((25, 0, 390_000, 0, -25, 3_940_000 - 75))

    def test_otherwise_it_says_what_is_missing(self, tmp_path):
        observation = open_observation(write(tmp_path / "row.nc", ROW, y=CENTRES["y"][:1]), expecting=WATER_DEPTH)
        assert any("a single row" in text.en and "GeoTransform" in text.en for text in observation.assumptions)
        assert observation.item.bbox is None

    def test_a_geotransform_alone_places_the_grid(self, tmp_path):
        mapping = {"crs_wkt": UTM.to_wkt(), "GeoTransform": "390000 25 0 3940000 0 -25"}
        assert transform(write(tmp_path / "g.nc", y=False, x=False, mapping=mapping)) == pytest.approx(PLACE)


def test_bounds_place_cells_whose_coordinates_are_corners(tmp_path):
    edges = 390_000 + 25.0 * np.arange(9)
    x = xr.Variable("x", edges[:-1], {"units": "m", "bounds": "x_bnds"})
    bounds = xr.Variable(("x", "nv"), np.stack([edges[:-1], edges[1:]], axis=1))
    assert transform(write(tmp_path / "corner.nc", x=x, x_bnds=bounds)) == pytest.approx(PLACE)


@pytest.mark.parametrize(("unit", "metres"), [("km", 1000.0), ("m", 1.0), ("US survey foot", 1200 / 3937)])
def test_coordinates_in_other_units_of_length(tmp_path, unit, metres):
    y, x = (xr.Variable(d, CENTRES[d] / metres, {"units": unit}) for d in ("y", "x"))
    assert transform(write(tmp_path / "u.nc", y=y, x=x)) == pytest.approx(PLACE, rel=1e-9)


def test_false_origins_of_cf_are_in_the_unit_of_the_coordinates(tmp_path):
    mapping = {k: v / 1000 if k.startswith("false") else v for k, v in UTM.to_cf().items() if k != "crs_wkt"}
    y, x = (xr.Variable(d, CENTRES[d] / 1000, {"units": "km"}) for d in ("y", "x"))
    box = open_observation(write(tmp_path / "k.nc", y=y, x=x, mapping=mapping), expecting=WATER_DEPTH).item.bbox
    west, _, _, north = Transformer.from_crs(32654, 4326, always_xy=True).transform_bounds(
        390e3, 3.93985e6, 390.2e3, 3.94e6
    )
    assert (box[0], box[3]) == pytest.approx((west, north), abs=2e-6)


def test_geostationary_scanning_angles_become_metres(tmp_path):
    """Himawari at 140.7 E: the ground under an angle, by the formulas of CGMS LRIT/HRIT 4.4.3.2."""
    mapping = {"grid_mapping_name": "geostationary", "perspective_point_height": 35_785_863.0, "sweep_angle_axis": "y",
               "semi_major_axis": 6_378_137.0, "inverse_flattening": 298.257222101, "longitude_of_projection_origin": 140.7,
               "latitude_of_projection_origin": 0.0}  # fmt: skip
    y, x = (xr.Variable(d, a + 56e-6 * np.arange(n), {"units": "rad"}) for d, a, n in (("y", 0.09, 6), ("x", -0.02, 8)))
    found = layer(write(tmp_path / "h.nc", y=y, x=x, mapping=mapping))
    a, b, h = 6378.137, 6356.7523141, 42164.0
    across, up = -0.02, 0.09
    cos = np.cos(across) * np.cos(up)
    flat = np.cos(up) ** 2 + a**2 / b**2 * np.sin(up) ** 2
    s = (h * cos - np.sqrt((h * cos) ** 2 - flat * (h**2 - a**2))) / flat
    s1, s2, s3 = h - s * cos, s * np.sin(across) * np.cos(up), s * np.sin(up)
    longitude = 140.7 + np.degrees(np.arctan2(s2, s1))
    latitude = np.degrees(np.arctan(a**2 / b**2 * s3 / np.hypot(s1, s2)))
    to_degrees = Transformer.from_crs(found.odc.geobox.crs.proj, 4326, always_xy=True)
    # Row 0 is north: the first stored row is the last one here.
    lon, lat = to_degrees.transform(float(found.x[0]), float(found.y[-1]))
    assert (lon, lat) == pytest.approx((longitude, latitude), abs=2e-4)


def test_a_full_disk_has_a_footprint(tmp_path):
    mapping = {"grid_mapping_name": "geostationary", "perspective_point_height": 35_785_863.0, "sweep_angle_axis": "y",
               "semi_major_axis": 6_378_137.0, "inverse_flattening": 298.257222101, "longitude_of_projection_origin": 140.7,
               "latitude_of_projection_origin": 0.0}  # fmt: skip
    angle = np.linspace(0.1513, -0.1513, 40)
    y, x = (xr.Variable(d, a, {"units": "rad"}) for d, a in (("y", angle), ("x", -angle)))
    west, south, east, north = items(
        write(tmp_path / "f.nc", np.ones((40, 40), np.float32), y=y, x=x, mapping=mapping)
    )[0].bbox
    assert west > east  # over the antimeridian
    assert -90 < south < -70
    assert 70 < north < 90
    limb = np.degrees(np.arccos(6_378_137 / (6_378_137 + 35_785_863)))  # from the centre of the Earth
    assert (west, east) == pytest.approx((140.7 - limb, 140.7 + limb - 360), abs=1.5)


REFUSED = {
    "angles in a map projection": ({"units": "rad"}, UTM, "in 'rad'"),
    "degrees in a map projection": ({"units": "degrees_north"}, UTM, "a length"),
    "an unknown unit": ({"units": "furlong"}, UTM, "furlong"),
    "metres in degrees": ({"units": "m"}, CRS.from_epsg(4326), "in degrees"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_coordinates_in_units_that_do_not_fit_are_refused(tmp_path, name):
    attrs, crs, words = REFUSED[name]
    y, x = (xr.Variable(d, 30 + 0.1 * np.arange(n), attrs) for d, n in (("y", 6), ("x", 8)))
    with pytest.raises(InputError, match=words):
        items(write(tmp_path / "u.nc", y=y, x=x, mapping=crs))


def test_uneven_and_two_dimensional_coordinates_are_refused(tmp_path):
    with pytest.raises(InputError, match="unevenly spaced"):
        items(write(tmp_path / "g.nc", y=np.array([1, 2, 3, 5, 6, 7.0])))
    with pytest.raises(InputError, match="gaps"):
        items(write(tmp_path / "n.nc", y=np.array([1, 2, np.nan, 4, 5, 6])))
    for dims in (("nj", "ni"), ("y", "x")):
        swath = {
            "lat": xr.Variable(dims, np.zeros((6, 8)), {"units": "degrees_north"}),
            "lon": xr.Variable(dims, np.zeros((6, 8)), {"units": "degrees_east"}),
        }
        path = write(tmp_path / f"s{dims[0]}.nc", y=False, x=False, dims=dims, mapping=None, **swath)
        with pytest.raises(InputError, match="two-dimensional"):
            items(path)


def test_other_orders_of_dimensions_are_the_same_ground(tmp_path):
    values = np.arange(48, dtype=np.float32).reshape(6, 8) / 10
    plain = layer(write(tmp_path / "a.nc", values))
    turned = layer(write(tmp_path / "b.nc", values.T, dims=("x", "y"), y=CENTRES["x"], x=CENTRES["y"]))
    np.testing.assert_array_equal(plain, turned)
    assert plain.odc.geobox == turned.odc.geobox
    assert float(plain.sel(x=390_012.5, y=3_939_987.5)) == values[0, 0]


def stored(path, values, quantity=WATER_DEPTH, described="", **attrs):
    return layer(write(path, values, attrs) + described, quantity).values


def array(corner, dtype=np.float32, other=2):
    values = np.full((6, 8), other, dtype)
    values[0, 0] = corner
    return values


HIDDEN = {
    "missing_value": (array(-5), {"missing_value": np.float32(-5)}),
    "both, and several": (array(7), {"_FillValue": np.float32(-1), "missing_value": np.array([9, 7], np.float32)}),
    "almost equal": (array(-9999.0001), {"_FillValue": np.float32(-9999)}),
    "32 bits": (array(-3.4028234663852886e38), {"missing_value": -3.4e38 * 1.0008313}),
    "valid_range": (array(3.5), {"valid_range": np.array([0, 3], np.float32)}),
    "valid_max": (array(3.5), {"valid_max": np.float32(3)}),
    "valid_min": (array(-0.5), {"valid_min": np.float32(0)}),
    "never written": (array(9.969209968386869e36), {}),
    "never written, 16 bits": (array(-32767, np.int16), {}),
    "valid_range of packed numbers": (
        array(400, np.int16, 200), {"valid_range": np.array([0, 300], np.int16), "scale_factor": 0.01, "add_offset": 0.0},
    ),
    "valid_range of physical values": (
        array(400, np.int16, 200), {"valid_range": np.array([0.0, 3.0]), "scale_factor": 0.01, "add_offset": 0.0},
    ),
    "unsigned": (
        array(-1, np.int8, 2), {"_Unsigned": "true", "_FillValue": np.int8(-1)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
def test_what_the_attributes_hide_is_not_observed(tmp_path, name):
    values, attrs = HIDDEN[name]
    seen = stored(tmp_path / "h.nc", values, **attrs)
    assert np.isnan(seen[0, 0])
    assert np.isfinite(seen).sum() == 47
    np.testing.assert_allclose(seen[np.isfinite(seen)], 2.0, rtol=1e-6)


def test_a_description_takes_the_place_of_what_the_file_says(tmp_path):
    attrs = {"scale_factor": 0.1, "add_offset": 1.0}
    np.testing.assert_allclose(stored(tmp_path / "a.nc", array(20, np.int16, 20), **attrs), 3.0, rtol=1e-6)
    again = stored(tmp_path / "b.nc", array(20, np.int16, 30), described="#scale=0.01,offset=0,nodata=30", **attrs)
    assert again[0, 0] == pytest.approx(0.2)
    assert np.isnan(again).sum() == 47


@pytest.mark.parametrize(("unit", "deepest"), [("cm", 0.02), ("feet", 0.6096), ("m", 2.0), ("", 2.0)])
def test_units_are_read(tmp_path, unit, deepest):
    depth = as_declared(layer(write(tmp_path / "u.nc", attrs={"units": unit})).load(), WATER_DEPTH, "depth")
    assert float(depth.max()) == pytest.approx(deepest, rel=1e-6)


def test_impossible_values_codes_and_units_are_refused_as_in_geotiff(tmp_path):
    for number, (values, attrs, quantity, words) in enumerate((
        (array(-9999), {}, ELEVATION, "#nodata=-9999"),
        (array(100, np.int16, 0), {}, FLOOD_EXTENT, "no code of a flood extent"),
        (array(255, np.uint8, 0), {}, FLOOD_EXTENT, "255"),
        (array(3), {"units": "fathom-ish"}, ELEVATION, "not understood"),
        (array(500), {}, WATER_DEPTH, "water_depth"),
    )):  # fmt: skip
        with pytest.raises(InputError, match=words):
            layer(write(tmp_path / f"{number}.nc", values, attrs), quantity)


def test_radar_in_decibels_and_against_its_own_names(tmp_path):
    noise = np.random.default_rng(3).normal(-12, 3, (6, 8)).astype(np.float32)
    path = write(tmp_path / "r.nc", noise, name="vv", vh=xr.Variable(("y", "x"), noise - 7, {"grid_mapping": "crs"}))
    found = layer(path, BACKSCATTER)
    assert found.attrs["units"] == "dB"
    assert list(found.polarisation.values) == ["VV", "VH"]
    assert list(layer(f"{path}#bands=VH,units=dB", BACKSCATTER).polarisation.values) == ["VH"]
    with pytest.raises(InputError, match="band 1 is VV"):
        layer(f"{path}#bands=HH+HV", BACKSCATTER)


def test_a_missing_crs_is_named_and_can_be_stated(tmp_path):
    path = write(tmp_path / "n.nc", mapping=None)
    observation = open_observation(path, expecting=WATER_DEPTH)
    assert any("has no CRS" in text.en for text in observation.assumptions)
    assert tuple(layer(f"{path}#crs=EPSG:32654").odc.geobox.affine)[:6] == pytest.approx(PLACE)
    with pytest.raises(InputError, match="its CRS is EPSG:32654"):
        layer(f"{write(tmp_path / 'c.nc')}#crs=EPSG:4326")


CALENDARS = {"360_day": False, "noleap": False, "proleptic_gregorian": True, "gregorian": True, "standard": True}


@pytest.mark.parametrize("calendar", CALENDARS)
def test_calendars(tmp_path, calendar):
    time = xr.Variable("time", [7000.5], {"units": "days since 2000-01-01 00:00 +09:00", "calendar": calendar})
    values = xr.Variable(("time", "y", "x"), np.ones((1, 6, 8), np.float32), {"grid_mapping": "crs"})
    path = write(tmp_path / "t.nc", timed=values, time=time)
    if not CALENDARS[calendar]:
        with pytest.raises(InputError, match="calendar"):
            items(f"{path}#variable=timed")
        return
    assert items(f"{path}#variable=timed")[0].datetime.isoformat() == "2019-03-02T03:00:00+00:00"


def test_a_time_axis_without_times_takes_the_one_that_is_stated(tmp_path):
    values = xr.Variable(("time", "y", "x"), np.ones((1, 6, 8), np.float32), {"grid_mapping": "crs"})
    path = write(tmp_path / "t.nc", timed=values, time=xr.Variable("time", [20_200_101]))
    assert items(f"{path}#variable=timed")[0].datetime is None
    stated = items(f"{path}#variable=timed,time=2020-01-01")[0]
    assert stated.datetime.isoformat() == "2020-01-01T00:00:00+00:00"


class TestDirection:
    @pytest.mark.parametrize(
        "attrs",
        [
            {"positive": "down"},
            {"standard_name": "sea_floor_depth_below_geoid"},
            {"standard_name": "depth", "positive": "down"},
        ],
    )
    def test_heights_that_count_downwards_are_refused(self, tmp_path, attrs):
        path = write(tmp_path / "a.nc", attrs={"units": "m", **attrs}, name="elevation")
        with pytest.raises(InputError, match="counts downwards"):
            layer(path, ELEVATION)

    def test_heights_and_depths_of_water_are_read(self, tmp_path):
        path = write(tmp_path / "a.nc", attrs={"units": "m", "positive": "up"}, name="elevation")
        assert float(layer(path, ELEVATION).load()[0, 0]) == 2.0
        path = write(tmp_path / "b.nc", attrs={"units": "m", "positive": "down"})
        assert float(layer(path, WATER_DEPTH).load()[0, 0]) == 2.0
