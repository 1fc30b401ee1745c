"""The reference on the product's grid: where the two overlap, and which code each cell has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.cube.largest_share import MISSING, Shared, largest_of_blocks, largest_share, point_count
from mitoshi.evidence.score.inputs import FeatureInput, LayerInput

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from mitoshi.core.features import Features
    from mitoshi.cube.resample import Mapping
    from mitoshi.evidence.score.classes import Codebook, Threshold

__all__ = [
    "ClassSource",
    "Overlap",
    "Polygons",
    "check_georeference",
    "class_source",
    "features_on",
    "overlap",
    "polygons",
]

EDGE = 64  # points along a side of a grid
FINE = 5  # points per axis at which a cell is tested against polygons


class ClassSource(Protocol):
    """What gives class numbers on the product's grid."""

    def window(self, rows: slice, columns: slice) -> Shared:
        """Return class numbers of a window, `MISSING` where there is none, and which cells are mixed."""
        ...


@dataclass(frozen=True)
class Overlap:
    """The part of the product's grid on which there is a reference.

    Attributes
    ----------
    rows, columns
        Of the product's grid.
    beyond
        Share of the reference's extent that lies outside the product's grid.
    """

    rows: slice
    columns: slice
    beyond: float

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def check_georeference(one: LayerInput, other: LayerInput) -> None:
    """Refuse two rasters of which only one says where it lies, or neither does and their shapes differ.

    Raises
    ------
    InputError
        If so.
    """
    lacking = [i.name for i in (one, other) if i.grid.crs is None]
    if len(lacking) == 1:
        raise InputError(
            f"{lacking[0]} states no coordinate reference system but the other one does; state it with '#crs=EPSG:…'"
        )
    if len(lacking) == 2 and one.shape != other.shape:
        raise InputError(
            f"neither {one.name} nor {other.name} has a georeference, so they must have one shape, got "
            f"{one.shape[0]} x {one.shape[1]} and {other.shape[0]} x {other.shape[1]}"
        )


def features_on(found: FeatureInput, grid: GeoBox) -> Features:
    """Return features in the CRS of a grid; see `mitoshi.cube.features.on_grid` for what is refused."""
    from mitoshi.cube.features import on_grid

    return on_grid([found.features], grid, found.name)


def overlap(product: LayerInput, reference: LayerInput | FeatureInput, area: FeatureInput | None = None) -> Overlap:
    """Return where the product's grid has a reference.

    Parameters
    ----------
    product
        Gives the grid.
    reference
        Raster or features.
    area
        Polygons in which features are complete; None takes the extent of the features.

    Raises
    ------
    InputError
        If they do not overlap, or do not say where they lie.
    """
    if isinstance(reference, LayerInput):
        check_georeference(product, reference)
        if product.grid.crs is None:
            return Overlap(slice(0, product.shape[0]), slice(0, product.shape[1]), 0.0)
        places = _grid_places(product, reference)
    else:
        places = _feature_places(features_on(reference if area is None else area, product.grid), product.grid)
    found = _window(places, product.shape)
    if found is None:
        whose = reference.name if area is None else area.name
        raise InputError(f"{whose} does not overlap {product.name}; give a reference of the same place")
    return found


def _grid_places(product: LayerInput, reference: LayerInput) -> np.ndarray[Any, Any]:
    """Return columns and rows in the product's grid of points spread over the reference's grid, (n, 2)."""
    from mitoshi.cube.resample import source_pixels

    rows, columns = reference.shape
    x, y = np.meshgrid(np.linspace(0, columns, EDGE), np.linspace(0, rows, EDGE))
    return np.stack(source_pixels(reference.grid, product.grid, x, y), axis=-1).reshape(-1, 2)


def _feature_places(features: Features, grid: GeoBox) -> np.ndarray[Any, Any]:
    west, south, east, north = features.total_bounds if len(features) else (np.nan,) * 4
    x, y = np.meshgrid(np.linspace(west, east, EDGE), np.linspace(south, north, EDGE))
    back = ~grid.affine
    return np.stack([back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f], axis=-1).reshape(-1, 2)


def _window(places: np.ndarray[Any, Any], shape: tuple[int, int]) -> Overlap | None:
    places = places[np.isfinite(places).all(axis=1)]
    if not len(places):
        return None
    low, high = np.floor(places.min(axis=0) + 1e-3), np.ceil(places.max(axis=0) - 1e-3)
    high = np.maximum(high, low + 1)  # one point is in one cell
    columns = slice(int(max(0, low[0])), int(min(shape[1], high[0])))
    rows = slice(int(max(0, low[1])), int(min(shape[0], high[1])))
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return None
    slack = 0.5
    inside = (places > -slack).all(axis=1) & (places[:, 0] < shape[1] + slack) & (places[:, 1] < shape[0] + slack)
    return Overlap(rows, columns, float(1.0 - inside.mean()))


@dataclass(frozen=True)
class OnGrid:
    """A raster of codes on the product's own grid."""

    layer: LayerInput
    code: Codebook | Threshold

    def window(self, rows: slice, columns: slice) -> Shared:
        """Return class numbers; no cell is mixed."""
        codes = self.code(self.layer.window(rows, columns))
        return Shared(codes, np.zeros(codes.shape, np.bool_))


@dataclass(frozen=True)
class Resampled:
    """A raster of codes on another grid, each cell with the largest share."""

    layer: LayerInput
    code: Codebook | Threshold
    how: Mapping
    points: int

    def window(self, rows: slice, columns: slice) -> Shared:
        """Return class numbers and the cells that hold several."""
        return largest_share(lambda y, x: self.code(self.layer.window(y, x)), self.how, self.points, rows, columns)


def class_source(layer: LayerInput, code: Codebook | Threshold, product: LayerInput) -> ClassSource:
    """Return a raster of codes on the product's grid."""
    from mitoshi.cube.grid import same_grid
    from mitoshi.cube.resample import cell_ratio, mapping

    check_georeference(product, layer)
    if layer is product or product.grid.crs is None or same_grid(layer.grid, product.grid):
        return OnGrid(layer, code)
    how = mapping(product.grid, layer.grid)
    return Resampled(layer, code, how, point_count(cell_ratio(product.grid, layer.grid)))


@dataclass(frozen=True)
class Polygons:
    """Polygons burnt on the product's grid, each cell with the largest share of `FINE` × `FINE` points.

    Attributes
    ----------
    shapes
        Geometries in the CRS of the grid.
    numbers
        Class number of each; a later one lies on top.
    area
        Where a cell without a polygon is of class `outside`; None means the whole window.
    grid
        Of the product.
    outside
        Class number outside of polygons, or `MISSING`.
    """

    shapes: np.ndarray[Any, Any]
    numbers: np.ndarray[Any, Any]
    area: np.ndarray[Any, Any] | None
    grid: GeoBox
    outside: int

    def window(self, rows: slice, columns: slice) -> Shared:
        """Return class numbers and the cells that hold several."""
        return largest_of_blocks(self._burnt(rows, columns, FINE), FINE)

    def centres(self, rows: slice, columns: slice) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return the number at the centre of each cell."""
        return self._burnt(rows, columns, 1)

    def _burnt(self, rows: slice, columns: slice, points: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        from affine import Affine

        shape = ((rows.stop - rows.start) * points, (columns.stop - columns.start) * points)
        affine = self.grid.affine @ Affine.translation(columns.start, rows.start) @ Affine.scale(1.0 / points)
        fine = np.full(shape, self.outside if self.area is None else MISSING, np.uint8)
        if self.area is not None:
            _burn(fine, self.area, np.full(len(self.area), self.outside), affine)
        _burn(fine, self.shapes, self.numbers, affine)
        if self.area is not None:
            inside = np.zeros(shape, np.uint8)
            _burn(inside, self.area, np.ones(len(self.area), int), affine)
            fine[inside == 0] = MISSING
        return fine


def _burn(into: np.ndarray[Any, Any], shapes: np.ndarray[Any, Any], numbers: np.ndarray[Any, Any], affine: Any) -> None:
    """Write the numbers of the shapes that touch a window at the centres of its cells, in place."""
    import shapely
    from rasterio.features import rasterize

    corners = [affine @ c for c in ((0, 0), (into.shape[1], 0), (0, into.shape[0]), (into.shape[1], into.shape[0]))]
    (west, south), (east, north) = np.min(corners, axis=0), np.max(corners, axis=0)
    left, low, right, high = shapely.bounds(shapes).T
    with np.errstate(invalid="ignore"):
        near = np.flatnonzero((left <= east) & (right >= west) & (low <= north) & (high >= south))
    if near.size:
        pairs = [(shapes[n], int(numbers[n])) for n in near]
        rasterize(pairs, out=into, transform=affine)


def polygons(
    found: FeatureInput, numbers: np.ndarray[Any, Any], area: FeatureInput | None, grid: GeoBox, outside: int
) -> Polygons:
    """Return polygons ready to be burnt.

    Parameters
    ----------
    found
        Polygons.
    numbers
        Class number of each; negative leaves one out.
    area
        Where a cell without a polygon is of class `outside`; None means the whole window.
    grid
        Of the product.
    outside
        That class number.

    Raises
    ------
    InputError
        If the features are no polygons.
    """
    shapes = _areas(found, grid)
    kept = (numbers >= 0) & _usable(shapes)
    within = None if area is None else _areas(area, grid)
    if within is not None:
        within = within[_usable(within)]
    return Polygons(shapes[kept], numbers[kept], within, grid, outside)


def _areas(found: FeatureInput, grid: GeoBox) -> np.ndarray[Any, Any]:
    others = sorted({str(t) for t in found.features.geom_type.dropna().unique()} - {"Polygon", "MultiPolygon"})
    if others:
        raise InputError(f"{found.name} holds {others[0]} geometries; areas are Polygon or MultiPolygon")
    return np.asarray(features_on(found, grid).geometry.to_numpy(), object)


def _usable(shapes: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    import shapely

    from mitoshi.core.places import finite_places

    return np.asarray(finite_places(shapes) & ~shapely.is_empty(shapes))
