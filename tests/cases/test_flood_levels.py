"""Images, angles and elevations that once made a wrong flood map without a word: other units, fill, offsets, one image twice."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mitoshi.core.errors import InputError
from mitoshi.interfaces.cli import cli

SIZE = 256
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE]
FLOOD = np.hypot(ROWS - 130, COLUMNS - 90) < 50
RIVER = np.abs(COLUMNS - 200) < 12


def levels(wet, seed, polarisations=2):
    """Decibels of water (-21, -28 dB) and land (-9, -16 dB) with gamma speckle of 4.4 looks."""
    means = [np.where(wet, w, d) for w, d in ((-21.0, -9.0), (-28.0, -16.0))][:polarisations]
    speckle = np.random.default_rng(seed).gamma(4.4, 1 / 4.4, (polarisations, SIZE, SIZE))
    return (np.stack(means) + 10 * np.log10(speckle)).astype("float32")


def write(path, values, names=(), east=0.0, **options):
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    profile = {"driver": "GTiff", "count": len(values), "height": SIZE, "width": SIZE, "dtype": values.dtype}
    with rasterio.open(
        path, "w", **profile, crs="EPSG:32654", transform=from_origin(4e5 + east, 4e6, 10, 10), **options
    ) as dataset:
        dataset.write(values)
        for number, name in enumerate(names, 1):
            dataset.set_band_description(number, name)
    return path


def run(tmp_path, method, **given):
    out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
    words = [w for name, value in given.items() for w in (f"--{name.replace('_', '-')}", str(value))]
    cli.main(
        ["run", f"disaster.{method}", *words, "--out", str(out), "--time", "2026-11-23T00:00Z", "--workers", "1"],
        standalone_mode=False,
    )
    with rasterio.open(out / ("depth.tif" if method == "flood-depth" else "flood.tif")) as dataset:
        return dataset.read(1), json.loads((out / "run.json").read_text()), out


@pytest.fixture
def after(tmp_path):
    return f"{write(tmp_path / 'after.tif', levels(FLOOD | RIVER, 1))}#units=dB,bands=VV+VH"


@pytest.fixture
def before(tmp_path):
    return f"{write(tmp_path / 'before.tif', levels(RIVER, 2))}#units=dB,bands=VV+VH"


@pytest.mark.parametrize("angle", [lambda deg: np.deg2rad(deg), lambda deg: np.cos(np.deg2rad(deg))])
def test_angles_in_radians_and_cosines_are_refused(tmp_path, after, angle):
    degrees = np.linspace(30, 45, SIZE, dtype="float32") * np.ones((SIZE, 1), "float32")
    path = write(tmp_path / "angle.tif", angle(degrees).astype("float32"))
    with pytest.raises(InputError, match=r"^the incidence angle is 0\.\d+ in the mean: radians or a cosine"):
        run(tmp_path, "flood-extent", after=after, incidence_angle=path)


@pytest.mark.parametrize(("mean", "fine"), [(5.0, False), (19.0, True), (60.0, True), (80.0, False)])
def test_the_mean_incidence_angle_is_that_of_a_radar(tmp_path, after, mean, fine):
    """Single local angles may lie anywhere, and 0 is not known."""
    local = np.random.default_rng(0).normal(mean, 4.0, (SIZE, SIZE)).astype("float32")
    local[:20] = 0.0
    path = write(tmp_path / "angle.tif", np.clip(local, 0, 90))
    if fine:
        run(tmp_path, "flood-extent", after=after, incidence_angle=path)
        return
    with pytest.raises(InputError, match="radars look at 10 to 70; give the angle from the vertical in degrees"):
        run(tmp_path, "flood-extent", after=after, incidence_angle=path)


def plain_heights(seed=3):
    """A flood plain at 12 to 20 m with the noise of a surface model of 10 m."""
    return 12.0 + 0.03 * COLUMNS + np.random.default_rng(seed).normal(0, 0.2, (SIZE, SIZE))


@pytest.mark.parametrize("method", ["flood-extent", "flood-depth"])
def test_an_elevation_in_centimetres_is_refused_and_in_metres_read(tmp_path, after, method):
    flood = write(tmp_path / "codes.tif", FLOOD.astype("uint8"))
    images = {"after": after} if method == "flood-extent" else {"flood": flood}
    dem = write(tmp_path / "dem.tif", plain_heights().astype("float32"))
    values, _, _ = run(tmp_path, method, **images, elevation=dem)
    assert (values[FLOOD] > 0).mean() > 0.9
    wrong = write(tmp_path / "cm.tif", (100 * plain_heights()).astype("float32"))
    with pytest.raises(InputError, match=r"^elevation is steeper than \d\d degrees on .*'#units=cm'"):
        run(tmp_path, method, **images, elevation=wrong)


@pytest.mark.parametrize("fill", [-99.0, -50.0, -40.0, -100.0])
def test_fill_values_in_decibels_are_not_observed(tmp_path, fill):
    """-100 dB is 1e-10 in linear power."""
    image, rim = levels(FLOOD, 1), COLUMNS < 30
    codes, _, _ = run(
        tmp_path, "flood-extent", after=f"{write(tmp_path / 'a.tif', np.where(rim, fill, image))}#units=dB,bands=VV+VH"
    )
    assert (codes[rim] == 255).all()
    assert (codes[:, 30:] != 255).all()
    assert (codes[FLOOD & ~rim] == 1).mean() > 0.9


def test_the_noise_of_a_border_is_not_observed_and_dark_water_is(tmp_path):
    """Border noise varies from pixel to pixel; the darkest water of the Sen1Floods11 chips has -29 dB over 7 × 7 pixels."""
    image, rim = levels(FLOOD, 1), COLUMNS < 30
    noise = np.random.default_rng(5).normal(-44.0, 3.0, image.shape)
    image = np.where(rim, noise, np.where(FLOOD, image - 8.0, image)).astype("float32")
    codes, _, _ = run(tmp_path, "flood-extent", after=f"{write(tmp_path / 'a.tif', image)}#units=dB,bands=VV+VH")
    assert (codes[rim] == 255).mean() > 0.99
    assert (codes[FLOOD & ~rim] == 1).mean() > 0.9


def test_two_dates_named_by_one_polarisation_are_refused(tmp_path):
    stack = np.stack([levels(RIVER, 1, 1)[0], levels(FLOOD | RIVER, 2, 1)[0]])
    path = write(tmp_path / "stack.tif", stack, ("20200101_VV", "20200113_VV"))
    with pytest.raises(InputError, match=r"^after has more than one band in VV: a stack of dates\? give one date"):
        run(tmp_path, "flood-extent", after=f"{path}#units=dB")
    codes, _, _ = run(
        tmp_path, "flood-extent", after=f"{path}#units=dB,bands=-+VV", before=f"{path}#units=dB,bands=VV+-"
    )
    assert (codes[FLOOD & ~RIVER] == 1).mean() > 0.9


def test_two_dates_without_names_are_doubted(tmp_path, after):
    stack = np.stack([levels(RIVER, 1, 1)[0], levels(FLOOD | RIVER, 2, 1)[0]])
    path = write(tmp_path / "stack.tif", stack)
    for image, said in ((f"{path}#units=dB", 1), (after, 0)):
        _, record, _ = run(tmp_path, "flood-extent", after=image)
        assert sum("if the bands are two dates" in text["en"] for text in record["assumptions"]) == said


def test_digital_numbers_are_no_power(tmp_path):
    numbers = np.sqrt(10 ** (levels(FLOOD, 1) / 10)) * 400.0
    path = write(tmp_path / "numbers.tif", numbers.astype("float32"))
    with pytest.raises(InputError, match=r"^after has a median of \+\d+\.\d dB in band 1, which no ground has"):
        run(tmp_path, "flood-extent", after=path)


def test_images_without_a_common_place_are_refused(tmp_path):
    early, late = levels(RIVER, 1), levels(RIVER, 2)
    early[:, :, 128:], late[:, :, :128] = np.nan, np.nan
    paths = [f"{write(tmp_path / n, v)}#units=dB,bands=VV+VH" for n, v in (("b.tif", early), ("a.tif", late))]
    with pytest.raises(InputError, match="^no place was observed both before and after"):
        run(tmp_path, "flood-extent", before=paths[0], after=paths[1])


def test_one_image_given_twice_is_refused(tmp_path, after):
    copy = f"{write(tmp_path / 'copy.tif', levels(FLOOD | RIVER, 1))}#units=dB,bands=VV+VH"
    with pytest.raises(InputError, match="^before and after are the same image"):
        run(tmp_path, "flood-extent", before=copy, after=after)


def test_the_order_of_undated_images_is_an_assumption(tmp_path, before, after):
    _, record, _ = run(tmp_path, "flood-extent", before=before, after=after)
    assert sum("their order is taken as given" in text["en"] for text in record["assumptions"]) == 1
    dated = {"before": f"{before},time=2026-11-01T00:00Z", "after": f"{after},time=2026-11-13T00:00Z"}
    _, record, _ = run(tmp_path, "flood-extent", **dated)
    assert not any("their order is taken as given" in text["en"] for text in record["assumptions"])


@pytest.mark.parametrize("offset", [-3.0, -5.0, 3.0])
def test_one_offset_of_level_between_the_dates_is_no_flood(tmp_path, before, offset):
    """The flood is mapped as without the offset; the river stays permanent water, and the run says what was removed."""
    path = write(tmp_path / "shifted.tif", levels(FLOOD | RIVER, 1) + np.float32(offset))
    codes, record, _ = run(tmp_path, "flood-extent", before=before, after=f"{path}#units=dB,bands=VV+VH")
    assert (codes[FLOOD & ~RIVER] == 1).mean() > 0.9
    assert (codes[RIVER] == 1).mean() < 0.02
    assert (codes[~RIVER & ~FLOOD] == 1).mean() < 0.02
    word = "darker" if offset < 0 else "brighter"
    assert any(f"{abs(offset):.1f} dB {word} after" in text["en"] for text in record["assumptions"])


def test_an_offset_without_any_flood_is_none(tmp_path, before):
    path = write(tmp_path / "shifted.tif", levels(RIVER, 7) - np.float32(3.0))
    codes, _, _ = run(tmp_path, "flood-extent", before=before, after=f"{path}#units=dB,bands=VV+VH")
    assert (codes == 1).mean() < 0.005


def test_a_flood_of_most_of_the_scene_is_no_offset(tmp_path, before):
    codes, record, _ = run(
        tmp_path,
        "flood-extent",
        before=before,
        after=f"{write(tmp_path / 'wide.tif', levels(COLUMNS > 40, 8))}#units=dB,bands=VV+VH",
    )
    assert (codes[(COLUMNS > 42) & ~RIVER] == 1).mean() > 0.9
    assert not any("dB darker" in text["en"] for text in record["assumptions"])


@pytest.mark.parametrize("fill", [-99.0, -100.0, -999.0, -9999.0, -32768.0, 0.0])
@pytest.mark.parametrize("method", ["flood-extent", "flood-depth"])
def test_a_filled_void_of_the_elevation_is_refused(tmp_path, after, method, fill):
    heights = np.where(np.hypot(ROWS - 60, COLUMNS - 200) < 30, fill, plain_heights() + 30.0)
    dem = write(tmp_path / "dem.tif", heights.astype("float32"))
    images = (
        {"after": after} if method == "flood-extent" else {"flood": write(tmp_path / "c.tif", FLOOD.astype("uint8"))}
    )
    with pytest.raises(InputError, match=rf"#nodata={fill:.10g}'"):
        run(tmp_path, method, **images, elevation=dem)
    values, _, _ = run(tmp_path, method, **images, elevation=f"{dem}#nodata={fill:.10g}")
    assert (values[FLOOD] > 0).mean() > 0.9


def test_a_small_void_of_some_hundred_pixels_is_refused(tmp_path, after):
    heights = plain_heights() + 300.0
    heights[60:72, 200:216] = 0.0
    dem = write(tmp_path / "dem.tif", heights.astype("float32"))
    with pytest.raises(InputError, match="#nodata=0'"):
        run(tmp_path, "flood-depth", flood=write(tmp_path / "c.tif", FLOOD.astype("uint8")), elevation=dem)


@pytest.mark.parametrize("fill", [-99.0, 0.0])
def test_a_filled_void_is_refused_on_another_grid(tmp_path, after, fill):
    """Half a pixel aside, the void's rim is a mixture of fill and ground."""
    heights = np.where(np.hypot(ROWS - 60, COLUMNS - 200) < 30, fill, plain_heights() + 30.0)
    dem = write(tmp_path / "dem.tif", heights.astype("float32"), east=4.0)
    with pytest.raises(InputError, match=rf"#nodata={fill:.10g}'"):
        run(tmp_path, "flood-extent", after=after, elevation=dem)


def test_a_salt_pan_below_the_sea_is_no_void(tmp_path):
    """Danakil and Turpan hold ground at -99 m."""
    heights = np.round(-115.0 + 0.2 * COLUMNS).astype("float32")
    dem = write(tmp_path / "dem.tif", heights)
    depth, _, _ = run(tmp_path, "flood-depth", flood=write(tmp_path / "c.tif", FLOOD.astype("uint8")), elevation=dem)
    assert (depth[FLOOD] > 0).all()


def test_the_sea_at_zero_is_no_void(tmp_path):
    heights = np.where(COLUMNS < 40, 0.0, 0.4 * (COLUMNS - 40.0))
    dem = write(tmp_path / "dem.tif", heights.astype("float32"))
    depth, _, _ = run(tmp_path, "flood-depth", flood=write(tmp_path / "c.tif", FLOOD.astype("uint8")), elevation=dem)
    assert (depth[FLOOD] > 0).all()


def test_an_elevation_that_holds_nothing_gives_no_volume(tmp_path):
    flood = write(tmp_path / "c.tif", FLOOD.astype("uint8"))
    heights = plain_heights().astype("float32")
    empty = write(tmp_path / "empty.tif", np.full_like(heights, np.nan))
    with pytest.raises(InputError, match="^(elevation|empty.tif) holds no "):
        run(tmp_path, "flood-depth", flood=flood, elevation=f"{empty}#quantity=elevation,units=m")
    aside = write(tmp_path / "aside.tif", np.where(FLOOD, np.nan, heights).astype("float32"))
    with pytest.raises(InputError, match="^elevation holds no heights under the flood"):
        run(tmp_path, "flood-depth", flood=flood, elevation=aside)


def test_permanent_water_in_a_map_of_one_image_is_said_downstream(tmp_path, before, after):
    dem = write(tmp_path / "dem.tif", plain_heights().astype("float32"))
    for images, said in (({"after": after}, 1), ({"after": after, "before": before}, 0)):
        _, record, flood = run(tmp_path, "flood-extent", **images)
        assert sum("permanent water included" in text["en"] for text in record["assumptions"]) == said
        _, record, depth = run(tmp_path, "flood-depth", flood=flood / "flood.tif", elevation=dem)
        assert sum("permanent water included" in text["en"] for text in record["assumptions"]) == said
        with rasterio.open(depth / "depth.tif") as dataset:
            assert dataset.tags().get("MITOSHI_ASSUMES", "") == ("permanent-water-included" if said else "")
