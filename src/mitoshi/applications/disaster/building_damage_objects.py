"""Observations of every footprint, read from the images in bands of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.building_damage_evidence import (
    Reference,
    Widths,
    backscatter_evidence,
    coherence_evidence,
    colour_evidence,
    correlation_evidence,
    detail_evidence,
)
from mitoshi.applications.disaster.building_damage_footprints import Cells, Strip, cells_of, strips
from mitoshi.core.errors import InputError
from mitoshi.methods.optical.change import ObjectChange, Radiometry, object_change, radiometry
from mitoshi.methods.sar.coherence_change import natural_coherence_ratio

if TYPE_CHECKING:
    from mitoshi.applications.disaster.building_damage_model import Evidence
    from mitoshi.core.quantity import Raster

__all__ = ["Images", "Observed", "Scales", "bands", "observe", "scene_scales"]

SAMPLE_PIXELS = 1_000_000

SMALLEST_PIXELS = 12
"""Optical pixels below which a footprint has no pattern to compare."""


class Images(NamedTuple):
    """The images of a run; pairs are both given or both None."""

    coherence_before: Raster | None
    coherence_across: Raster | None
    before: Raster | None
    after: Raster | None
    before_optical: Raster | None
    after_optical: Raster | None

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


class Scales(NamedTuple):
    """What puts the two dates on one scale."""

    coherence_ratio: float
    before_optical: Radiometry | None
    after_optical: Radiometry | None


class Observed(NamedTuple):
    """Observations of n footprints, shapes (n,), NaN where not observed; backscatter (polarisation, n)."""

    coherence_before: NDArray[np.float64]
    coherence_across: NDArray[np.float64]
    backscatter_change_db: NDArray[np.float64]
    backscatter_pixels: NDArray[np.float64]
    correlation: NDArray[np.float64]
    colour: NDArray[np.float64]
    detail: NDArray[np.float64]
    pixels: NDArray[np.float64]
    shifts: int

    def evidence(self, reference: Reference, widths: Widths) -> list[Evidence]:
        """Return the evidence of every observation."""
        many = max(1, len(self.backscatter_change_db))
        return [
            coherence_evidence(self.coherence_before, self.coherence_across, reference, widths),
            *(backscatter_evidence(c, self.backscatter_pixels, widths, 1.0 / many) for c in self.backscatter_change_db),
            correlation_evidence(self.correlation, self.pixels, reference, widths, shifts=self.shifts),
            colour_evidence(self.colour, widths),
            detail_evidence(self.detail, self.pixels, reference, widths),
        ]


def bands(image: Raster, rows: slice | None = None, step: int = 1) -> NDArray[np.float32]:
    """Return rows of an image as (band, y, x) float32; a plain (y, x) image has one band.

    Uncalibrated images fill with 0 where nothing was taken: a pixel black in all bands is missing.
    """
    part = image.isel(y=slice(None) if rows is None else rows)
    if step > 1:
        part = part.isel(y=slice(None, None, step), x=slice(None, None, step))
    values = np.asarray(part.to_numpy(), np.float32)
    values = values if values.ndim == 3 else values[None]
    if image.attrs.get("quantity") == "digital_number":
        return np.where((values == 0).all(axis=0), np.float32(np.nan), values)
    return values


def scene_scales(images: Images) -> Scales:
    """Return the scales of a scene, from a regular sample of at most about a million pixels.

    Raises
    ------
    InputError
        If a pair differs in its bands or polarisations, or backscatter is uncalibrated.
    """
    height, width = images.grid.shape[-2:]
    step = max(1, int(np.ceil(np.sqrt(height * width / SAMPLE_PIXELS))))
    ratio = 1.0
    if images.coherence_before is not None and images.coherence_across is not None:
        ratio = natural_coherence_ratio(
            bands(images.coherence_before, step=step)[0], bands(images.coherence_across, step=step)[0]
        )
    if images.before is not None and images.after is not None:
        _check_backscatter(images.before, images.after)
    if images.before_optical is None or images.after_optical is None:
        return Scales(ratio, None, None)
    first, second = bands(images.before_optical, step=step), bands(images.after_optical, step=step)
    if first.shape[0] != second.shape[0]:
        raise InputError(
            f"before_optical has {first.shape[0]} bands and after_optical {second.shape[0]}; give the same bands"
        )
    missing = ~(np.isfinite(first).all(axis=0) & np.isfinite(second).all(axis=0))
    if missing.all():
        raise InputError("before_optical and after_optical have no pixel in common; give images that overlap")
    return Scales(ratio, radiometry(first[:, ~missing]), radiometry(second[:, ~missing]))


def _check_backscatter(before: Raster, after: Raster) -> None:
    for name, image in (("before", before), ("after", after)):
        if image.attrs.get("quantity") == "relative_backscatter":
            raise InputError(
                f"{name} is relative backscatter, whose changes have no scale; give calibrated backscatter"
            )
    names = [[str(v) for v in i["polarisation"].values] if "polarisation" in i.coords else [] for i in (before, after)]
    if names[0] != names[1]:
        raise InputError(f"before has polarisations {names[0]} and after {names[1]}; give the same ones")


def observe(shapes: NDArray[Any], images: Images, scales: Scales, *, context: float, reach: int) -> Observed:
    """Return the observations of every footprint.

    Parameters
    ----------
    shapes
        Footprints in pixel coordinates.
    images, scales
        The images and what puts them on one scale.
    context
        Pixels around a footprint that count as part of it: walls, eaves and where debris falls.
    reach
        Largest shift between the dates in pixels, for the optical images.
    """
    import shapely

    count = len(shapes)
    channels = 0 if images.before is None else bands(images.before, slice(0, 1)).shape[0]
    found = _unseen(count, channels, (2 * reach + 1) ** 2)
    around = shapely.buffer(shapes, context) if context > 0 else shapes
    height, width = images.grid.shape[-2:]
    for strip in strips(around, height, reach + 2):
        near = cells_of(around[strip.members], strip.first, (strip.last - strip.first, width))
        _radar(found, strip, near, images)
        if images.before_optical is not None:
            _optical(found, strip, near, images, scales, reach)
    return found


def _unseen(count: int, channels: int, shifts: int) -> Observed:
    def missing() -> NDArray[np.float64]:
        return np.full(count, np.nan)

    return Observed(
        coherence_before=missing(),
        coherence_across=missing(),
        backscatter_change_db=np.full((channels, count), np.nan),
        backscatter_pixels=np.zeros(count),
        correlation=missing(),
        colour=missing(),
        detail=missing(),
        pixels=np.zeros(count),
        shifts=shifts,
    )


def _radar(found: Observed, strip: Strip, near: Cells, images: Images) -> None:
    rows = slice(strip.first, strip.last)
    if images.coherence_before is not None and images.coherence_across is not None:
        found.coherence_before[strip.members] = near.means(bands(images.coherence_before, rows)[0])
        found.coherence_across[strip.members] = near.means(bands(images.coherence_across, rows)[0])
    if images.before is not None and images.after is not None:
        first, second = bands(images.before, rows), bands(images.after, rows)
        found.backscatter_pixels[strip.members] = np.diff(near.starts)
        for channel, (before, after) in enumerate(zip(first, second, strict=True)):
            seen = np.isfinite(before) & np.isfinite(after)
            powers = [near.means(np.where(seen, image, np.nan)) for image in (before, after)]
            with np.errstate(invalid="ignore", divide="ignore"):
                change = 10.0 * np.log10(powers[1] / powers[0])
            found.backscatter_change_db[channel, strip.members] = np.where(np.isfinite(change), change, np.nan)


def _optical(found: Observed, strip: Strip, near: Cells, images: Images, scales: Scales, reach: int) -> None:
    assert images.before_optical is not None  # noqa: S101
    assert images.after_optical is not None  # noqa: S101
    assert scales.before_optical is not None  # noqa: S101
    assert scales.after_optical is not None  # noqa: S101
    rows = slice(strip.first, strip.last)
    change: ObjectChange = object_change(
        scales.before_optical.normalised(bands(images.before_optical, rows)),
        scales.after_optical.normalised(bands(images.after_optical, rows)),
        near,
        reach=reach,
    )
    seen = change.pixels >= SMALLEST_PIXELS
    found.correlation[strip.members] = np.where(seen, change.correlation, np.nan)
    found.colour[strip.members] = np.where(seen, change.colour, np.nan)
    found.detail[strip.members] = np.where(seen, change.texture, np.nan)
    found.pixels[strip.members] = change.pixels
