"""NetCDF and Zarr: one observation per time step, and nothing from outside the file."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import xarray as xr

from mitoshi import sensors
from mitoshi.core.errors import InputError, RefusedError, UnknownFileError

VALUES = np.random.default_rng(2).gamma(4, 0.02, (3, 20, 30)).astype("float32")


def _cube():
    coords = {
        "time": np.array(["2024-01-01", "2024-01-13", "2024-01-25"], "datetime64[ns]"),
        "y": 4_000_000 - 10 * (np.arange(20) + 0.5),
        "x": 400_000 + 10 * (np.arange(30) + 0.5),
    }
    dims = ("time", "y", "x")
    cube = xr.Dataset({"vh": (dims, VALUES / 4), "vv": (dims, VALUES)}, coords)
    return cube.assign_attrs(crs="EPSG:32654")


@pytest.fixture(params=["nc", "zarr"])
def cube(request, tmp_path):
    path = tmp_path / f"cube.{request.param}"
    if request.param == "nc":
        _cube().to_netcdf(path, engine="h5netcdf")
    else:
        _cube().to_zarr(path, zarr_format=2, consolidated=True)
    return path


def test_every_time_is_an_item(cube):
    items = sensors.items(f"{cube}#quantity=gamma0")
    assert [item.datetime.day for item in items] == [1, 13, 25]
    observation = sensors.open_item(items[1])
    layer = observation.layers["gamma0"]
    assert list(layer.polarisation.values) == ["VV", "VH"]
    np.testing.assert_allclose(layer.isel(y=slice(3, 9), x=slice(2, 4)).values[0], VALUES[1, 3:9, 2:4], rtol=1e-6)
    assert layer.odc.geobox.crs.to_epsg() == 32654
    assert tuple(layer.odc.geobox.affine)[:6] == pytest.approx((10, 0, 400_000, 0, -10, 4_000_000))
    assert observation.item.to_dict() == items[1].to_dict()


def test_time_or_part_must_be_named(cube):
    with pytest.raises(InputError, match="holds 3 observations"):
        sensors.open_observation(cube)
    layer = sensors.open_observation(f"{cube}#quantity=gamma0,variable=vv,time=2024-01-25").layers["gamma0"]
    np.testing.assert_allclose(layer.values[0], VALUES[2], rtol=1e-6)
    with pytest.raises(InputError, match="unknown variable 'vw'; known: vh, vv"):
        sensors.items(f"{cube}#variable=vw")


def test_external_links_are_refused(tmp_path):
    (tmp_path / "secret.bin").write_bytes(b"root:x:0:0" * 40)
    with h5py.File(tmp_path / "link.nc", "w") as file:
        file["y"] = h5py.ExternalLink("/etc/hosts", "/")
    with h5py.File(tmp_path / "raw.nc", "w") as file:
        file.create_dataset("secret", (20, 20), "u1", external=[(str(tmp_path / "secret.bin"), 0, 400)])
    layout = h5py.VirtualLayout((4, 4), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "v", (4, 4))
    with h5py.File(tmp_path / "virtual.nc", "w") as file:
        file.create_virtual_dataset("v", layout)
    for name in ("link.nc", "raw.nc", "virtual.nc"):
        with pytest.raises(RefusedError, match="another file"):
            sensors.open_observation(tmp_path / name)


def test_zarr_codecs_that_run_code_and_links_are_refused(tmp_path):
    path = tmp_path / "cube.zarr"
    _cube().to_zarr(path, zarr_format=2, consolidated=False)
    array = path / "vv" / ".zarray"
    good = array.read_text()
    array.write_text(json.dumps(json.loads(good) | {"filters": [{"id": "pickle"}]}))
    with pytest.raises(RefusedError, match="codec 'pickle'"):
        sensors.items(path)
    array.write_text(json.dumps(json.loads(good) | {"chunks": [100_000, 100_000, 10]}))
    with pytest.raises(RefusedError, match="smaller chunks"):
        sensors.items(path)
    array.write_text(good)
    (path / "vv" / "9.9.9").symlink_to("/etc/passwd")
    with pytest.raises(RefusedError, match="links are not followed"):
        sensors.items(path)


def test_swaths_and_damaged_files_are_one_line(tmp_path):
    xr.Dataset({"sst": (("nj", "ni"), np.zeros((4, 5)))}).to_netcdf(tmp_path / "swath.nc", engine="h5netcdf")
    with pytest.raises(UnknownFileError, match="swaths are not read"):
        sensors.items(tmp_path / "swath.nc")
    (tmp_path / "cut.nc").write_bytes((tmp_path / "swath.nc").read_bytes()[:700])
    with pytest.raises(InputError, match="damaged HDF5"):
        sensors.items(tmp_path / "cut.nc")
