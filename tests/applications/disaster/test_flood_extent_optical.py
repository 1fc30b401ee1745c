"""The optical flood method on scenes whose flood is known, and what it calls not observable."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
import xarray as xr

from mitoshi import evidence
from mitoshi.applications.disaster.flood_extent import DRY, FLOODED, NOT_OBSERVABLE, PERMANENT, flood_extent
from mitoshi.applications.disaster.flood_extent_optical import figures, flood_extent_optical
from mitoshi.core.errors import InputError, QuantityError
from mitoshi.interfaces.cli import cli
from mitoshi.methods.optical.forward import CLOUD, REFLECTANCE, TURBID
from mitoshi.methods.optical.water import MARGIN
from mitoshi.sensors import guard
from mitoshi.simulation import OpticalPass, observe_optical, region
from mitoshi.simulation.region import flood_depth, unseen_cover

SHAPE = (120, 140)
NAMES = ["B02", "B03", "B04", "B08", "B11"]
RIVER = np.s_[:, 60:70]
FLOOD = np.s_[30:90, 60:110]


def reflectance(*patches, names=NAMES, seed=0):
    """Grass with patches of (window, spectrum), 2 % noise."""
    stack = np.broadcast_to(REFLECTANCE[5][:, None, None], (5, *SHAPE)).copy()
    for (rows, columns), spectrum in patches:
        stack[:, rows, columns] = np.asarray(spectrum, np.float32)[:, None, None]
    stack *= np.random.default_rng(seed).normal(1.0, 0.02, stack.shape).astype("float32")
    return xr.DataArray(
        stack[[NAMES.index(name) for name in names]],
        dims=("band", "y", "x"),
        coords={"band": names},
        attrs={"quantity": "surface_reflectance", "units": "1", "pixel_size_m": 10.0},
    )


def write(path, values, **creation):
    """Write bands (band, y, x) on a grid of 10 m."""
    count, height, width = values.shape
    grid = {"crs": "EPSG:32654", "transform": rasterio.Affine(10, 0, 400_000, 0, -10, 3_500_000)}
    with rasterio.open(path, "w", "GTiff", width, height, count, dtype=values.dtype, **grid, **creation) as file:
        file.write(values)


def run(method, after, out):
    evidence.run(method, {"after": after}, {}, out, time=datetime(2026, 1, 1, tzinfo=UTC))


def layer(values, quantity, **attrs):
    units = "m" if quantity == "elevation" else "1"
    attrs = {"quantity": quantity, "units": units, "pixel_size_m": 10.0, **attrs}
    return xr.DataArray(np.asarray(values, "float32"), dims=("y", "x"), attrs=attrs)


def codes(*data, **parameters):
    result = flood_extent_optical(*data, **parameters)
    flood, chance = np.asarray(result.flood), np.asarray(result.flood_probability)
    np.testing.assert_array_equal(np.isnan(chance), flood == NOT_OBSERVABLE)
    return flood, chance


@pytest.fixture(scope="module")
def after():
    return reflectance((RIVER, REFLECTANCE[1]), (FLOOD, TURBID))


@pytest.fixture(scope="module")
def before():
    return reflectance((RIVER, REFLECTANCE[1]), seed=1)


def test_flood_is_water_that_was_not_there_before(after, before):
    flood, chance = codes(after, before)
    right = np.zeros(SHAPE, np.uint8)
    right[FLOOD] = FLOODED
    right[RIVER] = PERMANENT
    np.testing.assert_array_equal(flood, right)
    assert chance[60, 100] > 0.9
    assert chance[60, 65] < 0.05
    assert chance[5, 5] < 0.05


def test_without_before_all_water_is_flooded_and_a_caveat_says_so(after):
    flood, _ = codes(after)
    assert (flood[RIVER] == FLOODED).all()
    assert any("permanent water is counted as flooded" in caveat.en for caveat in flood_extent_optical.caveats)


def test_without_before_the_run_assumes_that_permanent_water_is_included(after, before):
    for arrays, sentences in (((after,), 1), ((after, before), 0)):
        _, said = flood_extent_optical.fitted(arrays, flood_extent_optical.bind_parameters({}))
        assert [("permanent water included" in t.en, "平常時水域を含む" in t.ja) for t in said] == [
            (True, True)
        ] * sentences


def test_reference_water_is_permanent_whatever_the_image_says(after):
    occurrence = np.zeros(SHAPE)
    occurrence[RIVER] = 1.0
    occurrence[:20, :20] = 0.9
    flood, chance = codes(after, None, None, layer(occurrence, "water_occurrence"))
    assert (flood[RIVER] == PERMANENT).all()
    assert (flood[:20, :20] == PERMANENT).all()
    assert (chance[:20, :20] == 0).all()
    assert (flood[30:90, 70:110] == FLOODED).all()


def test_cloud_and_no_data_are_not_observable_never_dry(after):
    hazy = after.copy(deep=True)
    hazy[:, 5:25, 5:25] = CLOUD[:, None, None]
    hazy[:, 100:110, 5:15] = np.nan
    hazy[4, 112, 5] = np.nan  # one band is enough
    flood, _ = codes(hazy)
    assert (flood[5:25, 5:25] == NOT_OBSERVABLE).all()
    assert (flood[100:110, 5:15] == NOT_OBSERVABLE).all()
    assert flood[112, 5] == NOT_OBSERVABLE
    assert flood[60, 20] == DRY


def test_a_hole_in_the_image_does_not_spread_beyond_the_margin(after):
    holed = after.copy(deep=True)
    holed[:, 60, 100] = np.nan
    rows, columns = np.nonzero(codes(after)[0] != codes(holed)[0])
    assert len(rows)
    assert np.abs(rows - 60).max() <= MARGIN
    assert np.abs(columns - 100).max() <= MARGIN


def test_quality_flags_mask_both_dates(after, before):
    shaded = np.full(SHAPE, 4)
    shaded[30:50, 90:110] = 3  # cloud shadow on flood
    clouded = np.full(SHAPE, 6)
    clouded[70:90, 90:110] = 9  # the flood there was hidden before
    clouded[:10, :10] = 9  # dry now, whatever it was
    scl = {"quantity": "quality", "flag_scheme": "sentinel2-scl"}
    flood, _ = codes(after, before, None, None, layer(shaded, **scl), layer(clouded, **scl))
    assert (flood[30:50, 90:110] == NOT_OBSERVABLE).all()
    assert (flood[70:90, 90:110] == NOT_OBSERVABLE).all()
    assert (flood[:10, :10] == DRY).all()
    assert (flood[50:70, 90:110] == FLOODED).all()
    occurrence = layer(np.zeros(SHAPE), "water_occurrence")
    flood, _ = codes(after, before, None, occurrence, None, layer(clouded, **scl))
    assert (flood[70:90, 90:110] == FLOODED).all()  # the reference says that there was none


def test_flags_of_a_radar_mask_are_refused(after):
    with pytest.raises(InputError, match="opera-rtc-s1-mask"):
        codes(after, None, None, None, layer(np.zeros(SHAPE), "quality", flag_scheme="opera-rtc-s1-mask"))


def test_shadow_over_a_town_is_not_water_and_not_dry():
    light = np.array([0.62, 0.56, 0.50, 0.44, 0.40])  # of diffuse sky
    flood, _ = codes(reflectance((np.s_[20:60, 20:60], REFLECTANCE[7] * light)))
    assert (flood[20:60, 20:60] == NOT_OBSERVABLE).mean() > 0.95
    assert not (flood == FLOODED).any()


def test_snow_is_not_water():
    flood, _ = codes(reflectance((np.s_[20:60, 20:60], (0.85, 0.85, 0.82, 0.75, 0.12))))
    assert (flood[20:60, 20:60] == NOT_OBSERVABLE).all()
    assert (flood[80:, 80:] == DRY).all()


def test_what_looks_like_water_on_a_steep_slope_is_terrain_shadow(after):
    steep = np.zeros(SHAPE)
    steep[:, 100:] = 5.0 * np.arange(40)  # 5 m per 10 m: 27 degrees
    flood, _ = codes(after, None, layer(steep, "elevation"))
    assert (flood[40:80, 102:110] == NOT_OBSERVABLE).all()
    assert (flood[40:80, 70:98] == FLOODED).all()
    assert (flood[:, 115:] == DRY).all()


def test_green_and_nir_alone_still_map_clear_water():
    flood, _ = codes(reflectance((FLOOD, REFLECTANCE[1]), names=["B03", "B08"]))
    assert (flood[FLOOD] == FLOODED).all()
    assert (flood[:, :50] == DRY).all()


def test_another_sensor_before(after, before):
    flood, _ = codes(after, before.assign_coords(band=["B2", "B3", "B4", "B5", "B6"]))
    assert (flood[RIVER] == PERMANENT).all()


def test_a_higher_threshold_maps_less(after):
    mixed = after * np.float32(0.7) + reflectance(seed=2) * np.float32(0.3)  # grass stands out of the water
    sizes = [(codes(mixed.assign_attrs(after.attrs), threshold_shift=s)[0] == FLOODED).sum() for s in (-0.3, 0, 0.3)]
    assert sizes[0] >= sizes[1] >= sizes[2]
    assert sizes[0] > sizes[2]


def test_figures_hold_the_interval_of_the_optical_map(after, before):
    totals = flood_extent_optical.tally(flood_extent_optical(after, before), 100.0)
    area = {f.name: f for f in figures(totals, {})}["flooded_area"]
    right = 60 * 40 * 100 / 1e6  # without the river
    assert area.lower < right < area.upper
    assert area.value == pytest.approx(right, rel=0.02)


def test_a_folder_of_sentinel_2_bands_with_its_scene_classification(after, tmp_path):
    """Reflectance and flags of one product reach the method through the command line."""
    scl = np.full(SHAPE, 4, np.uint8)
    scl[30:50, 90:110] = 3
    layers = {name: np.rint(after.sel(band=name).to_numpy() * 10_000).astype("uint16") for name in NAMES}
    folder = tmp_path / "S2B_MSIL2A_20190915T012659"
    folder.mkdir()
    for name, values in {**layers, "SCL": scl}.items():
        write(folder / f"{name}.tif", values[None])
    out = tmp_path / "out"
    data = ["--after", f"{folder}", "--quality", f"{folder}"]
    cli.main(["run", "disaster.flood-extent-optical", *data, "--out", str(out)], standalone_mode=False)
    with guard.open_raster(out / "flood.tif") as file:
        flood = file.read(1)
    assert (flood[30:50, 90:110] == NOT_OBSERVABLE).all()
    assert (flood[55:85, 90:110] == FLOODED).all()
    assert (flood[:, :50] == DRY).all()


def test_an_optical_image_given_as_radar_names_the_optical_method(after, tmp_path):
    write(tmp_path / "a.tif", after.to_numpy())
    described = f"{tmp_path}/a.tif#quantity=surface_reflectance,bands={'+'.join(NAMES)}"
    with pytest.raises(QuantityError, match=r"holds surface_reflectance; .*; disaster\.flood-extent-optical takes it$"):
        run(flood_extent, after=described, out=tmp_path / "o")
    radar = f"{tmp_path}/a.tif#quantity=gamma0,bands=VV+-+-+-+-"
    with pytest.raises(QuantityError, match=r"holds gamma0; .*; disaster\.flood-extent takes it$"):
        run(flood_extent_optical, after=radar, out=tmp_path / "o")


def test_a_colour_picture_given_as_radar_names_the_optical_method(tmp_path):
    values = np.random.default_rng(0).integers(1, 255, (3, 64, 64), np.uint8)
    write(tmp_path / "p.tif", values, photometric="RGB")
    with pytest.raises(InputError, match=r"picture in colour.*disaster\.flood-extent-optical"):
        run(flood_extent, after=f"{tmp_path}/p.tif", out=tmp_path / "o")
    with pytest.raises(InputError, match="after needs a green band .* got band1, band2, band3"):
        run(flood_extent_optical, after=f"{tmp_path}/p.tif#quantity=toa_reflectance,scale=0.004", out=tmp_path / "o")


def test_a_simulated_coast_under_cloud():
    """Spectra of the USGS library with relief of cloud and shadow: what is seen is right, what is hidden is never called dry."""
    place = region((700, 700), seed=21)
    ground = place.ground()
    views = [
        observe_optical(place, ground, OpticalPass(time, share, flood=flood))
        for time, share, flood in (("2026-10-13T01:26:00Z", 0.3, 1.0), ("2026-08-13T01:26:00Z", 0.0, 0.0))
    ]
    attrs = {"quantity": "surface_reflectance", "units": "1", "pixel_size_m": 10.0}
    images = [xr.DataArray(v.reflectance, dims=("band", "y", "x"), coords={"band": NAMES}, attrs=attrs) for v in views]
    flood, _ = codes(*images)
    tall, depth, sky = unseen_cover(ground).astype(bool), flood_depth(ground), views[0].scene_class
    wet = (depth > 0.1) & (ground.cover.kind >= 2)
    clear = ~np.isin(sky, (3, 9)) & ~tall & (flood != NOT_OBSERVABLE)
    mapped = flood == FLOODED
    assert (mapped & wet)[clear].sum() / (mapped | wet)[clear].sum() > 0.95
    assert (flood[sky == 9] == NOT_OBSERVABLE).mean() > 0.99
    shaded = (sky == 3) & (depth <= 0) & (ground.cover.kind >= 2)
    assert mapped[shaded].mean() < 0.002  # land in shadow


def test_an_hls_granule_with_its_fmask(after, tmp_path):
    """Reflectance and flags of one granule through the command line: shadow by Fmask is not observable."""
    name = "HLS.S30.T54SUE.2023153T014701.v2.0"
    flags = np.zeros(SHAPE, np.uint8)
    flags[30:50, 90:110] = 0b1000
    flags[55:85, 90:110] = 0b11100000  # water, much aerosol
    folder = tmp_path / name
    folder.mkdir()
    for band, mine in zip(("B02", "B03", "B04", "B8A", "B11"), NAMES, strict=True):
        write(
            folder / f"{name}.{band}.tif",
            np.rint(after.sel(band=mine).to_numpy() * 10_000).astype("int16")[None],
            nodata=-9999,
        )
    write(folder / f"{name}.Fmask.tif", flags[None], nodata=255)
    data = ["--after", f"{folder}", "--quality", f"{folder}"]
    cli.main(["run", "disaster.flood-extent-optical", *data, "--out", str(tmp_path / "o")], standalone_mode=False)
    with guard.open_raster(tmp_path / "o" / "flood.tif") as file:
        flood = file.read(1)
    assert (flood[30:50, 90:110] == NOT_OBSERVABLE).all()
    assert (flood[55:85, 90:110] == FLOODED).all()
    assert (flood[:, :50] == DRY).all()


@pytest.mark.parametrize(
    ("image", "flags", "fits"),
    [
        ("2023-06-02T01:47:01Z", "2023-06-02T01:47:21Z", True),
        ("2023-06-02T01:47:01Z", "2023-06-02T00:00:00Z/2023-06-02T23:59:59Z", True),
        ("2023-06-02T01:47:01Z", "2023-06-05T01:47:01Z", False),
        ("2023-06-02T01:47:01Z", "2023-06-01T00:00:00Z/2023-06-01T23:59:59Z", False),
        (None, "2023-06-05T01:47:01Z", True),
    ],
)
def test_flags_of_another_date_are_refused(after, image, flags, fits):
    quality = layer(np.full(SHAPE, 4), "quality", flag_scheme="sentinel2-scl", observed=flags)
    data = (after if image is None else after.assign_attrs(observed=image), None, None, None, quality)
    if fits:
        assert (codes(*data)[0] == FLOODED).any()
        return
    with pytest.raises(
        InputError, match=r"quality is of 2023-06-0.*its image of 2023-06-02T01:47Z: flags of another image"
    ):
        codes(*data)
