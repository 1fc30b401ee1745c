"""Observations of footprints, read from one window of the images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.building_damage_evidence import (
    Reference,
    Widths,
    backscatter_evidence,
    coherence_evidence,
    correlation_evidence,
    detail_evidence,
    edge_evidence,
)
from mitoshi.core.errors import InputError
from mitoshi.methods.optical.change import brightness, object_change
from mitoshi.methods.optical.cover import cover_of, masked, without

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.applications.disaster.building_damage_footprints import Cells
    from mitoshi.applications.disaster.building_damage_model import Evidence
    from mitoshi.core.quantity import Raster

__all__ = ["Images", "Observed", "bands", "check", "check_different", "observe"]

SMALLEST_PIXELS = 12
"""Optical pixels below which a footprint has no pattern to compare."""


PAIRS = (("coherence_before", "coherence_across"), ("before", "after"), ("before_optical", "after_optical"))


class Images(NamedTuple):
    """The images of a run; pairs are both given or both None. `cloud` masks the optical image after."""

    coherence_before: Raster | None
    coherence_across: Raster | None
    before: Raster | None
    after: Raster | None
    before_optical: Raster | None
    after_optical: Raster | None
    cloud: Raster | None = None

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> Images:
        """Return the images among data arguments by name."""
        return cls(*(arrays.get(name) for name in cls._fields))

    def differing(self, core: tuple[slice, slice]) -> tuple[int | None, ...]:
        """Return how many values of each pair differ between the dates within a core; None for a pair that is not given."""
        counts: list[int | None] = []
        for one, other in PAIRS:
            first, second = getattr(self, one), getattr(self, other)
            if first is None or second is None:
                counts.append(None)
                continue
            values = [np.asarray(image.to_numpy())[..., *core] for image in (first, second)]
            seen = np.isfinite(values[0]) | np.isfinite(values[1])
            counts.append(int(np.count_nonzero((values[0] != values[1]) & seen)))
        return tuple(counts)

    def clear(self) -> Images:
        """Return the images without the optical pixels after that cloud or lightless shadow hides, or the mask.

        Coherence of exactly 0 is fill: an estimate has a magnitude, and noise alone gives sqrt(pi / 4L).
        What is bright and white before too is a roof or a car park. The image before is taken as it is: a white roof that is
        there before and gone after is damage and not cloud.
        """
        images = self
        if self.coherence_before is not None and self.coherence_across is not None:
            before, across = (c.where(c != 0.0) for c in (self.coherence_before, self.coherence_across))
            images = self._replace(coherence_before=before, coherence_across=across)
        if self.before_optical is None or self.after_optical is None:
            return images
        hidden = cover_of(self.after_optical) & ~cover_of(self.before_optical)
        if self.cloud is not None:
            hidden |= masked(self.cloud)
        return images._replace(after_optical=without(self.after_optical, hidden))

    @property
    def grid(self) -> Raster:
        """The first image given; its grid is that of the result.

        Raises
        ------
        InputError
            If there is no image or only one of a pair.
        """
        names = self._fields
        for first, second in ((0, 1), (2, 3), (4, 5)):
            if (self[first] is None) != (self[second] is None):
                given, lacking = (first, second) if self[second] is None else (second, first)
                option = names[lacking].replace("_", "-")
                raise InputError(f"{names[given]} is given without {names[lacking]}; give both dates, --{option} FILE")
        found = next((image for image in self if image is not None), None)
        if found is None:
            raise InputError(
                "building damage needs images of two dates; give --coherence-before and --coherence-across, "
                "--before and --after, or --before-optical and --after-optical"
            )
        return found


class Observed(NamedTuple):
    """Observations of n footprints, shapes (n,), NaN where not observed; backscatter (n, polarisation)."""

    coherence_before: NDArray[np.float64]
    coherence_across: NDArray[np.float64]
    backscatter_change_db: NDArray[np.float64]
    backscatter_pixels: NDArray[np.float64]
    correlation: NDArray[np.float64]
    edges: NDArray[np.float64]
    detail: NDArray[np.float64]
    pixels: NDArray[np.float64]

    def evidence(self, reference: Reference, widths: Widths, shifts: int) -> list[Evidence]:
        """Return the evidence of every observation; `shifts` are those tried between the optical images."""
        many = max(1, self.backscatter_change_db.shape[1])
        radar = [
            backscatter_evidence(change, self.backscatter_pixels, widths, 1.0 / many)
            for change in self.backscatter_change_db.T
        ]
        return [
            coherence_evidence(self.coherence_before, self.coherence_across, reference, widths),
            *radar,
            correlation_evidence(self.correlation, self.pixels, reference, widths, shifts=shifts),
            edge_evidence(self.edges, self.pixels, reference, widths, shifts=shifts),
            detail_evidence(self.detail, self.pixels, widths),
        ]


def bands(image: Raster) -> NDArray[np.float32]:
    """Return an image as (band, y, x) float32; a plain (y, x) image has one band.

    Uncalibrated images fill with 0 where nothing was taken: a pixel black in all bands is missing.
    """
    values = np.asarray(image.to_numpy(), np.float32)
    values = values if values.ndim == 3 else values[None]
    if image.attrs.get("quantity") == "digital_number":
        return np.where((values == 0).all(axis=0), np.float32(np.nan), values)
    return values


def check(images: Images) -> None:
    """Refuse pairs that cannot be compared.

    Raises
    ------
    InputError
        If a pair is incomplete or differs in its bands or polarisations, or backscatter is uncalibrated.
    """
    _ = images.grid
    if images.before is not None and images.after is not None:
        _check_backscatter(images.before, images.after)
    if images.before_optical is not None and images.after_optical is not None:
        first, second = (i.shape[0] if i.ndim == 3 else 1 for i in (images.before_optical, images.after_optical))
        if first != second:
            raise InputError(f"before_optical has {first} bands and after_optical {second}; give the same bands")


def check_different(counts: list[tuple[int | None, ...]]) -> None:
    """Refuse pairs whose dates are the same data.

    Parameters
    ----------
    counts
        Of every block, from `Images.differing`.

    Raises
    ------
    InputError
        If there is one.
    """
    for (before, after), found in zip(PAIRS, zip(*counts, strict=True), strict=True):
        if found[0] is not None and not any(found):
            raise InputError(
                f"--{before.replace('_', '-')} and --{after.replace('_', '-')} are the same data, so nothing can have changed; "
                "give files of two dates"
            )


def _check_backscatter(before: Raster, after: Raster) -> None:
    for name, image in (("before", before), ("after", after)):
        if image.attrs.get("quantity") == "relative_backscatter":
            raise InputError(
                f"{name} is relative backscatter, whose changes have no scale; give calibrated backscatter"
            )
    names = [[str(v) for v in i["polarisation"].values] if "polarisation" in i.coords else [] for i in (before, after)]
    if names[0] != names[1]:
        raise InputError(f"before has polarisations {names[0]} and after {names[1]}; give the same ones")


def observe(cells: Cells, images: Images, reach: int) -> Observed:
    """Return the observations of every footprint of a window.

    Parameters
    ----------
    cells
        Pixels of the footprints and of what counts as part of them, in the window.
    images
        The window of the images.
    reach
        Largest shift between the dates in pixels, for the optical images.
    """
    count = cells.starts.size - 1
    coherence = [np.full(count, np.nan)] * 2
    if images.coherence_before is not None and images.coherence_across is not None:
        coherence = [cells.means(bands(i)[0]) for i in (images.coherence_before, images.coherence_across)]
    changes, seen = np.full((count, 0), np.nan), np.zeros(count)
    if images.before is not None and images.after is not None:
        pairs = zip(bands(images.before), bands(images.after), strict=True)
        changes = np.stack([_change_db(cells, one, other) for one, other in pairs], axis=1)
        seen = np.diff(cells.starts).astype(np.float64)
    return Observed(coherence[0], coherence[1], changes, seen, *_optical(cells, images, reach, count))


def _change_db(cells: Cells, before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the change of mean power in dB, over pixels seen on both dates."""
    seen = np.isfinite(before) & np.isfinite(after)
    powers = [cells.means(np.where(seen, image, np.nan)) for image in (before, after)]
    with np.errstate(invalid="ignore", divide="ignore"):
        change = 10.0 * np.log10(powers[1] / powers[0])
    return np.where(np.isfinite(change), change, np.nan)


def _optical(cells: Cells, images: Images, reach: int, count: int) -> tuple[NDArray[np.float64], ...]:
    """Return correlation, agreement of edges, detail, and pixels."""
    if images.before_optical is None or images.after_optical is None:
        return (*(np.full(count, np.nan) for _ in range(3)), np.zeros(count))
    first, second = (brightness(bands(i)) for i in (images.before_optical, images.after_optical))
    change = object_change(first, second, cells, reach=reach)
    enough = change.pixels >= SMALLEST_PIXELS
    patterns = (np.where(enough, v, np.nan) for v in (change.correlation, change.edges, change.grain))
    return (*patterns, change.pixels)
