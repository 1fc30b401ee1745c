"""Offsets and scales of Sentinel-2 and Landsat: one answer from all the places that state them, or a refusal that names them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

from mitoshi import sensors
from mitoshi.core.errors import InputError

DN = np.full((64, 64), 3000, np.uint16)


def band_set(write_raster, properties=None, tags=None, **assets):
    """Write B04 and B08; `tags` gives (scale, offset) of a file, `assets` the STAC asset of a band."""
    for band in ("B04", "B08"):
        path = write_raster(f"set/{band}.tif", DN)
        if band in (tags or {}):
            with rasterio.open(path, "r+") as file:
                file.scales, file.offsets = [(value,) for value in tags[band]]
    linked = {band: {"href": f"./{band}.tif", "raster:bands": [asset]} for band, asset in assets.items()}
    item = {"type": "Feature", "stac_version": "1.0.0", "id": "S2A", "properties": properties or {}, "assets": linked}
    (path.parent / "item.json").write_text(json.dumps(item))
    return path.parent


def reflectances(folder):
    layer = sensors.open_observation(folder).layers["surface_reflectance"]
    return [round(float(v), 6) for v in layer.isel(y=5, x=5).values]


OLD, NEW = {"s2:processing_baseline": "02.14"}, {"s2:processing_baseline": "05.09"}
FULL, PLAIN = (1e-4, -0.1), (1e-4, 0.0)
AGREED = {
    "every band by its own tags": ({}, {"B04": FULL, "B08": PLAIN}, {}, [0.2, 0.3]),
    "one by tags, one by the baseline": (NEW, {"B04": FULL}, {}, [0.2, 0.2]),
    "one by its asset, one by the baseline": (NEW, {}, {"B08": {"scale": 1e-4, "offset": -0.05}}, [0.2, 0.25]),
    "tags before the date": ({"datetime": "2019-09-15T01:30:00Z"}, {"B04": FULL, "B08": FULL}, {}, [0.2, 0.2]),
    "removed already": ({**NEW, "earthsearch:boa_offset_applied": True}, {"B04": PLAIN}, {}, [0.3, 0.3]),
}


@pytest.mark.parametrize("name", AGREED)
def test_precedence(write_raster, name):
    properties, tags, assets, right = AGREED[name]
    assert reflectances(band_set(write_raster, properties, tags, **assets)) == right


CONTRADICTIONS = {
    "tags against the baseline": (OLD, {"B08": FULL}, {}, "B08 states a reflectance offset of -1000"),
    "no offset in the tags against the baseline": (NEW, {"B04": PLAIN}, {}, "B04 states a reflectance offset of 0"),
    "tags against the asset": ({}, {"B08": FULL}, {"B08": {"scale": 1e-4, "offset": 0}}, "its asset"),
    "tags against applied": ({"sentinel:boa_offset_applied": True}, {"B04": FULL}, {}, "applied already"),
    "another scale": ({}, {"B04": (2.75e-5, -0.2)}, {}, "a scale of 2.75e-05"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions_are_refused(write_raster, name):
    properties, tags, assets, words = CONTRADICTIONS[name]
    with pytest.raises(InputError, match=words):
        reflectances(band_set(write_raster, properties, tags, **assets))


OFFSETS = "".join(f'<BOA_ADD_OFFSET band_id="{n}">-1000</BOA_ADD_OFFSET>' for n in range(13))
BANDS = "".join(
    f'<Spectral_Information bandId="{n}" physicalBand="{b}"/>'
    for n, b in enumerate(("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"))
)


def safe(write_raster, *, baseline="05.09", named="N0509", datastrip="05.09", offsets=OFFSETS, tags=None):
    product = f"S2A_MSIL2A_20230625T014701_{named}_R073_T54SUE_20230626T022158"
    path = write_raster(f"{product}.SAFE/GRANULE/L2A_T54SUE/IMG_DATA/R10m/T54SUE_20230625T014701_B04_10m.tif", DN)
    if tags:
        with rasterio.open(path, "r+") as file:
            file.scales, file.offsets = [(value,) for value in tags]
    folder = path.parents[4]
    (folder / "MTD_MSIL2A.xml").write_text(f"""<?xml version="1.0"?><root>
        <PRODUCT_START_TIME>2023-06-25T01:47:01.024Z</PRODUCT_START_TIME><PRODUCT_URI>{product}.SAFE</PRODUCT_URI>
        <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>
        <SENSING_ORBIT_NUMBER>73</SENSING_ORBIT_NUMBER><SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
        <BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>{offsets}{BANDS}
        <EXT_POS_LIST>36 139 36 140 35 140 35 139 36 139</EXT_POS_LIST>
        <Cloud_Coverage_Assessment>1.5</Cloud_Coverage_Assessment></root>""")
    strip = folder / "DATASTRIP" / "DS" / "MTD_DS.xml"
    strip.parent.mkdir(parents=True)
    strip.write_text(f"<root><PROCESSING_BASELINE>{datastrip}</PROCESSING_BASELINE></root>")
    return folder


def test_a_safe_product_that_agrees(write_raster):
    assert reflectances(safe(write_raster)) == [0.2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"named": "N0214"}, "its name .* says 02.14"),
        ({"datastrip": "02.14"}, "MTD_DS.xml says 02.14"),
        ({"offsets": ""}, "no BOA_ADD_OFFSET"),
        ({"baseline": "02.14", "named": "N0214", "datastrip": "02.14"}, "began with 04.00"),
        ({"tags": PLAIN}, "the file of B04 states"),
        ({"tags": (2e-4, -0.2)}, "the file of B04 states"),
    ],
)
def test_a_safe_product_against_itself_is_refused(write_raster, changes, words):
    with pytest.raises(InputError, match=words):
        reflectances(safe(write_raster, **changes))


SCENE = "LC08_L2SP_107035_20200501_20200820_02_T1"


@pytest.mark.parametrize(
    ("tags", "mtl", "right"),
    [
        (None, None, 3000 * 2.75e-5 - 0.2),
        ((1e-4, 0.0), None, 0.3),
        ((2.75e-5, -0.2), (2.75e-5, -0.2), 3000 * 2.75e-5 - 0.2),
        (None, (3e-5, -0.1), 3000 * 3e-5 - 0.1),
        ((1e-4, 0.0), (2.75e-5, -0.2), None),
    ],
)
def test_landsat_factors_of_the_mtl_file_and_of_the_file(write_raster, tags, mtl, right):
    path = write_raster(f"scene/{SCENE}_SR_B4.TIF", DN)
    if tags:
        with rasterio.open(path, "r+") as file:
            file.scales, file.offsets = [(value,) for value in tags]
    if mtl:
        said = {"SPACECRAFT_ID": "LANDSAT_8", "REFLECTANCE_MULT_BAND_4": mtl[0], "REFLECTANCE_ADD_BAND_4": mtl[1]}
        (path.parent / f"{SCENE}_MTL.json").write_text(json.dumps({"LANDSAT_METADATA_FILE": said}))
    if right is None:
        with pytest.raises(InputError, match="the MTL file"):
            reflectances(path.parent)
        return
    assert reflectances(path.parent) == [pytest.approx(right, abs=1e-6)]
