"""NetCDF and Zarr grids: one observation per time step."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, UnknownFileError, misspelt
from mitoshi.core.quantity import BACKSCATTER, QUANTITIES
from mitoshi.core.text import Text
from mitoshi.sensors import stac
from mitoshi.sensors.bands import bands_to_read, checked_meaning, decodes_of
from mitoshi.sensors.datacube_checks import ZARR_MARKS, open_cube
from mitoshi.sensors.datacube_grid import axes_of, placement_of, refuse_curvilinear
from mitoshi.sensors.datacube_times import Moment, moments_of
from mitoshi.sensors.datacube_values import Valid, VariableReader, band_of, valid_of
from mitoshi.sensors.header import Header, read_sample
from mitoshi.sensors.lazy import lazy_array, pixel_size_m
from mitoshi.sensors.observation import Observation
from mitoshi.sensors.placing import checked_crs
from mitoshi.sensors.plausible import check_of
from mitoshi.sensors.preview import looked_at
from mitoshi.sensors.products import chosen_product, part_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pystac

    from mitoshi.sensors.datacube_grid import Placement
    from mitoshi.sensors.guess import Meaning
    from mitoshi.sensors.header import Sample
    from mitoshi.sensors.observation import Source

__all__ = ["READER"]

HEIGHTS = frozenset({"elevation", "water_surface_elevation", "elevation_change"})
DEPTHS = re.compile(r"(?:sea_floor_)?depth(?:_|$)")  # standard names of what counts downwards
CHOSEN = Text("of the variables {names} only {chosen} is read", "変数 {names} のうち {chosen} だけを読みます")
POLARISATIONS = ("vv", "hh", "vh", "hv")


@dataclass(frozen=True)
class Cube:
    """What a file says of the variables that are read: all on one grid, with the same times.

    Attributes
    ----------
    source
        The file.
    names
        Of the variables.
    axes
        Names of the dimensions along columns and rows.
    header
        Bands and units of the variables, as of a raster's bands.
    valid
        Which stored numbers of each variable are measurements.
    placement
        Where it lies.
    moments
        Times, and their index.
    assumptions
        What had to be supposed so far.
    """

    source: Source
    names: tuple[str, ...]
    axes: tuple[str, str]
    header: Header
    valid: tuple[Valid, ...]
    placement: Placement
    moments: tuple[Moment, ...]
    assumptions: tuple[Text, ...]

    def readers(self, meaning: Meaning | None, moment: Moment) -> list[VariableReader]:
        """Return one window reader per band of a meaning; without one, of all variables, decoded as they say."""
        header, said = self.header, self.source.description
        bands = [n - 1 for n, _ in bands_to_read(meaning)] if meaning is not None else list(range(header.count))
        coded = meaning is not None and meaning.coded
        decodes: list[Any] = [None] * len(bands) if coded else decodes_of(header, said, bands)
        check = None if meaning is None else check_of(self.source.path.name, meaning.quantity, meaning.units)
        return [
            VariableReader(
                path=str(self.source.path),
                engine=_engine(self.source),
                variable=self.names[n],
                axes=self.axes,
                index=moment.places,
                shape=header.shape,
                valid=self.valid[n],
                decode=decode,
                dtype=header.bands[n].dtype if decode is None else "float32",
                fill=int(header.bands[n].nodata or 0) if coded else 0,
                check=check,
            )
            for n, decode in zip(bands, decodes, strict=True)
        ]


@dataclass(frozen=True)
class Step:
    """One time step of a cube, and what its variables mean."""

    id: str
    moment: Moment
    cube: Cube
    meaning: Meaning


class DatacubeReader:
    """Gridded NetCDF and Zarr."""

    name = "datacube"
    priority = 60
    wants = "a gridded NetCDF file or Zarr folder"

    def recognises(self, source: Source) -> bool:
        """Return whether the file is NetCDF or the folder a Zarr store."""
        if source.kind in {"hdf5", "netcdf3"}:
            return True
        return source.kind == "folder" and any((source.path / mark).is_file() for mark in ZARR_MARKS)

    def items(self, source: Source) -> list[pystac.Item]:
        """Return one item per time step."""
        steps = _steps(source)
        return [stac.make_item(source, _parts(step, part_of(mark, len(steps)))) for mark, step in steps.items()]

    def open(self, source: Source) -> Observation:
        """Return the variables of one time step."""
        steps = _steps(source)
        step = chosen_product(source, steps)
        mark = next(mark for mark, one in steps.items() if one is step)
        meaning, cube = step.meaning, step.cube
        readers = cube.readers(meaning, step.moment)
        parts = _parts(step, part_of(mark, len(steps)))
        seen = looked_at(readers, cube.header, source.description)
        parts = replace(parts, assumptions=(*parts.assumptions, *seen))
        labels = [label for _, label in bands_to_read(meaning)]
        attrs = {"quantity": meaning.quantity, "units": meaning.units}
        layer = lazy_array(readers, cube.placement.grid, axis=meaning.axis, labels=labels, attrs=attrs)
        files = (source.path,) if source.kind != "folder" else tuple(source.path / name for name in source.names)
        return Observation({meaning.quantity: layer}, stac.make_item(source, parts), stac.assumed(parts), files)


READER = DatacubeReader()


def _engine(source: Source) -> str:
    return {"hdf5": "h5netcdf", "netcdf3": "scipy", "folder": "zarr"}[source.kind]


def _chosen_variables(source: Source, dataset: Any) -> tuple[list[str], tuple[Text, ...]]:
    """Return the variables that the user names, else those of the polarisations, else the first on a grid."""
    grids = [str(name) for name, variable in dataset.data_vars.items() if axes_of(dataset, variable) is not None]
    wanted = list(source.description.variable)
    for name in wanted:
        if name not in grids:
            if name in dataset.variables:
                refuse_curvilinear(dataset, name, source.path.name)
            raise InputError(f"{source.path.name}: {misspelt('variable', name, grids)[:400]}")
    if wanted or not grids:
        return wanted, ()
    lower = {name.lower(): name for name in grids}
    named = [band.lower() for band in source.description.bands]
    if named and all(band in lower for band in named):
        return [lower[band] for band in named], ()
    pair = [lower[p] for p in POLARISATIONS if p in lower]
    if pair:
        return pair, ()
    more = (CHOSEN.format(names=", ".join(grids[:8]), chosen=grids[0]),) if len(grids) > 1 else ()
    return grids[:1], more


def _cube(source: Source) -> Cube:
    file = source.path.name
    with open_cube(source.path, _engine(source)) as dataset:
        names, more = _chosen_variables(source, dataset)
        if not names:
            for name in dataset.data_vars:
                refuse_curvilinear(dataset, name, file)
            raise UnknownFileError(
                f"{file} holds no variable on a regular (y, x) or (latitude, longitude) grid; swaths are not read"
            )
        first = dataset[names[0]]
        if len({tuple(dataset[n].dims) for n in names}) > 1:
            raise InputError(f"{file}: variables {', '.join(names)} have different dimensions; name one")
        axes = axes_of(dataset, first)
        if axes is None:  # the names were chosen by it
            raise UnknownFileError(f"{file}: {names[0]!r} lies on no regular grid")
        said = source.description.crs
        placement = placement_of(dataset, names[0], axes, None if said is None else checked_crs(said, file), file)
        variables = [dataset[name] for name in names]
        _check_direction(variables, source)
        header = Header(
            shape=(int(first.sizes[axes[0]]), int(first.sizes[axes[1]])),
            bands=tuple(
                band_of(n, name, variable, filled=source.kind != "folder")
                for n, (name, variable) in enumerate(zip(names, variables, strict=True), 1)
            ),
            tags=_tags(first),
            transform=tuple(placement.grid.affine)[:6],
            wkt=None,
        )
        moments = moments_of(dataset, first, axes, source)
    valid = tuple(valid_of(name, variable) for name, variable in zip(names, variables, strict=True))
    return Cube(source, tuple(names), axes, header, valid, placement, moments, more)


def _check_direction(variables: Sequence[Any], source: Source) -> None:
    """Refuse heights that count downwards, as CF lets depths do (``positive = "down"``).

    Raises
    ------
    InputError
        If a variable that is to be a height is a depth.
    """
    asked = getattr(source.expecting, "name", None)
    for variable in variables:
        quantity = source.description.quantity or _tags(variable).get("MITOSHI_QUANTITY") or asked
        down = str(variable.attrs.get("positive", "")).strip().lower() == "down"
        depth = DEPTHS.match(str(variable.attrs.get("standard_name", ""))) is not None
        if quantity in HEIGHTS and (down or depth):
            raise InputError(
                f"{source.path.name}: {variable.name} counts downwards ({'positive=down' if down else 'a depth'}), heights count "
                "upwards; turn its sign and say positive='up'"
            )


def _tags(variable: Any) -> dict[str, str]:
    """Return the quantity that a variable states by its standard name, or as our own files do."""
    standard = {q.standard_name: q.name for q in QUANTITIES.values() if q.standard_name}
    own = variable.attrs.get("quantity")
    named = standard.get(variable.attrs.get("standard_name")) or (own if own in QUANTITIES else None)
    return {} if named is None else {"MITOSHI_QUANTITY": named}


def _steps(source: Source) -> dict[str, Step]:
    cube = _cube(source)

    def sample() -> Sample:
        return read_sample(cube.readers(None, cube.moments[0])[0])

    asked = source
    if source.expecting is None and all(name.lower() in POLARISATIONS for name in cube.names):
        asked = replace(source, expecting=BACKSCATTER)
    meaning = checked_meaning(asked, source.path.stem, cube.header, sample)
    unique = f"{stac.safe_stem(source.path.name)}-{_fingerprint(source)}"
    return {
        moment.mark.removeprefix("_"): Step(f"{unique}{moment.mark}", moment, cube, meaning) for moment in cube.moments
    }


def _fingerprint(source: Source) -> str:
    if source.kind != "folder":
        return stac.fingerprint(source.path)
    return stac.fingerprint(next(source.path / mark for mark in ZARR_MARKS if (source.path / mark).is_file()))


def _parts(step: Step, part: dict[str, str]) -> stac.Parts:
    cube, meaning = step.cube, step.meaning
    labels = [label for _, label in bands_to_read(meaning)]
    power = QUANTITIES[meaning.quantity].power
    time: datetime | None = step.moment.time
    return stac.Parts(
        id=step.id,
        reader=DatacubeReader.name,
        quantities=(meaning.quantity,),
        grid=cube.placement.grid,
        start=time,
        end=time,
        gsd=pixel_size_m(cube.placement.grid),
        properties={**({"sar:polarizations": labels} if power else {}), **part},
        assets={"data": cube.source.path} if cube.source.kind != "folder" else {},
        assumptions=(*cube.assumptions, *meaning.assumptions),
        nowhere=cube.placement.nowhere,
    )
