"""Areas and tiles: value types without any raster library behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mitoshi.core.errors import InputError
from mitoshi.core.longitude import wrapped_longitude

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["BBox", "Tile", "tiles"]


class BBox(NamedTuple):
    """(west, south, east, north) in degrees of longitude and latitude; west > east crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def parse(cls, text: str) -> BBox:
        """Read ``W,S,E,N``.

        Raises
        ------
        InputError
            If there are not four numbers, or they lie outside the Earth.

        >>> BBox.parse("139.5,35.4,140,35.8")
        BBox(west=139.5, south=35.4, east=140.0, north=35.8)
        """
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError:
            values = []
        if len(values) != 4:
            raise InputError(f"an area is four numbers west,south,east,north in degrees, got {text!r}")
        return cls.checked(values)

    @classmethod
    def checked(cls, values: Sequence[float]) -> BBox:
        """Return a box after checking its bounds; longitudes from 0 to 360 become those from -180 to 180.

        Raises
        ------
        InputError
            If a longitude or latitude is out of range or south lies north of north.
        """
        box = cls(*(float(v) for v in values))
        if 180.0 < max(abs(box.west), abs(box.east)) <= 360.0:
            turn = box.east - box.west >= 360.0
            west, east = (-180.0, 180.0) if turn else (float(wrapped_longitude(v)) for v in (box.west, box.east))
            box = box._replace(west=-180.0 if west == 180.0 else west, east=180.0 if east == -180.0 else east)
        good = -180 <= box.west <= 180 and -180 <= box.east <= 180 and -90 <= box.south <= box.north <= 90
        if not good:
            raise InputError(f"area {tuple(box)} is not on the Earth; give west,south,east,north in degrees")
        return box

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether the box runs eastward across 180°."""
        return self.west > self.east

    def split(self) -> tuple[BBox, ...]:
        """Return one box, or two where the box crosses the antimeridian."""
        if not self.crosses_antimeridian:
            return (self,)
        return (self._replace(east=180.0), self._replace(west=-180.0))

    def intersects(self, other: BBox) -> bool:
        """Tell whether the two boxes share a point, the antimeridian considered."""
        return any(
            a.west <= b.east and b.west <= a.east and a.south <= b.north and b.south <= a.north
            for a in self.split()
            for b in other.split()
        )


class Tile(NamedTuple):
    """A rectangle of pixels: the core to be written and the padded one to be read."""

    row: int
    column: int
    height: int
    width: int
    row0: int
    column0: int
    row1: int
    column1: int

    @property
    def read(self) -> tuple[slice, slice]:
        """Rows and columns to read, padded and clipped to the scene."""
        return slice(self.row0, self.row1), slice(self.column0, self.column1)

    @property
    def crop(self) -> tuple[slice, slice]:
        """The core inside what was read."""
        top, left = self.row - self.row0, self.column - self.column0
        return slice(top, top + self.height), slice(left, left + self.width)

    @property
    def write(self) -> tuple[slice, slice]:
        """The core inside the scene."""
        return slice(self.row, self.row + self.height), slice(self.column, self.column + self.width)


def tiles(shape: tuple[int, int], size: int, margin: int = 0) -> Iterator[Tile]:
    """Yield the tiles of a scene in row-major order, each padded by `margin` pixels.

    >>> [tile.read for tile in tiles((3, 5), 4, 1)]
    [(slice(0, 3, None), slice(0, 5, None)), (slice(0, 3, None), slice(3, 5, None))]
    """
    height, width = shape
    for row in range(0, height, size):
        for column in range(0, width, size):
            h, w = min(size, height - row), min(size, width - column)
            yield Tile(
                row,
                column,
                h,
                w,
                max(0, row - margin),
                max(0, column - margin),
                min(height, row + h + margin),
                min(width, column + w + margin),
            )
