"""What is checked of a NetCDF file or Zarr store before it is opened.

HDF5 files may point to other files (external links, external storage, virtual datasets) and Zarr metadata may name a codec
that runs code; both are refused before anything is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ZARR_MARKS", "open_cube"]

ZARR_MARKS = (".zgroup", ".zarray", ".zmetadata", "zarr.json")
CODECS = frozenset(
    {
        "blosc",
        "zstd",
        "gzip",
        "zlib",
        "lz4",
        "bz2",
        "lzma",
        "bytes",
        "endian",
        "crc32c",
        "transpose",
        "shuffle",
        "delta",
    }
    | {
        "fixedscaleoffset",
        "quantize",
        "astype",
        "vlen-utf8",
        "bitround",
        "packbits",
        "sharding_indexed",
        "zlib",
        "string",
    }
)
MAX_CHUNK_BYTES = 512 * 2**20
MAX_VARIABLES = 2000
MAX_ALONG = 5_000_000  # values along one axis: coordinates are kept in memory, written or not


def open_cube(path: Path, engine: str) -> Any:
    """Return an xarray dataset of stored numbers, with decoded times, after the checks; the caller closes it.

    Raises
    ------
    RefusedError
        If the file points to other files, names a codec that is no plain compressor, or claims chunks of enormous size.
    InputError
        If it is damaged.
    """
    import xarray as xr

    if engine == "h5netcdf":
        _check_hdf5(path)
    elif engine == "zarr":
        _check_zarr(path)
    try:
        return xr.open_dataset(path, engine=engine, mask_and_scale=False, decode_timedelta=False, chunks=None)
    except Exception as error:
        if "cftime" in str(error) or "calendar" in str(error):
            raise InputError(
                f"{path.name}: its times are in another calendar or unit than the common one, so they name no day of ours; "
                "rewrite its time axis in the 'standard' calendar, in days, hours or seconds"
            ) from None
        raise InputError(f"{path.name} cannot be read as a data cube ({guard.one_line(error)})") from None


def _check_hdf5(path: Path) -> None:
    """Refuse links out of the file and sizes that no sensor makes."""
    import h5py

    found: list[str] = []

    def visit(group: Any) -> None:
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise RefusedError(f"{path.name} links to another file ({name!r}); it is not opened")
            if isinstance(link, h5py.SoftLink):
                continue
            found.append(name)
            if len(found) > MAX_VARIABLES:
                raise RefusedError(f"{path.name} holds more than {MAX_VARIABLES} variables")
            thing = group.get(name)
            if isinstance(thing, h5py.Dataset):
                if thing.external or thing.is_virtual:
                    raise RefusedError(f"{path.name} keeps {name!r} in another file; it is not opened")
                _check_axis(path, name, thing.shape)
                _check_chunk(path, name, thing.chunks, thing.dtype.itemsize)
            elif isinstance(thing, h5py.Group):
                visit(thing)

    try:
        with h5py.File(path, "r") as file:
            visit(file)
    except (OSError, RuntimeError, KeyError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is a damaged HDF5 file ({guard.one_line(error)})") from None


def _check_axis(path: Path, name: str, shape: Any) -> None:
    if isinstance(shape, list | tuple) and len(shape) == 1 and isinstance(shape[0], int) and shape[0] > MAX_ALONG:
        raise RefusedError(
            f"{path.name}: {name!r} claims {shape[0]} values along one axis; the limit is {MAX_ALONG}, cut the file"
        )


def _check_chunk(path: Path, name: str, chunk: Any, itemsize: int) -> None:
    size = itemsize * int(np.prod([int(n) for n in chunk], dtype=object)) if chunk else 0
    if size > MAX_CHUNK_BYTES:
        raise RefusedError(f"{path.name}: chunks of {name!r} are {size / 2**20:.0f} MiB; rewrite it in smaller chunks")


def _check_zarr(path: Path) -> None:
    """Refuse codecs that are not plain compressors, and chunks of enormous size."""
    for mark in sorted(path.rglob("*")):
        if mark.is_symlink():
            raise RefusedError(f"{path.name} holds the link {mark.name!r}; links are not followed")
        if mark.name in ZARR_MARKS:
            _check_zarr_metadata(path, guard.parse_json(mark.read_bytes(), mark.name))


def _check_zarr_metadata(path: Path, value: Any) -> None:
    if isinstance(value, list):
        for inner in value:
            _check_zarr_metadata(path, inner)
    if not isinstance(value, dict):
        return
    for key in ("compressor", "filters", "codecs"):
        for codec in _listed(value.get(key)):
            name = codec.get("id", codec.get("name")) if isinstance(codec, dict) else codec
            if str(name) not in CODECS:
                raise RefusedError(f"{path.name} uses the codec {str(name)[:40]!r}, which is not a plain compressor")
    _check_axis(path, "a variable", value.get("shape"))
    grid = value.get("chunk_grid")
    regular = grid.get("configuration") if isinstance(grid, dict) else None
    chunk = value.get("chunks") or (regular.get("chunk_shape") if isinstance(regular, dict) else None)
    if isinstance(chunk, list):
        _check_chunk(path, "a variable", chunk, 8)
    for inner in value.values():
        _check_zarr_metadata(path, inner)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else ([] if value is None else [value])
