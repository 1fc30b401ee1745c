"""From radar geometry to a map: inverse of the geolocation grid, nearest neighbour.

A detected Sentinel-1 image comes with a coarse grid of points whose (line, pixel) and (longitude, latitude) are known. Between
them easting and northing are bicubic splines of line and pixel; the inverse is found by Newton's iteration on a lattice of
every 32nd output pixel, which starts at the scene's origin so that tiles agree with the whole, and is bilinear in between.
Nearest neighbour keeps the speckle statistics (mean, equivalent number of looks) as they are, at a cost of half a pixel of
position.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.longitude import near_longitude
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.geobox import GeoBox

    from mitoshi.sensors.header import Header
    from mitoshi.sensors.lazy import WindowReader

__all__ = ["Geocoded", "GeolocationGrid", "Lattice", "utm_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]
STEP = 32  # output pixels between exact inversions
MOST_RESIDUAL = 2.0  # pixels by which a ground control point may miss the straight grid through all of them
NEWTON_STEPS = 6
UTM_LATITUDES = (-80.0, 84.0)


@dataclass(frozen=True)
class Lattice:
    """Values known at some lines and pixels, bilinear in between, constant beyond the edges.

    Attributes
    ----------
    lines, pixels
        Ascending positions, shapes (L,) and (P,).
    values
        Shape (L, P).
    """

    lines: Array
    pixels: Array
    values: Array

    def window(self, y: slice, x: slice) -> Array:
        """Return the values at every line and pixel of a window."""
        i, u = _between(self.lines, y)
        j, v = _between(self.pixels, x)
        lower = np.minimum(i + 1, len(self.lines) - 1)
        right = np.minimum(j + 1, len(self.pixels) - 1)
        along = self.values[i] * (1 - u)[:, np.newaxis] + self.values[lower] * u[:, np.newaxis]
        out: Array = along[:, j] * (1 - v) + along[:, right] * v
        return out


def _between(known: Array, wanted: slice) -> tuple[np.ndarray[Any, np.dtype[np.intp]], Array]:
    at = np.clip(np.arange(wanted.start, wanted.stop, dtype=np.float64), known[0], known[-1])
    index = np.clip(np.searchsorted(known, at, side="right") - 1, 0, max(len(known) - 2, 0))
    span = known[np.minimum(index + 1, len(known) - 1)] - known[index]
    return index, np.where(span > 0, (at - known[index]) / np.where(span > 0, span, 1), 0.0)


def utm_of(longitude: float, latitude: float) -> int:
    """Return the EPSG code of the UTM zone, or of the polar stereographic grid beyond 84° N and 80° S.

    >>> utm_of(139.7, 35.6), utm_of(-62.5, -11.0), utm_of(0, 86)
    (32654, 32720, 5041)
    """
    if latitude > UTM_LATITUDES[1]:
        return 5041
    if latitude < UTM_LATITUDES[0]:
        return 5042
    zone = int(((longitude + 180) % 360) // 6) + 1
    return (32600 if latitude >= 0 else 32700) + zone


def _is_lattice(points: Array) -> bool:
    """Return whether the tie points are the nodes of a rectangular lattice, each once."""
    lines, pixels = np.unique(points[:, 0]), np.unique(points[:, 1])
    nodes = np.unique(points[:, :2], axis=0)
    return min(len(lines), len(pixels)) > 1 and len(nodes) == len(points) == len(lines) * len(pixels)


def _corners(points: Array, shape: tuple[int, int]) -> Array:
    """Return tie points at the image's corners, from the affine that fits scattered ones.

    Raises
    ------
    InputError
        If fewer than three points are given, they lie on a line, or one is more than `MOST_RESIDUAL` pixels off.
    """
    from pyproj import Transformer

    epsg = utm_of(float(points[:, 2].mean()), float(points[:, 3].mean()))
    to_map = Transformer.from_crs(4326, epsg, always_xy=True)
    place = np.column_stack(to_map.transform(points[:, 2], points[:, 3]))
    design = np.column_stack([points[:, 0], points[:, 1], np.ones(len(points))])
    if len(points) < 3 or np.linalg.matrix_rank(design, tol=1e-6) < 3 or not np.isfinite(place).all():
        raise InputError(f"{len(points)} ground control points do not place the image; geocode it first")
    fit = np.linalg.lstsq(design, place, rcond=None)[0]
    side = float(np.sqrt(abs(np.linalg.det(fit[:2]))))
    off = float(np.hypot(*(design @ fit - place).T).max()) / max(side, 1e-9)
    if not off <= MOST_RESIDUAL:
        raise InputError(
            f"the ground control points fit no straight grid: one is {off:.1f} pixels off; geocode the image first"
        )
    ends = np.array([(r, c) for r in (-0.5, shape[0] - 0.5) for c in (-0.5, shape[1] - 0.5)])
    corner = np.column_stack([ends, np.ones(4)]) @ fit
    degrees = np.column_stack(to_map.transform(corner[:, 0], corner[:, 1], direction="INVERSE"))
    return np.column_stack([ends, near_longitude(degrees[:, 0], float(points[0, 2])), degrees[:, 1]])


@dataclass(frozen=True)
class GeolocationGrid:
    """Known places of some lines and pixels (pixel centres count 0, 1, …).

    Attributes
    ----------
    lines, pixels
        Ascending, shapes (L,) and (P,).
    longitude, latitude
        Degrees, shape (L, P); longitude is continuous across the antimeridian.
    """

    lines: Array
    pixels: Array
    longitude: Array
    latitude: Array

    @classmethod
    def of_points(cls, points: Sequence[tuple[float, float, float, float]], name: str) -> GeolocationGrid:
        """Return the grid of (line, pixel, longitude, latitude) rows.

        Raises
        ------
        InputError
            If they do not form a full rectangular lattice of at least 2 × 2.
        """
        table = np.array(sorted(points), dtype=np.float64).reshape(-1, 4)
        lines, pixels = np.unique(table[:, 0]), np.unique(table[:, 1])
        if len(lines) < 2 or len(pixels) < 2 or len(table) != len(lines) * len(pixels) or not np.isfinite(table).all():
            raise InputError(f"{name}: its {len(table)} tie points do not form a rectangular lattice; geocode it first")
        shape = (len(lines), len(pixels))
        longitude = np.rad2deg(np.unwrap(np.unwrap(np.deg2rad(table[:, 2].reshape(shape)), axis=1), axis=0))
        return cls(lines, pixels, longitude, table[:, 3].reshape(shape))

    @classmethod
    def from_control_points(cls, header: Header) -> GeolocationGrid:
        """Return the grid of a file's ground control points, which count from the corner of the first pixel."""
        from pyproj import Transformer

        points = np.array(header.control_points)
        if header.control_wkt not in (None, "EPSG:4326"):
            to_degrees = Transformer.from_crs(header.control_wkt, 4326, always_xy=True)
            points[:, 2], points[:, 3] = to_degrees.transform(points[:, 2], points[:, 3])
        points[:, :2] -= 0.5
        points[:, 2] = near_longitude(points[:, 2], float(points[0, 2]))
        if not _is_lattice(points):
            points = _corners(points, header.shape)
        return cls.of_points([(p[0], p[1], p[2], p[3]) for p in points.tolist()], "the image")

    @cached_property
    def epsg(self) -> int:
        """Code of the output grid's coordinate reference system."""
        return utm_of(float(self.longitude.mean()), float(self.latitude.mean()))

    @cached_property
    def _splines(self) -> tuple[Any, Any]:
        from pyproj import Transformer
        from scipy.interpolate import RectBivariateSpline

        easting, northing = Transformer.from_crs(4326, self.epsg, always_xy=True).transform(
            self.longitude, self.latitude
        )
        degrees = {"kx": min(3, len(self.lines) - 1), "ky": min(3, len(self.pixels) - 1)}
        return tuple(RectBivariateSpline(self.lines, self.pixels, z, s=0, **degrees) for z in (easting, northing))

    def _forward(self, line: Array, pixel: Array) -> tuple[Array, Array, Array]:
        """Return easting, northing and their derivatives (2, 2, …) by line and pixel; linear beyond the lattice."""
        at = np.clip(line, self.lines[0], self.lines[-1]), np.clip(pixel, self.pixels[0], self.pixels[-1])
        slopes = np.array([[self._slope(s, at, 0), self._slope(s, at, 1)] for s in self._splines])
        over = np.array([line - at[0], pixel - at[1]])
        place = [
            s.ev(*at) + slope[0] * over[0] + slope[1] * over[1] for s, slope in zip(self._splines, slopes, strict=True)
        ]
        return place[0], place[1], slopes

    def _slope(self, spline: Any, at: tuple[Array, Array], axis: int) -> Array:
        """Return the derivative by line or by pixel; between two tie points it is the difference of the two."""
        known = (self.lines, self.pixels)[axis]
        if len(known) > 2:
            return np.asarray(spline.ev(*at, dx=1 - axis, dy=axis))
        low, high = (np.full_like(at[axis], end) for end in (known[0], known[-1]))
        ends = [(end, at[1]) if axis == 0 else (at[0], end) for end in (low, high)]
        return np.asarray((spline.ev(*ends[1]) - spline.ev(*ends[0])) / (known[-1] - known[0]))

    def inverse(self, easting: Array, northing: Array) -> tuple[Array, Array]:
        """Return line and pixel of places on the map, by Newton's iteration from the middle of the image."""
        line = np.full(easting.shape, self.lines.mean())
        pixel = np.full(easting.shape, self.pixels.mean())
        for _ in range(NEWTON_STEPS):
            e, n, ((el, ep), (nl, np_)) = self._forward(line, pixel)
            de, dn = easting - e, northing - n
            determinant = el * np_ - ep * nl
            line = line + (np_ * de - ep * dn) / determinant
            pixel = pixel + (el * dn - nl * de) / determinant
        return line, pixel

    @property
    def spacing(self) -> float:
        """Pixel side on the ground at the centre of the image, in metres."""
        centre = np.array([self.lines.mean()]), np.array([self.pixels.mean()])
        ((el, ep), (nl, np_)) = self._forward(*centre)[2]
        return float(np.sqrt(np.abs(el * np_ - ep * nl))[0])

    def output_grid(self, spacing: float | None = None) -> GeoBox:
        """Return the map grid that holds the whole image at its own pixel spacing.

        Parameters
        ----------
        spacing
            Metres; the image's own where None. Edges lie on multiples of it.
        """
        from affine import Affine
        from odc.geo.geobox import GeoBox

        side = float(f"{self.spacing:.3g}") if spacing is None else spacing
        rim_lines = np.concatenate([self.lines, self.lines, np.repeat(self.lines[[0, -1]], len(self.pixels))])
        rim_pixels = np.concatenate([np.repeat(self.pixels[[0, -1]], len(self.lines)), np.tile(self.pixels, 2)])
        easting, northing, _ = self._forward(rim_lines, rim_pixels)
        west, east = np.floor(easting.min() / side - 0.5), np.ceil(easting.max() / side + 0.5)
        south, north = np.floor(northing.min() / side - 0.5), np.ceil(northing.max() / side + 0.5)
        if not np.isfinite([west, east, south, north]).all():
            raise InputError("the geolocation grid leads to no place on the map; the annotation is damaged")
        shape = (int(north - south), int(east - west))
        guard.check_shape(shape, "the geocoded image")
        transform = Affine(side, 0, west * side, 0, -side, north * side)
        return GeoBox(shape, transform, f"EPSG:{self.epsg}")


@dataclass(frozen=True)
class Geocoded:
    """A window reader on the map over one in radar geometry."""

    radar: WindowReader
    places: GeolocationGrid
    origin: tuple[float, float]
    side: float
    shape: tuple[int, int]

    @classmethod
    def of(cls, radar: WindowReader, places: GeolocationGrid, grid: GeoBox) -> Geocoded:
        """Return the reader of `radar` on `grid`, which `GeolocationGrid.output_grid` made."""
        transform = grid.affine
        return cls(radar, places, (transform.c, transform.f), transform.a, (int(grid.shape[0]), int(grid.shape[1])))

    @property
    def dtype(self) -> str:
        """Of the radar image."""
        return self.radar.dtype

    def read(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return one window of the map; NaN outside the image."""
        rows, columns = self._positions(y, x)
        height, width = self.radar.shape
        seen = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        out = np.full(rows.shape, np.nan, dtype=self.dtype)
        if not seen.any():
            return out
        top, left = int(rows[seen].min()), int(columns[seen].min())
        window = slice(top, int(rows[seen].max()) + 1), slice(left, int(columns[seen].max()) + 1)
        image = self.radar.read(*window)
        out[seen] = image[rows[seen] - top, columns[seen] - left]
        return out

    def _positions(self, y: slice, x: slice) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the nearest line and pixel of every map pixel of a window."""
        knots_y = np.arange(y.start // STEP, (y.stop - 1) // STEP + 2) * STEP
        knots_x = np.arange(x.start // STEP, (x.stop - 1) // STEP + 2) * STEP
        easting, northing = np.meshgrid(
            self.origin[0] + (knots_x + 0.5) * self.side, self.origin[1] - (knots_y + 0.5) * self.side
        )
        line, pixel = self.places.inverse(easting, northing)
        positions = (Lattice(knots_y.astype(float), knots_x.astype(float), z).window(y, x) for z in (line, pixel))
        rows, columns = (np.rint(z).astype(np.int64) for z in positions)
        return rows, columns
