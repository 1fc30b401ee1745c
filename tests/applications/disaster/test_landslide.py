"""Landslides on terrains of which area, volume and dammed lake can be written down."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import xarray as xr
from numpy.testing import assert_array_equal

from mitoshi.applications.disaster.landslide import DEPOSIT, NOT_OBSERVABLE, SLIDE, SOURCE, landslide
from mitoshi.applications.disaster.landslide_figures import figures, tally
from mitoshi.applications.disaster.landslide_lakes import Inflow
from mitoshi.applications.disaster.landslide_probability import Earlier, slide_probability
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import QUANTITIES

CELL = 5.0
DOWN, SIDE, HEIGHT = 0.02, 0.2, 20.0
NOISE = 0.2


def layer(values, quantity, names=None, cell=CELL):
    values = np.asarray(values, "float32")
    dims = ("y", "x") if values.ndim == 2 else ("polarisation" if quantity == "gamma0" else "band", "y", "x")
    coords = {
        "y": 9000.0 - cell * (np.arange(values.shape[-2]) + 0.5),
        "x": 2000.0 + cell * (np.arange(values.shape[-1]) + 0.5),
    }
    if names:
        coords[dims[0]] = names
    attrs = {"quantity": quantity, "units": QUANTITIES[quantity].units, "pixel_size_m": cell}
    return xr.DataArray(values, dims=dims, coords=coords, attrs=attrs)


def blocked_valley(seed=1):
    """Return terrain before and after: a scarp on the side of a V-shaped valley, its deposit a dam of HEIGHT across the floor."""
    x, y = np.meshgrid(np.arange(-300.0, 1500.0, CELL) + CELL / 2, np.arange(-300.0, 300.0, CELL) + CELL / 2)
    before = 100.0 + DOWN * x + SIDE * np.abs(y)
    dam = (x > -60) & (x < 0) & (before < 100.0 + HEIGHT)
    scarp = (x > -60) & (x < 0) & (y > 140) & (y < 260)
    change = np.where(dam, 100.0 + HEIGHT - before, 0.0) + np.where(scarp, -8.0, 0.0)
    return before, change, dam, scarp, np.random.default_rng(seed).normal(0, NOISE, before.shape)


@pytest.fixture(scope="module")
def valley():
    before, change, dam, scarp, noise = blocked_valley()
    result = landslide(
        layer(before, "elevation"), layer(before + change + noise, "elevation"), inflow_m3_s=5.0, inflow_doubt=2.0
    )
    return result, change, dam, scarp


def test_source_and_deposit_are_told_apart(valley):
    result, change, dam, scarp = valley
    codes = np.asarray(result.landslide)
    mapped = np.isin(codes, (SOURCE, DEPOSIT))
    truth = dam | scarp
    assert (mapped & truth).sum() / (mapped | truth).sum() > 0.93
    assert (codes[scarp] == SOURCE).mean() > 0.99
    assert (codes[change > 1.0] == DEPOSIT).mean() > 0.99


def test_volumes_and_areas_lie_in_their_ranges(valley):
    result, change, dam, scarp = valley
    table = result.landslides
    true = {
        "area_m2": (dam | scarp).sum() * CELL**2,
        "volume_m3": -change[change < 0].sum() * CELL**2,
        "deposit_m3": change[change > 0].sum() * CELL**2,
        "net_m3": change.sum() * CELL**2,
    }
    for name, value in true.items():
        assert table[f"{name}_lower"].sum() <= value <= table[f"{name}_upper"].sum(), name
    assert table["volume_m3"].sum() == pytest.approx(true["volume_m3"], rel=0.03)
    assert table["deposit_m3"].sum() == pytest.approx(true["deposit_m3"], rel=0.03)
    outlined = shapely.area(table.geometry.to_numpy())
    np.testing.assert_allclose(outlined, table["area_m2"])
    assert (table["volume_from"] == "elevation_change").all()
    assert table["crosses_channel"].any()


def test_the_dammed_lake_has_its_analytic_volume_and_time(valley):
    """V = H³ / (3 · down · side); the crest of the noisy dam lies within its range, and so do volume and time."""
    result, *_ = valley
    assert len(result.lakes) == 1
    lake = result.lakes.iloc[0]
    volume = HEIGHT**3 / (3 * DOWN * SIDE)
    assert lake["crest_m_lower"] <= 100.0 + HEIGHT <= lake["crest_m_upper"] + NOISE
    assert lake["volume_m3"] == pytest.approx(volume, rel=0.06)
    assert lake["volume_m3_lower"] <= volume <= lake["volume_m3_upper"] * 1.03
    assert lake["hours_to_overtopping"] == pytest.approx(lake["volume_m3"] / 5.0 / 3600.0)
    assert lake["hours_to_overtopping_lower"] == pytest.approx(lake["volume_m3_lower"] / 10.0 / 3600.0)
    assert lake["hours_to_overtopping_upper"] == pytest.approx(lake["volume_m3_upper"] / 2.5 / 3600.0)
    assert lake["depth_m"] == pytest.approx(HEIGHT, abs=1.5)
    assert lake.geometry.area == pytest.approx(HEIGHT**2 / (DOWN * SIDE), rel=0.06)
    assert not lake["cut"]
    found = {f.name: f for f in figures(tally(result, CELL**2), {})}
    assert found["first_overtopping"].value == pytest.approx(lake["hours_to_overtopping"])
    assert found["lake_count"].value == 1


def test_change_given_directly_and_either_terrain_give_the_same():
    before, change, _, _, noise = blocked_valley()
    moved = layer(change + noise, "elevation_change")
    one = landslide(layer(before, "elevation"), None, moved)
    other = landslide(None, layer(before + change + noise, "elevation"), moved)
    assert one.lakes["volume_m3"].iloc[0] == pytest.approx(other.lakes["volume_m3"].iloc[0], rel=1e-3)
    assert one.lakes["hours_to_overtopping"].isna().all()
    assert "first_overtopping" not in {f.name for f in figures(tally(one, CELL**2), {})}


def test_the_rational_formula_gives_the_inflow():
    inflow = Inflow(0.0, 36.0, 0.5, 2.0)
    assert inflow.of(10.0) == pytest.approx((50.0, 25.0, 100.0))
    assert np.isnan(Inflow(0.0, 0.0, 0.7, 2.0).of(10.0)).all()
    assert Inflow(7.0, 36.0, 0.5, 2.0).of(10.0)[0] == 7.0


def steep(shape=(120, 120)):
    return 0.5 * CELL * np.add.outer(np.arange(shape[0]), 0.2 * np.arange(shape[1]))


def patch(shape=(120, 120)):
    slid = np.zeros(shape, bool)
    slid[40:80, 50:70] = True
    return slid


def test_lost_vegetation_on_a_slope_is_mapped_and_its_volume_comes_from_the_area():
    draw, slid = np.random.default_rng(2), patch()
    red, infrared = (np.full(slid.shape, v) for v in (0.04, 0.30))
    before = np.stack([red, infrared]) * draw.normal(1, 0.04, (2, *slid.shape))
    after = np.stack([np.where(slid, 0.22, red), np.where(slid, 0.27, infrared)]) * draw.normal(
        1, 0.04, (2, *slid.shape)
    )
    images = [layer(v, "surface_reflectance", ["red", "nir"]) for v in (before, after)]
    result = landslide(layer(steep(), "elevation"), None, None, None, None, *images)
    codes = np.asarray(result.landslide)
    assert ((codes == SLIDE) & slid).sum() / ((codes == SLIDE) | slid).sum() > 0.95
    row = result.landslides.iloc[0]
    assert row["volume_m3"] == pytest.approx(0.074 * row["area_m2"] ** 1.45)
    assert row["volume_m3_upper"] / row["volume_m3"] > 10 ** (1.645 * 0.4)
    assert row["volume_from"] == "area_law"
    assert np.isnan(row["deposit_m3"])
    assert row["slope_deg"] == pytest.approx(27.0, abs=1.0)
    assert len(result.lakes) == 0


def test_a_change_of_backscatter_is_mapped_through_speckle():
    draw, slid = np.random.default_rng(3), patch()
    mean = np.stack([np.full(slid.shape, 0.1), np.full(slid.shape, 0.02)])
    before = mean * draw.gamma(16, 1 / 16, mean.shape)
    after = np.where(slid, mean * 10**-0.8, mean) * draw.gamma(16, 1 / 16, mean.shape)
    images = [layer(v, "gamma0", ["VV", "VH"]) for v in (before, after)]
    codes = np.asarray(landslide(layer(steep(), "elevation"), None, None, *images).landslide)
    assert ((codes == SLIDE) & slid).sum() / ((codes == SLIDE) | slid).sum() > 0.85


def test_what_was_not_seen_is_not_observable():
    before, change, _, _, noise = blocked_valley()
    moved = change + noise
    moved[:, :30] = np.nan
    result = landslide(layer(before, "elevation"), None, layer(moved, "elevation_change"))
    assert (np.asarray(result.landslide)[:, :30] == NOT_OBSERVABLE).all()
    assert np.isnan(np.asarray(result.landslide_probability)[:, :30]).all()
    share = {f.name: f for f in figures(tally(result, CELL**2), {})}["not_observable_share"]
    assert share.value == pytest.approx(100 * 30 / change.shape[1])


def test_what_cannot_be_answered_is_said_in_one_line():
    ground = layer(steep(), "elevation")
    image = layer(np.ones((2, 120, 120)), "surface_reflectance", ["red", "nir"])
    power = layer(np.ones((1, 120, 120)), "gamma0", ["VV"])
    for arrays, message in (
        ([], "change of something"),
        ([ground], "need a change"),
        ([None, None, None, power], "without after"),
        ([None, None, None, None, None, None, image], "without before_optical"),
        ([None, None, None, None, None, image.isel(band=[0]), image], "near-infrared"),
        ([None, None, None, power, layer(np.ones((1, 120, 120)), "gamma0", ["VH"])], "polarisations"),
        ([ground.assign_attrs(pixel_size_m=None), ground], "georeference"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            landslide(*arrays)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="below slope_high_deg"):
        landslide(ground, ground, slope_low_deg=20.0, slope_high_deg=10.0)


def test_a_flood_on_flat_ground_is_no_landslide_and_a_slide_on_a_slope_is():
    """Both change backscatter alike; only the slope and the flood map tell them apart."""
    import xarray as xr
    from affine import Affine
    from odc.geo.geobox import GeoBox
    from odc.geo.xr import xr_coords

    shape = (200, 200)
    coords = xr_coords(GeoBox(shape, Affine(10.0, 0.0, 400_000.0, 0.0, -10.0, 3_500_000.0), "EPSG:32654"))
    rows = np.arange(shape[0])[:, None] + np.zeros(shape)
    height = np.where(rows < 100, (100 - rows) * 4.0, 0.0)  # a slope of 22 degrees above a plain
    noise = np.random.default_rng(4)
    power = [0.08 * noise.gamma(20, 1 / 20, (1, *shape)) for _ in range(2)]
    slide, flooded = np.zeros(shape, bool), np.zeros(shape, bool)
    slide[20:60, 40:60], flooded[130:170, 100:160] = True, True
    power[1][:, slide | flooded] *= 0.05

    def raster(values, quantity, units):
        dims = ("polarisation", "y", "x") if values.ndim == 3 else ("y", "x")
        more = {"polarisation": ["VV"], **coords} if values.ndim == 3 else coords
        attrs = {"quantity": quantity, "units": units, "pixel_size_m": 10.0}
        return xr.DataArray(values.astype("float32"), dims=dims, coords=more, attrs=attrs)

    before, after = (raster(p, "gamma0", "1") for p in power)
    elevation = raster(height, "elevation", "m")
    codes = landslide(elevation, None, None, before, after).landslide.to_numpy()
    assert (codes[slide] > 0).mean() > 0.7
    assert (codes[flooded] > 0).mean() < 0.02
    water = raster(slide.astype(float), "flood_extent", "1")
    assert (
        landslide(elevation, None, None, before, after, None, None, water).landslide.to_numpy()[slide] > 0
    ).mean() < 0.1


def test_a_scene_in_pieces_has_the_slides_of_the_scene_as_a_whole(monkeypatch):
    """Slides across the edges of pieces are one; levels, numbers, areas and codes are those of the whole."""
    shape, draw = (200, 230), np.random.default_rng(6)
    slid = np.zeros(shape, bool)
    for row, column in ((20, 20), (60, 75), (120, 60), (150, 190)):  # the second and third lie across edges at 80
        slid[row : row + 35, column : column + 14] = True
    change = np.where(slid, -4.0, 0.0) + draw.normal(0, 0.2, shape)
    arrays = layer(steep(shape), "elevation"), None, layer(change, "elevation_change")
    whole = landslide(*arrays)
    for name, value in {"LARGEST_WHOLE": 1, "PIECE": 80, "AROUND": 40, "SAMPLED": 50, "FARTHEST": 60}.items():
        monkeypatch.setattr(f"mitoshi.applications.disaster.landslide_survey.{name}", value)
    parts = landslide(*arrays)
    assert len(whole.landslides) == len(parts.landslides) == 4
    assert list(parts.landslides["id"]) == ["1", "2", "3", "4"]
    assert (np.asarray(whole.landslide) == np.asarray(parts.landslide)).mean() > 0.999
    for name in ("area_m2", "volume_m3", "slope_deg", "drop_m"):
        np.testing.assert_allclose(parts.landslides[name], whole.landslides[name], rtol=0.02)
    outlines = zip(parts.landslides.geometry, whole.landslides.geometry, strict=True)
    assert all(shapely.intersection(a, b).area > 0.98 * b.area for a, b in outlines)
    assert (np.asarray(parts.landslide)[slid] == SOURCE).mean() > 0.99


def test_a_lake_is_found_in_the_piece_of_its_slide(monkeypatch, valley):
    result, *_ = valley
    before, change, _, _, noise = blocked_valley()
    for name, value in {"LARGEST_WHOLE": 1, "PIECE": 100, "AROUND": 240, "SAMPLED": 60, "FARTHEST": 240}.items():
        monkeypatch.setattr(f"mitoshi.applications.disaster.landslide_survey.{name}", value)
    pieces = landslide(layer(before, "elevation"), layer(before + change + noise, "elevation"), inflow_m3_s=5.0)
    assert len(pieces.lakes) == 1
    assert pieces.lakes["volume_m3"].iloc[0] == pytest.approx(result.lakes["volume_m3"].iloc[0], rel=0.05)
    assert pieces.lakes["landslide_id"].iloc[0] in set(pieces.landslides["id"])


@pytest.mark.parametrize("place", [(0, 0), (199, 229)])
def test_a_larger_scene_is_looked_at_whole_only_where_its_samples_show_too_little(monkeypatch, place):
    from mitoshi.applications.disaster import landslide_survey as survey
    from mitoshi.core.scene import ArrayScene

    monkeypatch.setattr(survey, "SAMPLED", 50)
    before = steep((200, 230)).astype(np.float32)
    after = before.copy()
    after[place] += 1.0  # the first lies in a sampled block, the last in the rim that no full block covers
    looked = []

    class Scene(ArrayScene):
        def map_blocks(self, function, size, margin=0):
            looked.append(size)
            return super().map_blocks(function, size, margin)

    arrays = {"elevation": layer(before, "elevation"), "elevation_after": layer(after, "elevation")}
    view = Scene(arrays)
    seen = survey._seen(view, 80, whole=False)
    assert looked == ([50] if place == (0, 0) else [50, 80])
    survey.check_observed(seen)
    survey.check_different(seen)
    assert max(part.different["elevation_change"] for part in seen) == 1
    with pytest.raises(InputError, match="are the same data"):
        survey.check_different(survey._seen(Scene({**arrays, "elevation_after": arrays["elevation"]}), 80, whole=False))


def test_only_what_changed_is_swept_again_with_the_same_result():
    draw = np.random.default_rng(3)
    odds = draw.normal(-1.0, 3.0, (330, 300)).astype(np.float32)
    seen = draw.random(odds.shape) > 0.05
    prior = np.full(1, -2.0, np.float32)
    changed = np.zeros(odds.shape, bool)
    changed[250:262, 40:44] = True
    raised = odds + np.float32(4.0) * changed
    first = slide_probability(odds, prior, seen, 0.5)
    again = slide_probability(raised, prior, seen, 0.5, Earlier(first, changed))
    assert_array_equal(again, slide_probability(raised, prior, seen, 0.5))
    assert (again[250:262, 40:44][seen[250:262, 40:44]] > first[250:262, 40:44][seen[250:262, 40:44]]).any()
    assert_array_equal(again[:200], first[:200])


def hill_with_a_slide(depth=3.0):
    """Return a ridge of 4 in 10, and where a slide lowers it by `depth`: 100 cells of 10 m wide, 389 500 m2."""
    y, x = np.mgrid[0:400, 0:400]
    slid = np.hypot(x - 200, (y - 120) / 2) < 25
    hill = np.abs(y - 200) * 4.0 + 100.0
    return hill, hill - np.where(slid, depth, 0.0), slid


def metres(values):
    return layer(values, "elevation", cell=10.0)


def test_a_slide_below_the_noise_lies_within_the_stated_bound():
    hill, after, slid = hill_with_a_slide()
    noise = np.random.default_rng(5).normal(0, 2.0, hill.shape)
    result = landslide(metres(hill), metres(after + noise))
    assert len(result.landslides) == 0
    found = {f.name: f for f in figures(tally(result, 100.0), {"cell_m": 0.0, "change_m": 2.0})}
    observed = hill.size * 100.0
    area, volume = slid.sum() * 100.0, slid.sum() * 300.0
    assert found["landslide_area"].lower == 0.0
    assert area < found["landslide_area"].upper < observed / 4
    assert found["landslide_volume"].lower <= volume <= found["landslide_volume"].upper
    assert found["detection_limit"].value == found["landslide_area"].upper
    assert "none detected (below " in found["detection_limit"].reason.en


def test_the_bound_of_what_escapes_falls_with_the_noise():
    hill, after, _ = hill_with_a_slide()
    noise = np.random.default_rng(5).normal(0, 1.0, hill.shape)
    limits = [
        {f.name: f for f in figures(tally(landslide(metres(hill), metres(after + s * noise)), 100.0), {})}[
            "detection_limit"
        ].value
        for s in (0.1, 0.5, 1.0)
    ]
    assert limits[0] < limits[1] < limits[2]


def test_terrains_that_are_no_pair_are_refused():
    hill, after, _ = hill_with_a_slide(5.0)
    after = after + np.random.default_rng(6).normal(0, 0.3, hill.shape)
    x = np.arange(400)[None, :] + 0 * hill
    for arrays, message in (
        ((metres(hill / 0.3048), metres(after)), "far above any pair of surveys"),
        ((metres(hill), None, layer((after - hill) * 100.0, "elevation_change", cell=10.0)), "far above any pair"),
        ((metres(hill), metres(hill)), "--elevation and --elevation-after are the same data"),
        ((metres(hill), metres(np.where(x < 60, 0.0, after))), "FILE#nodata=0"),
        ((metres(hill), metres(np.where(x < 60, -50.0, after))), "FILE#nodata=-50"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            landslide(*arrays)
        assert "\n" not in str(caught.value)


def test_a_drained_lake_is_not_taken_for_fill():
    hill, after, _ = hill_with_a_slide(5.0)
    lake = np.zeros(hill.shape, bool)
    lake[185:215, 50:90] = True
    draw = np.random.default_rng(7).normal(0, 0.3, hill.shape)
    before, after = np.where(lake, 160.0, hill), np.where(lake, 140.0, after + draw)
    assert len(landslide(metres(before), metres(after)).landslides) > 0


def test_the_same_images_and_empty_ones_are_refused_by_name():
    draw = np.random.default_rng(8)
    ground = layer(steep(), "elevation")
    power = layer(draw.gamma(4, 0.025, (1, *steep().shape)), "gamma0", ["VV"])
    green = layer(
        np.stack([np.full(steep().shape, 0.04), draw.uniform(0.2, 0.4, steep().shape)]),
        "surface_reflectance",
        ["red", "nir"],
    )
    with pytest.raises(InputError, match="--before and --after are the same data"):
        landslide(ground, None, None, power, power)
    with pytest.raises(InputError, match="--before-optical and --after-optical are the same data"):
        landslide(ground, None, None, None, None, green, green)
    with pytest.raises(InputError, match="--after-optical holds no observed pixel"):
        landslide(ground, None, None, None, None, green, green * np.nan)
