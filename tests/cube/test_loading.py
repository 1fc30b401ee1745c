"""Items to a time series on a grid."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mitoshi import cube
from mitoshi.core.errors import InputError

# odc-geo and odc-stac use what affine 3 and shapely 2.2 announce to change.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning"),
]


def opener(layers):
    return lambda item: SimpleNamespace(layers=layers[item.id])


def test_slices_of_one_pass_become_one_time(grid, layer, item):
    target = grid((60, 50))
    south, north = np.full((60, 50), np.nan, "f4"), np.full((60, 50), np.nan, "f4")
    north[:35], south[25:] = 1, 2
    layers = {
        "n": {"gamma0": layer(north[None], target, polarisation=["VV"])},
        "s": {"gamma0": layer(south[None], target, polarisation=["VV"])},
        "later": {"gamma0": layer(np.full((1, 60, 50), 3, "f4"), target, polarisation=["VV"])},
    }
    items = [
        item("later", "2019-10-18T09:00:00+00:00"),
        item("s", "2019-10-06T09:00:25+00:00"),
        item("n", "2019-10-06T09:00:00+00:00"),
    ]
    out = cube.load(items, "backscatter", target, opener(layers), chunks={"y": 20, "x": 30})
    assert out.dims == ("time", "polarisation", "y", "x")
    assert out.chunks is not None
    assert out.chunksizes["y"] == (20, 20, 20)
    assert_array_equal(out["time"].values, np.array(["2019-10-06T09:00:00", "2019-10-18T09:00:00"], "M8[ns]"))
    first = out.isel(time=0, polarisation=0).compute(scheduler="synchronous").to_numpy()
    assert (first[:35] == 1).all()
    assert (first[35:] == 2).all()
    assert (out.isel(time=1).compute(scheduler="synchronous") == 3).all()
    assert out.attrs["quantity"] == "gamma0"


def test_what_cannot_be_loaded_together_is_said(grid, layer, item):
    target = grid((6, 5))
    values = np.ones((1, 6, 5), "f4")
    layers = {
        "vv": {"gamma0": layer(values, target, polarisation=["VV"])},
        "vh": {"gamma0": layer(values, target, polarisation=["VH"])},
    }
    items = [item("vv", "2019-10-06T09:00:00+00:00"), item("vh", "2019-10-18T09:00:00+00:00")]
    with pytest.raises(InputError, match="polarisation differ"):
        cube.load(items, "gamma0", target, opener(layers))
    with pytest.raises(InputError, match="vv hold gamma0, not elevation"):
        cube.load(items[:1], "elevation", target, opener(layers))
    with pytest.raises(InputError, match="no items"):
        cube.load([], "gamma0", target)


@pytest.mark.real
@pytest.mark.slow
def test_a_real_sentinel_2_scene_through_our_reader(shared_data):
    from mitoshi import sensors

    folder = shared_data("platform/sentinel2/cog_29RKH_20200219")
    (item,) = sensors.items(str(folder))
    # Mean NDVI of the tile at 200 m by average resampling, from the data's own page.
    coarse = cube.grid_for(item, resolution=200.0)
    both = cube.load([item], "surface_reflectance", coarse).compute(scheduler="synchronous")[0]
    red, near = both.sel(band="B04"), both.sel(band="B08")
    assert float(((near - red) / (near + red)).mean()) == pytest.approx(0.0663, abs=0.0005)
    quality = cube.load([item], "quality", coarse).compute(scheduler="synchronous")[0]
    kept = cube.masked(both, quality, "scl")
    share = float(np.isfinite(kept.sel(band="B04")).mean())
    assert 0.0 < share < 1.0
    assert share == pytest.approx(float(quality.isin([2, 4, 5, 6, 7, 11]).mean()), abs=0.01)


class Ranges(SimpleHTTPRequestHandler):
    """Serves a folder with byte ranges, as an object store does."""

    def log_message(self, *_):
        return

    def do_GET(self):
        asked = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        data = path.read_bytes()
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = data[int(first) : (int(last) + 1 if last else len(data))]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)


REMOTE = """
import json, sys
import pystac
from mitoshi import cube
from mitoshi.catalog import anywhere
item = pystac.Item.from_dict(json.load(open(sys.argv[1])))
grid = cube.grid_for(item)
try:
    cube.load([item], "surface_reflectance", grid)
except Exception as error:
    print(type(error).__name__, error)
found = cube.load([item], "surface_reflectance", grid, admit=anywhere)
print(found.dims, found.attrs["units"], found["band"].values.tolist(), found.chunks is not None)
found.compute(scheduler="synchronous").to_netcdf(sys.argv[2], engine="h5netcdf")
item.assets["B04"].href = item.assets["B04"].href.replace("B04.tif", "hostile.tif")
try:
    cube.load([item], "surface_reflectance", grid, admit=anywhere).compute(scheduler="synchronous")
except Exception as error:
    print("refused", type(error).__name__)
"""


@pytest.mark.real
@pytest.mark.slow
def test_a_real_scene_behind_http_goes_through_odc_stac_and_agrees_with_our_reader(tmp_path, shared_data):
    import xarray as xr

    from mitoshi import sensors

    folder = shared_data("platform/sentinel2/cog_29RKH_20200219")
    (item,) = sensors.items(str(folder))
    ours = cube.load([item], "surface_reflectance", cube.grid_for(item)).compute(scheduler="synchronous")
    served = tmp_path / "served"
    served.mkdir()
    for name in ("B04", "B08"):
        (served / f"{name}.tif").write_bytes((folder / f"{name}.tif").read_bytes())
    (served / "hostile.tif").write_bytes(shared_data("platform/hostile/vrt/raw_etc_passwd.vrt").read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    document = item.to_dict(transform_hrefs=False)
    document["properties"] = {k: v for k, v in document["properties"].items() if not k.startswith("mitoshi:")}
    document["assets"] = {
        name: {
            "href": f"http://127.0.0.1:{server.server_port}/{name}.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "roles": ["data"],
            "eo:bands": [{"name": name}],
            "raster:bands": [{"scale": 0.0001, "offset": 0.0, "nodata": 0}],
        }
        for name in ("B04", "B08")
    }
    (tmp_path / "item.json").write_text(json.dumps(document))
    try:
        done = subprocess.run(
            [sys.executable, "-c", REMOTE, str(tmp_path / "item.json"), str(tmp_path / "out.nc")],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("RefusedError 127.0.0.1 is not on the public web")
    assert lines[1] == "('time', 'band', 'y', 'x') 1 ['B04', 'B08'] True"
    assert lines[2].startswith("refused")
    assert "root:" not in done.stdout + done.stderr
    with xr.open_dataarray(tmp_path / "out.nc", engine="h5netcdf") as theirs:
        assert_allclose(theirs.to_numpy(), ours.sel(band=["B04", "B08"]).to_numpy(), atol=2e-7)
