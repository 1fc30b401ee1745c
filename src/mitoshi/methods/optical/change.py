"""Change between two optical images of one place: pattern and edges at the best shift, and grain.

Every measure here is a ratio within the object: neither the gain and offset of an image nor the rest of the picture is in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mitoshi.core.errors import InputError

__all__ = [
    "ObjectChange",
    "Radiometry",
    "brightness",
    "edges",
    "fine_detail",
    "object_change",
    "radiometry",
    "structure",
]

SPREAD_OF_NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


class Radiometry(NamedTuple):
    """Centre and spread of each band of a scene.

    Attributes
    ----------
    centre
        Median of each band, shape (band,).
    spread
        Scaled median absolute deviation of each band, shape (band,).
    """

    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    def normalised(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Return the image in spreads from its scene's centre, shape (band, y, x), NaN where a band is missing."""
        centred = image - self.centre[:, None, None]
        return np.asarray(centred / self.spread[:, None, None], np.float32)


def radiometry(sample: NDArray[Any]) -> Radiometry:
    """Return the centre and spread that put two dates of one place on one scale.

    Parameters
    ----------
    sample
        Shape (band, n), NaN where not observed.

    Returns
    -------
    Radiometry
        Two images in these units differ by neither gain nor offset; haze, sun and sensor fall away as far as they are linear.
        Median and deviation withstand change on less than half of the scene.

    Raises
    ------
    InputError
        If a band holds no variation.
    """
    centre = np.nanmedian(sample, axis=1)
    spread = SPREAD_OF_NORMAL * np.nanmedian(np.abs(sample - centre[:, None]), axis=1)
    if not (spread > 0).all():
        raise InputError("an optical band is constant over the scene; give an image with contrast")
    return Radiometry(centre.astype(np.float64), spread.astype(np.float64))


def structure(image: NDArray[Any], lags: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the sums of squared differences of pixels so far apart, along rows and columns, and their numbers.

    Parameters
    ----------
    image
        Shape (y, x), NaN where not observed.
    lags
        Distances in pixels.

    Returns
    -------
    NDArray[np.float64]
        Shape (2, lags): sums and numbers, which add up over blocks. Sum over number is the structure function; that of one pixel
        over that of several falls where an image is blurred, whatever its gain and contrast.
    """
    found = np.zeros((2, len(lags)))
    for n, lag in enumerate(lags):
        for one, other in ((image[lag:], image[:-lag]), (image[:, lag:], image[:, :-lag])):
            squared = np.square(one.astype(np.float64) - other)
            seen = np.isfinite(squared)
            found[:, n] += squared[seen].sum(), seen.sum()
    return found


def brightness(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the bands, shape (y, x), NaN where a band is missing."""
    return np.asarray(image.mean(axis=0, dtype=np.float32))


def edges(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gradient of an image per pixel, down and right, by the Sobel operator.

    Parameters
    ----------
    image
        Shape (y, x), NaN where not observed.

    Returns
    -------
    tuple
        Two arrays of the same shape; NaN where one of the eight neighbours is missing and along the array's edge.
    """
    down, right = np.full(image.shape, np.nan, np.float32), np.full(image.shape, np.nan, np.float32)
    if min(image.shape) < 3:
        return down, right
    eighth = np.float32(0.125)
    smooth = image[:, :-2] + 2 * image[:, 1:-1] + image[:, 2:]
    down[1:-1, 1:-1] = (smooth[2:] - smooth[:-2]) * eighth
    smooth = image[:-2] + 2 * image[1:-1] + image[2:]
    right[1:-1, 1:-1] = (smooth[:, 2:] - smooth[:, :-2]) * eighth
    missing = np.isnan(down) | np.isnan(right)
    down[missing], right[missing] = np.nan, np.nan
    return down, right


def fine_detail(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image less the mean of its 3 × 3 neighbourhood: edges and grain of one or two pixels.

    Parameters
    ----------
    image
        Shape (y, x), NaN where not observed.

    Returns
    -------
    NDArray[np.float32]
        Same shape; NaN where a neighbour is missing and along the array's edge.
    """
    out = np.full(image.shape, np.nan, np.float32)
    if min(image.shape) < 3:
        return out
    rows = image[:-2] + image[1:-1] + image[2:]
    out[1:-1, 1:-1] = image[1:-1, 1:-1] - (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9.0)
    return out


class ObjectChange(NamedTuple):
    """Change within each of n objects; NaN where less than half of the object was observed on both dates.

    Attributes
    ----------
    correlation
        Pearson correlation of brightness before and after, at the shift where it is largest.
    edges
        Σ g₁·g₂ / √(Σ|g₁|² Σ|g₂|²) of the gradients g of brightness before and after, at the shift where it is largest: 1 where
        every outline is where it was, about 0 where none is. Unlike the correlation it is not carried by one bright roof.
    grain
        Natural logarithm of the mean square of the fine detail over the variance, after less before: debris is grainy. Contrast
        alone, as of water or snow around a roof, does not change it.
    pixels
        Number of pixels seen on both dates without shift.
    """

    correlation: NDArray[np.float64]
    edges: NDArray[np.float64]
    grain: NDArray[np.float64]
    pixels: NDArray[np.float64]


def object_change(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    cells: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    *,
    reach: int,
) -> ObjectChange:
    """Compare the brightness of two images within objects.

    Parameters
    ----------
    before, after
        Brightness, shape (y, x), NaN where not observed; any gain and offset.
    cells
        Rows and columns of the objects' pixels, one object after the other, and the n + 1 positions where each starts.
    reach
        Largest shift in pixels tried in each direction: the tilt of buildings and the residual misregistration.

    Returns
    -------
    ObjectChange
        One value per object, which depends on the object's pixels and those within the shift and one pixel alone.

    Raises
    ------
    InputError
        If the images differ in shape.
    """
    if before.shape != after.shape:
        raise InputError(f"the images before and after differ in shape: {before.shape} and {after.shape}")
    rows, columns, starts = cells
    count = starts.size - 1
    found = np.full((3, count), np.nan)
    pixels = np.zeros(count)
    _patterns(before, after, rows, columns, starts, reach, found[0], pixels)
    _outlines(edges(before), edges(after), rows, columns, starts, reach, found[1])
    _grain(before, after, fine_detail(before), fine_detail(after), rows, columns, starts, found[2])
    return ObjectChange(found[0], found[1], found[2], pixels)


@njit(cache=True, nogil=True)
def _moments(first, second, rows, columns, start, end, dy, dx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return count, means, variances and covariance of the object's pixels, the second image shifted by (dy, dx)."""
    height, width = first.shape
    n, a, b, aa, bb, ab = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(start, end):
        r, c = rows[i], columns[i]
        if not (0 <= r < height and 0 <= c < width and 0 <= r + dy < height and 0 <= c + dx < width):
            continue
        u, v = np.float64(first[r, c]), np.float64(second[r + dy, c + dx])
        if np.isnan(u) or np.isnan(v):
            continue
        n, a, b, aa, bb, ab = n + 1, a + u, b + v, aa + u * u, bb + v * v, ab + u * v
    if n == 0:
        return n, 0.0, 0.0, 0.0, 0.0, 0.0
    a, b = a / n, b / n
    return n, a, b, aa / n - a * a, bb / n - b * b, ab / n - a * b


@njit(cache=True, nogil=True)
def _patterns(first, second, rows, columns, starts, reach, found, pixels):  # type: ignore[no-untyped-def]  # pragma: no cover
    for k in range(starts.size - 1):
        start, end = starts[k], starts[k + 1]
        n = _moments(first, second, rows, columns, start, end, 0, 0)[0]
        pixels[k] = n
        if n < 4 or 2 * n < end - start:
            continue
        best = -1.0
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                m, _, _, va, vb, cov = _moments(first, second, rows, columns, start, end, dy, dx)
                if 2 * m > end - start and va > 0.0 and vb > 0.0:
                    best = max(best, cov / np.sqrt(va * vb))
        found[k] = best


@njit(cache=True, nogil=True)
def _agreement(first, second, rows, columns, start, end, dy, dx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Return count, the sums of squares of both gradients, and the sum of their products; the second shifted by (dy, dx)."""
    height, width = first[0].shape
    n, aa, bb, ab = 0, 0.0, 0.0, 0.0
    for i in range(start, end):
        r, c = rows[i], columns[i]
        if not (0 <= r < height and 0 <= c < width and 0 <= r + dy < height and 0 <= c + dx < width):
            continue
        ay, ax = np.float64(first[0][r, c]), np.float64(first[1][r, c])
        by, bx = np.float64(second[0][r + dy, c + dx]), np.float64(second[1][r + dy, c + dx])
        if np.isnan(ay) or np.isnan(by):
            continue
        n, aa, bb, ab = n + 1, aa + ay * ay + ax * ax, bb + by * by + bx * bx, ab + ay * by + ax * bx
    return n, aa, bb, ab


@njit(cache=True, nogil=True)
def _outlines(first, second, rows, columns, starts, reach, found):  # type: ignore[no-untyped-def]  # pragma: no cover
    for k in range(starts.size - 1):
        start, end = starts[k], starts[k + 1]
        if 2 * _agreement(first, second, rows, columns, start, end, 0, 0)[0] < end - start:
            continue
        best = -2.0
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                n, aa, bb, ab = _agreement(first, second, rows, columns, start, end, dy, dx)
                if n >= 4 and 2 * n > end - start and aa > 0.0 and bb > 0.0:
                    best = max(best, ab / np.sqrt(aa * bb))
        if best > -2.0:
            found[k] = best


@njit(cache=True, nogil=True)
def _grain(before, after, fine, fine_after, rows, columns, starts, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    for k in range(starts.size - 1):
        start, end = starts[k], starts[k + 1]
        m, _, _, wide, wide_after, _ = _moments(before, after, rows, columns, start, end, 0, 0)
        n, a, b, va, vb, _ = _moments(fine, fine_after, rows, columns, start, end, 0, 0)
        va, vb = va + a * a, vb + b * b
        if min(m, n) >= 4 and 2 * n >= end - start and min(va, vb) > 0.0 and min(wide, wide_after) > 0.0:
            out[k] = np.log(vb / wide_after) - np.log(va / wide)
