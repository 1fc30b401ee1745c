"""What a geometry of a stranger costs, counted before it is worked with: its vertices, and where its sides meet.

Making a polygon valid, and joining or cutting geometries, cuts every side where it meets another. A star of 8000 corners has 30
million such places, in 1 MB of text; the check of validity itself ends at the first of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["MOST_VERTICES", "check_contacts", "contacts", "joined", "made_valid"]

MOST_VERTICES = 10_000
MOST_SIDES = 2000  # of a geometry whose sides are compared, each with each
MOST_CROSSINGS = 400  # places at which the sides of a polygon may meet to be made valid; the time grows with the square
MOST_CONTACTS = 10_000  # of a geometry that is cut or joined
MOST_PAIRS = 20_000_000  # of sides whose boxes overlap
MOST_COMPARISONS = 8_000_000  # of sides for all invalid geometries of one array
BLOCK = 256


def contacts(geometry: Any) -> int:
    """Return how often two sides of a geometry meet other than where one follows the other.

    Parameters
    ----------
    geometry
        Of shapely; the sides of all its lines and rings count, also against each other.

    >>> import shapely
    >>> contacts(shapely.box(0, 0, 1, 1)), contacts(shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]))
    (0, 1)
    """
    start, end, following = _sides(geometry)
    count = 0
    for first in range(0, len(start), BLOCK):
        rows = slice(first, first + BLOCK)
        count += int(np.count_nonzero(np.triu(_meets(start[rows], end[rows], start, end), first + 1)))
    return count - following


def _sides(geometry: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], int]:
    """Return starts and ends of all sides longer than 0, and how many pairs of them follow one another."""
    import shapely

    starts, ends, following = [np.zeros((0, 2))], [np.zeros((0, 2))], 0
    for part in shapely.get_parts(shapely.get_parts(geometry)):
        lines = shapely.get_rings(part) if part.geom_type == "Polygon" else [part]
        for line in lines:
            points = shapely.get_coordinates(line)
            points = points[np.r_[True, (np.diff(points, axis=0) != 0).any(axis=1)]] if len(points) else points
            if len(points) < 2:
                continue
            starts.append(points[:-1])
            ends.append(points[1:])
            closed = len(points) > 3 and bool((points[0] == points[-1]).all())
            following += len(points) - 2 + closed
    return np.concatenate(starts), np.concatenate(ends), following


def _meets(a: Any, b: Any, c: Any, d: Any) -> npt.NDArray[np.bool_]:
    """Return which of the sides a-b (rows) touch or cross which of the sides c-d (columns)."""
    return _meet(a[:, None, :], b[:, None, :], c, d)


def _meet(a: Any, b: Any, c: Any, d: Any) -> npt.NDArray[np.bool_]:
    """Return whether the sides a-b touch or cross the sides c-d."""

    def turn(p: Any, q: Any, r: Any) -> Any:
        return np.sign(
            (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])
        )

    boxes = ((np.minimum(a, b) <= np.maximum(c, d)) & (np.minimum(c, d) <= np.maximum(a, b))).all(axis=-1)
    astride = (turn(a, b, c) * turn(a, b, d) <= 0) & (turn(c, d, a) * turn(c, d, b) <= 0)
    return np.asarray(boxes & astride)


def _many_contacts(geometry: Any, most: int, most_pairs: int = MOST_PAIRS) -> tuple[int, int]:
    """Return how often sides of a geometry with many of them meet, and how many pairs were looked at.

    An index of the sides' boxes finds the pairs; counting ends above `most` contacts.

    Raises
    ------
    InputError
        If so many boxes overlap that counting itself is expensive.
    """
    import shapely

    start, end, following = _sides(geometry)
    lines = shapely.linestrings(np.stack([start, end], axis=1))
    tree, count, looked_at = shapely.STRtree(lines), -following, 0
    for first in range(0, len(lines), BLOCK):
        one, other = tree.query(lines[first : first + BLOCK])
        later = other > one + first
        looked_at += one.size
        if looked_at > most_pairs:
            raise InputError(f"the sides of the geometry lie over each other {looked_at} times; simplify it")
        pairs = one[later] + first, other[later]
        count += int(np.count_nonzero(_meet(*(a[i] for i in pairs for a in (start, end)))))
        if count > most:
            break
    return count, looked_at


def check_contacts(geometry: Any, most: int = MOST_CONTACTS, most_sides: int = MOST_SIDES) -> None:
    """Refuse a geometry that is expensive to cut, to join or to make valid.

    Parameters
    ----------
    geometry
        Of shapely.
    most
        Contacts that are allowed.
    most_sides
        Sides that are allowed.

    Raises
    ------
    InputError
        If it has too many sides to compare them, or they meet too often.
    """
    import shapely

    sides = int(shapely.get_num_coordinates(geometry))
    if sides > most_sides:
        raise InputError(
            f"the geometry crosses itself, or its parts overlap, and has {sides} vertices; "
            f"simplify it to {most_sides}, or draw it without crossings"
        )
    met = contacts(geometry) if sides <= MOST_SIDES else _many_contacts(geometry, most)[0]
    if met > most:
        raise InputError(f"the sides of the geometry meet {met} times; draw it without crossings ({most} at most)")


def joined(polygons: Sequence[Any]) -> Any:
    """Return polygons as one valid geometry; where they cross themselves or each other, only within the limits.

    Raises
    ------
    InputError
        If there are too many vertices, or too many places where sides meet.
    """
    import shapely

    whole = shapely.MultiPolygon(list(polygons)) if len(polygons) > 1 else polygons[0]
    vertices = int(shapely.get_num_coordinates(whole))
    if vertices > MOST_VERTICES:
        raise InputError(f"the area has more than {MOST_VERTICES} vertices; simplify it")
    if shapely.is_valid(whole):
        return whole
    check_contacts(whole, MOST_CROSSINGS)
    return shapely.union_all([shapely.make_valid(part) for part in polygons])


def _crossings(geometry: Any, comparisons: int) -> tuple[int, int]:
    """Return at how many places a geometry crosses itself, and how many comparisons of sides that took.

    Raises
    ------
    InputError
        If it takes more than are left.
    """
    import shapely

    sides = int(shapely.get_num_coordinates(geometry))
    if sides > MOST_SIDES:
        return _many_contacts(geometry, MOST_CROSSINGS, comparisons)
    if sides * sides > comparisons:
        raise InputError("the geometries cross themselves in too many places; simplify them")
    return contacts(geometry), sides * sides


def made_valid(geometries: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return geometries made valid, and which of them are too expensive for it and stand as they were.

    Parameters
    ----------
    geometries
        Of shapely, any shape of array; None stays None. Valid ones cost their check alone.

    >>> import shapely
    >>> tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    >>> valid, costly = made_valid(np.array([tie, shapely.box(0, 0, 1, 1)]))
    >>> float(shapely.area(valid[0])), costly.tolist()
    (2.0, [False, False])
    """
    import shapely

    result = np.array(geometries, dtype=object)
    costly = np.zeros(result.shape, bool)
    left = MOST_COMPARISONS
    for place in zip(*np.nonzero(~shapely.is_valid(result) & ~shapely.is_missing(result)), strict=True):
        try:
            met, spent = _crossings(result[place], left)
        except InputError:
            costly[place] = True
            continue
        left -= spent
        costly[place] = met > MOST_CROSSINGS
        if not costly[place]:
            result[place] = shapely.make_valid(result[place])
    return result, costly
