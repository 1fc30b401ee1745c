"""NetCDF and Zarr grids: one observation per time step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, RefusedError, UnknownFileError, misspelt
from mitoshi.core.quantity import QUANTITIES
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text
from mitoshi.sensors import guard, stac
from mitoshi.sensors.datacube_checks import ZARR_MARKS, open_cube
from mitoshi.sensors.lazy import lazy_array, pixel_size_m
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.products import chosen_product, part_of

if TYPE_CHECKING:
    import pystac
    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.observation import Description, Source

__all__ = ["READER", "VariableReader"]

TIME_NAMES, Y_NAMES, X_NAMES = ("time", "t"), ("y", "lat", "latitude", "northing"), ("x", "lon", "longitude", "easting")
UNSTATED = Text(
    "variable {name} does not say what it holds: kept as values of unstated meaning (describe it with '#quantity=…,units=…')",
    "変数 {name} の内容の記載がないため、意味の不明な値とします（'#quantity=…,units=…' で指定できます）",
)
CHOSEN = Text("of the variables {names} only {chosen} is read", "変数 {names} のうち {chosen} だけを読みます")
MAX_STEPS = 20_000  # observations in one file: two years of every hour
TEMPERATURE_LIKE = {
    "surface_temperature": "surface_temperature",
    "toa_brightness_temperature": "brightness_temperature",
}


@dataclass(frozen=True)
class VariableReader:
    """One variable at one time step.

    Attributes
    ----------
    path, engine
        The file and how xarray opens it.
    variable
        Name.
    index
        Chosen index of every leading dimension.
    shape
        (rows, columns).
    scale, offset, nodata
        As the user says, after what the file itself declares.
    """

    path: str
    engine: str
    variable: str
    index: tuple[tuple[str, int], ...]
    shape: tuple[int, int]
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    dtype: str = "float32"

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window."""
        with open_cube(Path(self.path), self.engine) as dataset:
            variable = dataset[self.variable].isel(dict(self.index))
            values = np.asarray(variable.isel({variable.dims[-2]: y, variable.dims[-1]: x}).to_numpy())
        out = values.astype(np.float32)
        if self.nodata is not None:
            out[values == self.nodata] = np.nan
        return out * np.float32(self.scale) + np.float32(self.offset)


@dataclass(frozen=True)
class Step:
    """One time step of some variables on one grid."""

    id: str
    time: datetime | None
    index: tuple[tuple[str, int], ...]
    variables: tuple[str, ...]
    quantity: str
    units: str
    labels: tuple[str, ...]
    grid: GeoBox
    assumptions: tuple[Text, ...]


class DatacubeReader:
    """Gridded NetCDF and Zarr."""

    name = "datacube"
    priority = 60
    wants = "a gridded NetCDF file or Zarr folder"

    def recognises(self, source: Source) -> bool:
        """Tell whether the file is NetCDF or the folder a Zarr store."""
        if source.kind in {"hdf5", "netcdf3"}:
            return True
        return source.kind == "folder" and any((source.path / mark).is_file() for mark in ZARR_MARKS)

    def items(self, source: Source) -> list[pystac.Item]:
        """Return one item per time step."""
        steps = _steps(source)
        return [stac.make_item(source, _parts(source, step, part_of(mark, len(steps)))) for mark, step in steps.items()]

    def open(self, source: Source) -> Observation:
        """Return the variables of one time step."""
        steps = _steps(source)
        step = chosen_product(source, steps)
        mark = next(mark for mark, one in steps.items() if one is step)
        parts = _parts(source, step, part_of(mark, len(steps)))
        engine = _engine(source)
        said = source.description
        readers = [
            VariableReader(
                path=str(source.path),
                engine=engine,
                variable=name,
                index=step.index,
                shape=(int(step.grid.shape[0]), int(step.grid.shape[1])),
                scale=1.0 if said.scale is None else said.scale,
                offset=0.0 if said.offset is None else said.offset,
                nodata=said.nodata,
            )
            for name in step.variables
        ]
        axis = "polarisation" if QUANTITIES[step.quantity].power else ("band" if len(readers) > 1 else None)
        layer = lazy_array(
            readers, step.grid, axis=axis, labels=step.labels, attrs={"quantity": step.quantity, "units": step.units}
        )
        files = (source.path,) if source.kind != "folder" else tuple(source.path / name for name in source.names)
        return Observation({step.quantity: layer}, stac.make_item(source, parts), stac.assumed(parts), files)


READER = DatacubeReader()


def _engine(source: Source) -> str:
    return {"hdf5": "h5netcdf", "netcdf3": "scipy", "folder": "zarr"}[source.kind]


def _is_grid(variable: Any) -> bool:
    dims = [str(d).lower() for d in variable.dims]
    return len(dims) >= 2 and dims[-2] in Y_NAMES and dims[-1] in X_NAMES and variable.dtype.kind in "fiu"


def _chosen_variables(source: Source, dataset: Any) -> tuple[list[str], tuple[Text, ...]]:
    grids = [str(name) for name, variable in dataset.data_vars.items() if _is_grid(variable)]
    wanted = list(source.description.variable)
    for name in wanted:
        if name not in grids:
            raise InputError(f"{source.path.name}: {misspelt('variable', name, grids)[:400]}")
    if wanted or not grids:
        return wanted, ()
    lower = {name.lower(): name for name in grids}
    pair = [lower[p] for p in ("vv", "hh", "vh", "hv") if p in lower]
    if pair:
        return pair, ()
    more = (CHOSEN.format(names=", ".join(grids[:8]), chosen=grids[0]),) if len(grids) > 1 else ()
    return grids[:1], more


def _meaning(said: Description, dataset: Any, names: list[str], expecting: Any) -> tuple[str, str, tuple[Text, ...]]:
    variable = dataset[names[0]]
    units = said.units or variable.attrs.get("units")
    if said.quantity:
        return said.quantity, str(units or QUANTITIES[said.quantity].units), ()
    standard = {q.standard_name: q.name for q in QUANTITIES.values() if q.standard_name}
    named = standard.get(variable.attrs.get("standard_name")) or (
        variable.attrs.get("quantity") if variable.attrs.get("quantity") in QUANTITIES else None
    )
    if named is None and expecting is not None and not expecting.members:
        from mitoshi.sensors.guess import ASKED

        units = str(units or expecting.units)
        return expecting.name, units, (ASKED.format(quantity=expecting.name, units=units),)
    if named is None and names[0].upper() in {"VV", "VH", "HH", "HV"} and units in {None, "1", "dB"}:
        found = "sigma0" if expecting is None or expecting.members else expecting.name
        return (
            found,
            str(units or "1"),
            (Text(f"variables {names} are taken as {found}", f"変数 {names} を {found} とします"),),
        )
    if named is None:
        return "value", str(units or "1"), (UNSTATED.format(name=names[0]),)
    return named, str(units or QUANTITIES[named].units), ()


def _steps(source: Source) -> dict[str, Step]:
    with open_cube(source.path, _engine(source)) as dataset:
        names, more = _chosen_variables(source, dataset)
        if not names:
            raise UnknownFileError(
                f"{source.path.name} holds no variable on a regular (y, x) or (latitude, longitude) grid; swaths are not read"
            )
        if len({tuple(dataset[n].dims) for n in names}) > 1:
            raise InputError(f"{source.path.name}: variables {', '.join(names)} have different dimensions; name one")
        quantity, units, assumed = _meaning(source.description, dataset, names, source.expecting)
        grid, labels = _grid(dataset, names[0]), source.description.bands or tuple(names)
        if QUANTITIES[quantity].power:
            labels = tuple(label.upper() for label in labels)
        unique = f"{stac.safe_stem(source.path.name)}-{_fingerprint(source)}"
        return {
            mark.removeprefix("_"): Step(
                f"{unique}{mark}", time, index, tuple(names), quantity, units, tuple(labels), grid, (*more, *assumed)
            )
            for mark, time, index in _indices(source, dataset[names[0]])
        }


def _fingerprint(source: Source) -> str:
    if source.kind != "folder":
        return stac.fingerprint(source.path)
    return stac.fingerprint(next(source.path / mark for mark in ZARR_MARKS if (source.path / mark).is_file()))


def _indices(source: Source, variable: Any) -> list[tuple[str, datetime | None, tuple[tuple[str, int], ...]]]:
    """Return (mark of the identifier, time, index of the leading dimensions) of every step."""
    leading = [str(d) for d in variable.dims[:-2]]
    others = [d for d in leading if d.lower() not in TIME_NAMES and variable.sizes[d] > 1]
    if others:
        raise InputError(f"{source.path.name}: dimension {others[0]!r} is neither time, y nor x; split the file by it")
    fixed = tuple((d, 0) for d in leading if d.lower() not in TIME_NAMES)
    axis = next((d for d in leading if d.lower() in TIME_NAMES), None)
    said = None if source.description.time is None else instant(source.description.time)
    if axis is None:
        scalar = (
            variable.coords["time"].values if "time" in variable.coords and variable.coords["time"].ndim == 0 else None
        )
        return [("", said or _utc(scalar), fixed)]
    if variable.sizes[axis] > MAX_STEPS:
        raise RefusedError(
            f"{source.path.name} holds {variable.sizes[axis]} time steps; the limit is {MAX_STEPS}, split it by time"
        )
    times = (
        [_utc(value) for value in variable[axis].values] if axis in variable.coords else [None] * variable.sizes[axis]
    )
    steps = [(f"_{time:%Y%m%dT%H%M%S}" if time else f"_{n}", time, (*fixed, (axis, n))) for n, time in enumerate(times)]
    chosen = [step for step in steps if said is None or step[1] == said]
    if not chosen:
        raise InputError(
            f"{source.path.name} has no time {source.description.time}; it has {steps[0][1]} to {steps[-1][1]}"
        )
    return chosen


def _utc(value: Any) -> datetime | None:
    if value is None or not np.issubdtype(np.asarray(value).dtype, np.datetime64) or np.isnat(value):
        return None
    seconds = int(np.asarray(value).astype("datetime64[s]").astype(np.int64))
    return datetime.fromtimestamp(seconds, UTC)


def _grid(dataset: Any, name: str) -> GeoBox:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    variable = dataset[name]
    rows, columns = (int(n) for n in variable.shape[-2:])
    guard.check_shape((rows, columns), name)
    y, x = (
        np.asarray(dataset[d].values, dtype=np.float64) if d in dataset.coords else None for d in variable.dims[-2:]
    )
    crs = _crs(dataset, variable)
    if crs is None or y is None or x is None or not (_regular(y) and _regular(x)):
        return GeoBox((rows, columns), Affine.identity(), None)
    dy, dx = (y[-1] - y[0]) / (rows - 1), (x[-1] - x[0]) / (columns - 1)
    return GeoBox((rows, columns), Affine(dx, 0, x[0] - dx / 2, 0, dy, y[0] - dy / 2), crs)


def _regular(values: np.ndarray[Any, Any]) -> bool:
    if len(values) < 2 or not np.isfinite(values).all():
        return False
    step = (values[-1] - values[0]) / (len(values) - 1)
    # Coordinates of 32 bits are rounded to a few parts in 10 million of their size, which may be much of a step.
    rounding = 2 * float(np.spacing(np.float32(np.abs(values).max())))
    even = values[0] + step * np.arange(len(values))
    return bool(step != 0 and np.abs(values - even).max() <= max(1e-3 * abs(step), min(rounding, 0.3 * abs(step))))


def _crs(dataset: Any, variable: Any) -> str | None:
    mapping = variable.attrs.get("grid_mapping") or variable.encoding.get("grid_mapping")
    for holder in (mapping, "crs", "spatial_ref"):
        if holder in dataset.variables:
            text = dataset[holder].attrs.get("crs_wkt") or dataset[holder].attrs.get("spatial_ref")
            if text:
                return _code(str(text))
            if "grid_mapping_name" in dataset[holder].attrs:
                return _of_cf(dict(dataset[holder].attrs))
    if str(variable.dims[-2]).lower() in {"lat", "latitude"}:
        return "EPSG:4326"
    stated = dataset.attrs.get("crs") or dataset.attrs.get("epsg")
    return _code(str(stated)) if stated is not None else None


def _of_cf(attributes: dict[str, Any]) -> str | None:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_cf(attributes)
    except (CRSError, KeyError, ValueError, TypeError):
        return None
    code = crs.to_epsg(min_confidence=20)
    same = code is not None and CRS.from_epsg(code).is_exact_same(crs)
    name = CRS.from_epsg(code).name if code is not None else ""
    return f"EPSG:{code}" if same or (name and name == attributes.get("projected_crs_name")) else str(crs.to_wkt())


def _code(text: str) -> str | None:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_user_input(int(text) if text.isdigit() else text)
    except CRSError:
        return None
    code = crs.to_epsg(min_confidence=70)
    return f"EPSG:{code}" if code else str(crs.to_wkt())


def _parts(source: Source, step: Step, part: dict[str, str]) -> stac.Parts:
    power = QUANTITIES[step.quantity].power
    return stac.Parts(
        id=step.id,
        reader=DatacubeReader.name,
        quantities=(step.quantity,),
        grid=step.grid,
        start=step.time,
        end=step.time,
        gsd=pixel_size_m(step.grid),
        properties={**({"sar:polarizations": list(step.labels)} if power else {}), **part},
        assets={"data": source.path} if source.kind != "folder" else {},
        assumptions=step.assumptions,
    )
