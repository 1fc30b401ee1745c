import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Annotated, NamedTuple

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from annotated_types import Ge, Le
from odc.geo.geobox import GeoBox
from PIL import Image

from mitoshi.core.discovery import find
from mitoshi.core.errors import RunError
from mitoshi.core.method import Pixel, method
from mitoshi.core.product import Coded, CodedClass, Measured
from mitoshi.core.quantity import BACKSCATTER, ELEVATION, PROBABILITY, Raster
from mitoshi.core.text import Text
from mitoshi.evidence import quicklook
from mitoshi.evidence.painting import background

FLOODED, WATER = (230, 97, 0), (59, 91, 165)
CLASSES = (
    CodedClass(0, Text("not flooded", "浸水なし"), "#f2efe6"),
    CodedClass(1, Text("flooded", "浸水"), "#e66100"),
    CodedClass(2, Text("permanent water", "平常時水域"), "#3b5ba5"),
    CodedClass(255, Text("not observable", "観測不能"), "#9e9e9e"),
)
GRID = GeoBox((60, 80), Affine(10, 0, 380_000, 0, -10, 3_950_000), "EPSG:32654")


class Flood(NamedTuple):
    """Flood."""

    flood: Annotated[
        Raster, Coded(Text("Flood extent", "浸水域"), CLASSES, no_uncertainty=Text("a test", "試験用"), outline=1)
    ]
    flood_probability: Annotated[
        Raster,
        Measured(
            Text("Probability", "浸水確率"),
            PROBABILITY,
            0.01,
            no_uncertainty=Text("it is", "試験用"),
            colours="cividis",
        ),
    ]


@method(version="1.0.0", reference="a test", support=Pixel(), title=Text("Flood", "浸水域"), name="test.flood")
def flood(after: Annotated[Raster, BACKSCATTER], /, *, level: Annotated[float, Ge(0), Le(1)] = 0.5) -> Flood:
    """Nothing: only its declaration is drawn."""
    raise NotImplementedError


def layers():
    codes = np.zeros((60, 80), np.uint8)
    codes[:30, :40] = 1  # upper left
    codes[30:, :40] = 2  # lower left
    codes[30:, 40:] = 255  # lower right; the upper right is dry
    power = np.random.default_rng(1).gamma(4.0, 0.02, (60, 80)).astype(np.float32)
    return {"flood": codes}, power


def drawn(values=None, background=None, grid=GRID, language="ja", title="浸水域", simulated=False):
    given, power = layers()
    background = power if background is None else background
    return quicklook.render(
        values or given, flood, grid=grid, background=background, language=language, title=title, simulated=simulated
    )


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)))


def count(picture, colour):
    return int((picture == np.array(colour, np.uint8)).all(axis=-1).sum())


def test_the_same_layers_give_the_same_bytes_in_any_thread():
    one = drawn(simulated=True)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: drawn(simulated=True), range(8))) == {one}


def test_the_file_is_a_png_of_1400_pixels_and_tells_no_time_and_no_software():
    png = drawn()
    kinds, at = [], 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        kinds.append(kind)
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}
    assert pixels(png).shape[1] == 1400


def test_classes_lie_where_the_layer_has_them():
    picture = pixels(drawn())
    rows, columns = np.nonzero((picture == FLOODED).all(axis=-1) & (np.arange(1400) < 1000))
    blue_rows, blue_columns = np.nonzero((picture == WATER).all(axis=-1) & (np.arange(1400) < 1000))
    # A quarter of the map each: the flood above the water, both left of the middle.
    assert rows.max() < blue_rows.min()
    assert abs(columns.max() - blue_columns.max()) <= 2
    assert len(rows) == pytest.approx(len(blue_rows), rel=0.02)
    width, height = columns.max() - columns.min(), rows.max() - rows.min()
    assert height / width == pytest.approx(30 / 40, rel=0.02)  # UTM: as in the grid
    # Right of the flood the bare background: greys; below it the hatching: two greys only.
    right = picture[rows.min() + 5 : rows.max() - 5, columns.max() + 8 : columns.max() + width - 8]
    assert (right[..., 0] == right[..., 1]).all()
    assert len(np.unique(right)) > 50
    below = picture[blue_rows.min() + 5 : blue_rows.max() - 5, columns.max() + 8 : columns.max() + width - 8]
    assert set(np.unique(below)) == {110, 205}


def test_without_background_the_ordinary_state_has_its_own_colour():
    given, _ = layers()
    png = quicklook.render(given, flood, grid=GRID, background=None, language="en", title="x", simulated=False)
    assert count(pixels(png), (242, 239, 230)) > 50_000


def test_a_simulated_map_says_so_and_a_real_one_does_not():
    amber = (255, 194, 14)
    assert count(pixels(drawn(simulated=True)), amber) > 50_000
    assert count(pixels(drawn(simulated=False)), amber) == 0


def test_the_languages_differ_and_the_scale_needs_a_georeference():
    assert drawn(language="ja") != drawn(language="en")
    placed, unplaced = pixels(drawn()), pixels(drawn(grid=None))
    panel = slice(1020, None)
    assert (placed[:, panel] < 40).all(axis=-1).sum() > (unplaced[:, panel] < 40).all(axis=-1).sum() + 1000


def test_a_measured_layer_is_drawn_where_nothing_is_coded():
    values = np.tile(np.linspace(0, 1, 80, dtype=np.float32), (60, 1))
    values[:10, :10] = np.nan
    picture = pixels(drawn({"flood_probability": values}))
    assert count(picture, (0, 34, 78)) > 500  # cividis at 0
    assert count(picture, (254, 232, 56)) > 500  # cividis at 1
    assert count(picture, (110, 110, 110)) > 500  # hatching


def test_the_note_names_the_background_and_says_nothing_of_one_that_is_covered():
    """A depth map said "input image": its background was the flood map, and no part of it could be seen."""
    shown = xr.DataArray(layers()[1], dims=("y", "x"), attrs={"quantity": "elevation", "units": "m"})
    assert background(shown, flood, "en")[1] == f"Background: {ELEVATION.title.en}, 2–98 % stretch"
    assert background(shown, flood, "ja")[1] == f"背景：{ELEVATION.title.ja}（2～98 %で伸長）"
    depth = find("disaster.flood-depth")
    codes = {"depth_class": np.full((60, 80), 40, np.uint8)}
    under, none = (
        quicklook.render(codes, depth, grid=GRID, background=b, language="en", title="x", simulated=False)
        for b in (shown, None)
    )
    assert under == none


def test_decibels_relative_values_and_linear_power_are_each_shown_rightly():
    _, power = layers()
    linear = drawn(background=xr.DataArray(power, dims=("y", "x"), attrs={"quantity": "gamma0", "units": "1"}))
    decibel = drawn(background=xr.DataArray(10 * np.log10(power), dims=("y", "x"), attrs={"units": "dB"}))
    assert np.abs(pixels(linear).astype(int) - pixels(decibel).astype(int)).max() <= 1
    plain = drawn(background=power)
    assert np.abs(pixels(linear)[:600].astype(int) - pixels(plain)[:600].astype(int)).max() == 0  # but for the note
    elevation = drawn(background=xr.DataArray(power, dims=("y", "x"), attrs={"quantity": "elevation", "units": "m"}))
    assert np.abs(pixels(linear)[:600].astype(int) - pixels(elevation)[:600].astype(int)).max() > 20
    relative = drawn(background=xr.DataArray(power, dims=("y", "x"), attrs={"quantity": "relative_backscatter"}))
    assert np.abs(pixels(linear).astype(int) - pixels(relative).astype(int)).max() > 20


@pytest.mark.parametrize(
    "background",
    [
        np.full((60, 80), np.nan, np.float32),
        np.zeros((60, 80), np.float32),
        np.ones((2, 30, 40), np.float32),
        np.array([[0.1]], np.float32),
    ],
    ids=["nothing seen", "no power", "two polarisations at half the resolution", "one pixel"],
)
def test_any_background_is_drawn_without_a_warning(background):
    assert count(pixels(drawn(background=background)), FLOODED) > 10_000


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3000, 4000)])
def test_any_shape_is_drawn(shape):
    codes = np.ones(shape, np.uint8)
    picture = pixels(drawn({"flood": codes}, background=np.ones(shape, np.float32), grid=None))
    assert picture.shape[1] == 1400
    assert picture.shape[0] < 1200
    assert count(picture, FLOODED) > 1000


@pytest.mark.parametrize("title", ["", "🛰\x00\n" * 50, "長い表題です。" * 400, "x" * 4000])
def test_a_hostile_title_neither_warns_nor_fills_the_map(title):
    assert pixels(drawn(title=title)).shape[0] < 1200


def test_a_result_of_another_method_is_refused():
    with pytest.raises(RunError, match=r"test\.flood gave no layer to draw"):
        drawn({"depth": np.zeros((2, 2))})


@pytest.mark.real
def test_a_real_tile_without_georeference(shared_data):
    with zipfile.ZipFile(shared_data("disaster/sar_flood_ombria/ombria_test70.zip")) as tiles:
        name = min(n for n in tiles.namelist() if "/S1_after_" in n and "S1" in n.split("/")[0])
        after = np.asarray(Image.open(BytesIO(tiles.read(name))).convert("L"), np.float32)
        mask_name = name.replace("AFTER", "MASK").replace("_after_", "_mask_")
        mask = np.asarray(Image.open(BytesIO(tiles.read(mask_name))).convert("L")) > 127
    shown = xr.DataArray(after, dims=("y", "x"), attrs={"quantity": "relative_backscatter", "units": "1"})
    picture = pixels(drawn({"flood": mask.astype(np.uint8)}, background=shown, grid=None))
    share = count(picture, FLOODED) / (800 * 800)
    assert share == pytest.approx(mask.mean(), abs=0.03)  # less the rim
