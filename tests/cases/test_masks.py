"""A fifth of a scene lies behind a mask: no reader, value, tile or height shows what is hidden there."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from mitoshi.core.errors import InputError
from mitoshi.core.quantity import ELEVATION
from mitoshi.sensors import items, open_item, open_observation

SIDE = 40
HIDDEN = np.zeros((SIDE, SIDE), bool)
HIDDEN[:, 24:32] = True  # a fifth
KINDS = ("internal", "beside", "alpha")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def write(path: Path, values: np.ndarray, kind: str | None, hidden: np.ndarray = HIDDEN, **tags: str) -> Path:
    """Write a raster on 10 m, of which `hidden` lies behind a mask of a kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 2 if kind == "alpha" else 1
    profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "dtype": values.dtype}
    placed = {"crs": "EPSG:32654", "transform": from_origin(390_000, 3_940_000, 10, 10)}
    inner = "YES" if kind == "internal" else "NO"
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inner),
        rasterio.open(path, "w", count=count, **profile, **placed) as file,
    ):
        if kind == "alpha":
            file.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
            full = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
            file.write(np.where(hidden, 0, full).astype(values.dtype), 2)
        file.write(values, 1)
        file.update_tags(**tags)
        if kind in {"internal", "beside"}:
            file.write_mask(~hidden)
    assert Path(f"{path}.msk").exists() == (kind == "beside")
    return path


def ground(path: Path, kind: str | None) -> Path:
    values = np.full((SIDE, SIDE), 30.0, np.float32)
    values[HIDDEN] = 900.0  # plausible, and wrong
    return write(path, values, kind, MITOSHI_QUANTITY="elevation", MITOSHI_UNITS="m")


def raster_of(path: Path, key: str = "data"):
    from mitoshi.display.rasters import _raster

    return _raster(items(str(path))[0], key, "")


def tile_at(x: float, y: float, level: int) -> tuple[int, int, int]:
    lon, lat = Transformer.from_crs(32654, 4326, always_xy=True).transform(x, y)
    n = 2**level
    return level, int((lon + 180) / 360 * n), int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)


def opacity(raster, level: int = 16, place: tuple[int, int] = (390_200, 3_939_800)) -> np.ndarray:
    from mitoshi.display.drawing import draw

    with rasterio.MemoryFile(io.BytesIO(draw(raster, tile_at(*place, level), 256))) as memory, memory.open() as file:
        if file.count == 4:
            return file.read(4) > 0
        table = file.colormap(1)
        return np.vectorize(lambda code: table[code][3] > 0)(file.read(1))


@pytest.mark.parametrize("kind", KINDS)
class TestPlainRaster:
    def test_values_and_areas(self, tmp_path, kind):
        import shapely

        from mitoshi.display.value_reading import cells_within, statistics, values_at

        path = ground(tmp_path / "dem.tif", kind)
        layer = open_observation(str(path), expecting=ELEVATION).layers["elevation"]
        np.testing.assert_array_equal(np.isnan(layer.values), HIDDEN)
        raster = raster_of(path)
        to_degrees = Transformer.from_crs(32654, 4326, always_xy=True)
        assert values_at(raster, *to_degrees.transform(390_105, 3_939_895)) == [30.0]
        assert np.isnan(values_at(raster, *to_degrees.transform(390_285, 3_939_895))).all()
        ring = [to_degrees.transform(x, y) for x, y in ((390_001, 3_939_601), (390_399, 3_939_601),
                                                        (390_399, 3_939_999), (390_001, 3_939_999))]  # fmt: skip
        found = statistics(raster, cells_within(raster, shapely.Polygon(ring)))
        assert (found["count"], found["cells"], found["maximum"]) == (1280, 1600, 30.0)

    def test_tiles(self, tmp_path, kind):
        whole = opacity(raster_of(ground(tmp_path / "whole.tif", None)))
        seen = opacity(raster_of(ground(tmp_path / "dem.tif", kind)))
        assert not (seen & ~whole).any()
        # Pixels that are interpolated with hidden ones are not shown: half a cell on either side of eight.
        assert seen.sum() / whole.sum() == pytest.approx(1 - 9 / 40, abs=0.01)

    def test_heights_of_the_terrain(self, tmp_path, kind):
        from mitoshi.display.terrain import Elevation

        path = ground(tmp_path / "dem.tif", kind)
        model = Elevation(raster_of(path), tuple(items(str(path))[0].bbox), 10.0, "")
        lon, lat = Transformer.from_crs(32654, 4326, always_xy=True).transform(
            np.array([390_105.0, 390_285.0]), np.array([3_939_895.0, 3_939_895.0])
        )
        for level in (16, 13):  # cells as they are, and reduced
            near, behind = model.heights(lon, lat, level)
            assert near == 30.0
            assert np.isnan(behind) or level == 13  # a height between cells leaves out what is missing
            assert behind != 900.0


NUMBERS = np.full((SIDE, SIDE), 3000, np.uint16)
SCENE = "LC08_L2SP_107035_20200501_20200820_02_T1"
TAGS = {"MITOSHI_PROCESSING_BASELINE": "02.14"}
FAMILIES = {
    "sentinel2": ("set", {"B04.tif": NUMBERS, "B08.tif": NUMBERS, "SCL.tif": np.full((SIDE, SIDE), 4, np.uint8)},
                  {"surface_reflectance": 0.3, "quality": (4, 0)}),
    "landsat": ("scene", {f"{SCENE}_SR_B4.TIF": NUMBERS, f"{SCENE}_ST_B10.TIF": NUMBERS, f"{SCENE}_QA_PIXEL.TIF": NUMBERS},
                {"surface_reflectance": 3000 * 2.75e-5 - 0.2, "surface_temperature": 3000 * 0.00341802 + 149,
                 "quality": (3000, 1)}),
    "opera": ("burst", {f"20211119T015903Z_{p}.tif": np.full((SIDE, SIDE), 0.1, np.float32) for p in ("VV", "VH")}
              | {"20211119T015903Z_mask.tif": np.zeros((SIDE, SIDE), np.uint8)}, {"gamma0": 0.1, "quality": (0, 255)}),
    "palsar2": ("tile", {"N36E139_20_sl_HH_F02DAR.tif": NUMBERS, "N36E139_20_mask_F02DAR.tif": np.full((SIDE, SIDE), 255, np.uint8),
                         "N36E139_20_linci_F02DAR.tif": np.full((SIDE, SIDE), 38, np.uint8)},
                {"gamma0": 3000.0**2 * 10**-8.3, "incidence_angle": 38.0, "quality": (255, 0)}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_reader_hides_what_masks_hide(tmp_path, family, kind):
    folder, files, layers = FAMILIES[family]
    for name, values in files.items():
        write(tmp_path / folder / name, values, kind, **TAGS)
    observation = open_item(items(str(tmp_path / folder))[0])
    for name, right in layers.items():
        for band in observation.layers[name].values.reshape(-1, SIDE, SIDE):
            if isinstance(right, tuple):
                np.testing.assert_array_equal(band, np.where(HIDDEN, right[1], right[0]))
            else:
                np.testing.assert_allclose(band, np.where(HIDDEN, np.nan, right), rtol=1e-5)
    masks = [file for file in observation.files if file.suffix == ".msk"]
    assert len(masks) == (len(files) if kind == "beside" else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_and_values_of_a_band_of_a_product(tmp_path, kind):
    from mitoshi.display.value_reading import values_at

    _, files, _ = FAMILIES["sentinel2"]
    for name, values in files.items():
        write(tmp_path / "set" / name, values, kind, **TAGS)
    there = Transformer.from_crs(32654, 4326, always_xy=True).transform(390_285, 3_939_895)
    for key in ("B04", "SCL"):
        raster = raster_of(tmp_path / "set", key)
        value = values_at(raster, *there)[0]
        assert math.isnan(value) or value == 0
        assert opacity(raster).any()
        assert not opacity(raster, 22, (390_285, 3_939_895)).any()


def test_a_mask_of_another_shape_or_kind_is_refused(tmp_path):
    path = ground(tmp_path / "dem.tif", "beside")
    mask = Path(f"{path}.msk")
    write(tmp_path / "small.tif", np.ones((4, 4), np.uint8), None).rename(mask)
    with pytest.raises(InputError, match="4 x 4 pixels"):
        open_observation(str(path), expecting=ELEVATION)
    mask.write_bytes(b"no mask")
    with pytest.raises(InputError, match="no GeoTIFF"):
        open_observation(str(path), expecting=ELEVATION)
    mask.unlink()
    (tmp_path / "else").mkdir()
    mask.symlink_to(write(tmp_path / "else/m.tif", np.ones((SIDE, SIDE), np.uint8), None))
    with pytest.raises(InputError, match="link out of its folder"):
        open_observation(str(path), expecting=ELEVATION)


@pytest.mark.slow
def test_a_mask_beside_is_recorded_and_verified_with_its_file(tmp_path):
    from click.testing import CliRunner

    from mitoshi.catalog.ingest import products
    from mitoshi.interfaces.cli import cli

    folder = tmp_path / "in"
    flood = np.zeros((SIDE, SIDE), np.uint8)
    flood[10:20, 10:40] = 1
    write(folder / "flood.tif", flood, "beside")
    assert [Path(source).name for source, _ in products([folder], items)] == ["flood.tif"]
    ground(folder / "dem.tif", None)
    files = ["--flood", f"{folder}/flood.tif", "--elevation", f"{folder}/dem.tif"]
    done = CliRunner().invoke(cli, ["run", "disaster.flood-depth", *files, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert re.search(r"not observable: 20\s%", done.output)
    recorded = json.loads((tmp_path / "out/run.json").read_text())["inputs"]["flood"][0]["files"]
    assert [file["name"] for file in recorded] == ["flood.tif", "flood.tif.msk"]
    with rasterio.open(tmp_path / "out/depth_source.tif") as source:
        np.testing.assert_array_equal(source.read(1) != 0, HIDDEN)
    verify = ["verify", str(tmp_path / "out")]
    assert CliRunner().invoke(cli, verify, standalone_mode=False).return_value in (None, 0)
    with rasterio.open(f"{folder}/flood.tif.msk", "r+") as mask:
        mask.write(np.full((SIDE, SIDE), 255, np.uint8), 1)
    assert CliRunner().invoke(cli, verify, standalone_mode=False).return_value
