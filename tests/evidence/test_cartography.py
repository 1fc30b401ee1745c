import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from mitoshi.evidence.cartography import neatline, scale_bar


def utm(angle=0.0, shape=(900, 1200)):
    return GeoBox(
        shape, Affine.translation(500_000, 3_950_000) @ Affine.rotation(angle) @ Affine.scale(10, -10), "EPSG:32654"
    )


def degrees(west, north, step, shape):
    return GeoBox(shape, Affine(step, 0, west, 0, -step, north), "EPSG:4326")


def test_projected_width_is_ground_distance():
    # Near the central meridian a UTM metre is 0.9996 of a ground metre.
    lines = neatline(utm(), (900, 1200))
    assert lines.metres == pytest.approx(12_000 / 0.9996, rel=1e-4)
    assert lines.aspect == pytest.approx(0.75, rel=1e-3)
    assert lines.north == pytest.approx(0.0, abs=0.1)


def test_a_degree_of_longitude_at_60_north_is_55_8_kilometres():
    # WGS 84: one degree of longitude at 60° is 55.800 km, one of latitude 111.412 km.
    lines = neatline(degrees(10.0, 60.5, 0.01, (100, 100)), (100, 100))
    assert lines.metres == pytest.approx(55_800, rel=1e-4)
    assert lines.aspect == pytest.approx(111_412 / 55_800, rel=1e-3)


def test_web_mercator_is_not_believed():
    lines = neatline(GeoBox((100, 100), Affine(100, 0, 1_000_000, 0, -100, 8_399_737 + 5_000), "EPSG:3857"), (100, 100))
    assert lines.metres == pytest.approx(10_000 * np.cos(np.deg2rad(60)), rel=3e-3)


def test_large_maps_say_that_the_scale_varies():
    assert neatline(degrees(130.0, 45.0, 0.1, (150, 150)), (150, 150)).scale_varies
    assert not neatline(utm(), (900, 1200)).scale_varies


def test_ticks_of_a_geographic_grid_lie_where_the_degrees_are():
    lines = neatline(degrees(-0.9, 38.2, 1e-4, (500, 400)), (500, 400))
    for tick in lines.bottom:
        assert tick.place == pytest.approx((-float(tick.words[:-2]) + 0.9) / 0.04, abs=1e-6)
        assert tick.words.endswith("°W")
    for tick in lines.left:
        assert tick.place == pytest.approx((38.2 - float(tick.words[:-2])) / 0.05, abs=1e-6)
    assert len(lines.bottom) >= 2


def test_ticks_run_on_across_the_antimeridian_and_the_equator():
    lines = neatline(degrees(178.5, 1.5, 0.01, (300, 300)), (300, 300))
    assert [t.words for t in lines.bottom] == ["179°E", "180°", "179°W", "178°W"][: len(lines.bottom)]
    assert "0°" in [t.words for t in lines.left]


@pytest.mark.parametrize("angle", [-40.0, 15.0, 90.0])
def test_north_turns_with_the_grid(angle):
    # Turning the grid's axes counterclockwise turns north clockwise on the page.
    convergence = neatline(utm(), (900, 1200)).north
    assert neatline(utm(angle), (900, 1200)).north == pytest.approx(angle + convergence, abs=0.15)


@pytest.mark.parametrize("grid", [None, GeoBox((256, 200), Affine(1, 0, 0, 0, 1, 0), None)])
def test_without_georeference_the_frame_counts_pixels(grid):
    lines = neatline(grid, (256, 200))
    assert lines.metres is None
    assert lines.north is None
    assert lines.aspect == 1.28
    assert [t.words for t in lines.bottom] == ["0", "50", "100", "150", "200"]


def test_a_grid_off_the_earth_counts_as_none():
    off = GeoBox((10, 10), Affine(10, 0, 1e12, 0, -10, 1e12), "EPSG:32654")
    assert neatline(off, (10, 10)).metres is None


def test_scale_bars_are_round_and_true():
    share, words = scale_bar(12_345.0, 0.3)
    assert words == "2 km"
    assert share * 12_345.0 == pytest.approx(2000.0)
    assert scale_bar(900.0, 1.0)[1] == "500 m"
