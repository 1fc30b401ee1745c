"""Where a map lies on the Earth: its true proportions, its ticks, its scale and its north.

Positions on the map are fractions (right, down) of its width and height, so they hold at any display size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["Neatline", "Tick", "neatline", "round_length", "scale_bar"]

SAMPLES = 129  # along an edge; enough that a tick is off by less than a display pixel


class Tick(NamedTuple):
    """A mark on the frame: its place as a fraction of the edge, and its words."""

    place: float
    words: str


class Neatline(NamedTuple):
    """The frame of a map.

    Attributes
    ----------
    aspect
        Height over width, true on the ground at the centre.
    bottom, left
        Ticks, from the left and from the top.
    metres
        Ground distance that the map's width stands for, measured at the centre; None without georeference.
    scale_varies
        Whether the scale differs by more than 5 % between the upper and the lower edge.
    north
        Direction of true north at the centre, degrees clockwise from up; None without georeference.
    """

    aspect: float
    bottom: tuple[Tick, ...]
    left: tuple[Tick, ...]
    metres: float | None = None
    scale_varies: bool = False
    north: float | None = None


def round_length(longest: float) -> float:
    """Return the greatest of 1, 2 or 5 times a power of ten that is not above `longest`.

    >>> round_length(7300.0)
    5000.0
    """
    power = 10.0 ** math.floor(math.log10(longest))
    return float(max(m for m in (1, 2, 5) if m * power <= longest * (1 + 1e-9)) * power)


def scale_bar(metres: float, longest_share: float) -> tuple[float, str]:
    """Return the length of a scale bar as a share of the map's width, and its words.

    Parameters
    ----------
    metres
        Ground width of the map.
    longest_share
        The bar's longest length as a share of the map's width.

    >>> scale_bar(10_000.0, 0.3)
    (0.2, '2 km')
    """
    length = round_length(metres * longest_share)
    words = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    return length / metres, words


def neatline(grid: Any, shape: tuple[int, int]) -> Neatline:
    """Return the frame of a map.

    Parameters
    ----------
    grid
        An `odc.geo.geobox.GeoBox` in any CRS, or None; without a CRS the frame counts pixels.
    shape
        (rows, columns) of the map's layer.
    """
    positions = None if grid is None or grid.crs is None else _geographic(grid)
    return _pixel_frame(shape) if positions is None else _ground_frame(positions)


def _pixel_frame(shape: tuple[int, int]) -> Neatline:
    rows, columns = shape
    step = max(1, round(round_length(max(rows, columns) / 4)))
    return Neatline(
        rows / columns,
        tuple(Tick(x / columns, f"{x}") for x in range(0, columns + 1, step)),
        tuple(Tick(y / rows, f"{y}") for y in range(0, rows + 1, step)),
    )


class _Positions:
    """Longitudes and latitudes of map fractions."""

    def __init__(self, grid: Any) -> None:
        from pyproj import CRS, Transformer

        self._affine, (self._rows, self._columns) = grid.affine, grid.shape
        self._transformer = Transformer.from_crs(CRS.from_user_input(str(grid.crs)), "EPSG:4326", always_xy=True)

    def __call__(self, right: Floats, down: Floats) -> tuple[Floats, Floats]:
        a, b, c, d, e, f = self._affine[:6]
        column, row = right * self._columns, down * self._rows
        lon, lat = self._transformer.transform(a * column + b * row + c, d * column + e * row + f)
        with np.errstate(invalid="ignore"):  # a point off the Earth is infinite
            return np.unwrap(np.asarray(lon, float), period=360.0), np.asarray(lat, float)


def _geographic(grid: Any) -> _Positions | None:
    """Return the grid's positions, or None where the CRS has no place on the Earth."""
    from pyproj.exceptions import CRSError, ProjError

    try:
        positions = _Positions(grid)
        edge = positions(np.array([0.0, 1.0, 0.5, 0.0, 1.0]), np.array([0.0, 0.0, 0.5, 1.0, 1.0]))
    except (CRSError, ProjError):
        return None
    return positions if all(np.isfinite(v).all() for v in edge) else None


def _ground_frame(positions: _Positions) -> Neatline:
    along, half = np.linspace(0.0, 1.0, SAMPLES), np.full(SAMPLES, 0.5)
    width = _length(*positions(along, half))
    height = _length(*positions(half, along))
    upper, lower = (_length(*positions(along, np.full(SAMPLES, y))) for y in (0.0, 1.0))
    lon, _ = positions(along, np.ones(SAMPLES))
    _, lat = positions(np.zeros(SAMPLES), along)
    return Neatline(
        height / width,
        _ticks(lon, "EW"),
        _ticks(lat, "NS"),
        width,
        abs(upper - lower) > 0.05 * width,
        _north(positions),
    )


def _length(lon: Floats, lat: Floats) -> float:
    """Return the length of a line on the WGS 84 ellipsoid, in metres."""
    from pyproj import Geod

    return float(Geod(ellps="WGS84").line_length(lon, lat))


def _north(positions: _Positions) -> float:
    """Return where true north lies at the centre, in degrees clockwise from up."""
    from pyproj import Geod

    lon, lat = positions(np.array([0.5, 0.5]), np.array([0.5, 0.49]))
    azimuth, _, _ = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])
    return -float(azimuth)


def _ticks(values: Floats, letters: str) -> tuple[Tick, ...]:
    """Return ticks at round degrees along an edge whose positions are `values`."""
    low, high = float(values.min()), float(values.max())
    rising = values if values[-1] > values[0] else values[::-1]
    if high - low < 1e-9 or (np.diff(rising) <= 0).any():
        return ()
    step = round_length((high - low) / 2.5)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    degrees = step * np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    places = np.interp(degrees, rising, np.linspace(0.0, 1.0, len(rising)))
    if rising is not values:
        places = 1.0 - places
    return tuple(Tick(float(p), _degrees(float(v), decimals, letters)) for p, v in zip(places, degrees, strict=True))


def _degrees(value: float, decimals: int, letters: Sequence[str]) -> str:
    """Write a longitude or latitude.

    >>> _degrees(190.5, 1, "EW"), _degrees(-35.25, 2, "NS")
    ('169.5°W', '35.25°S')
    """
    near = (value + 180.0) % 360.0 - 180.0 if letters == "EW" else value
    words = f"{abs(near):.{decimals}f}°"
    if float(words[:-1]) == 0.0 or (letters == "EW" and float(words[:-1]) == 180.0):
        return words
    return words + letters[0 if near > 0 else 1]
