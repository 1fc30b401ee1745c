"""Whether the images of a flood are two dates of the polarisations they are said to be: before anything is computed."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.scene import ArrayScene
from mitoshi.core.text import Text
from mitoshi.methods.sar.flood_inputs import check_polarisations, doubtful_ratio
from mitoshi.methods.sar.flood_survey import is_relative, polarisations, survey_flood
from mitoshi.methods.sar.multilook import decibel_samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mitoshi.core.quantity import Raster

__all__ = ["check_images", "offset_said"]

BLOCK = 1024
SAMPLE, PLACES = 256, 3
"""Side of the windows in which levels are compared, and how many there are each way."""

OFFSET = Text(
    "the land is {size} dB {word} after than before over the whole scene: taken for a difference of calibration or soil and "
    "removed, so that it is no flood",
    "全域の陸地で浸水後の画像が浸水前より {size} dB {word}ため、校正または地表状態の差とみなして補正します（浸水とは扱いません）",
)
WORDS = {True: ("darker", "暗い"), False: ("brighter", "明るい")}


def check_images(after: Raster, before: Raster | None) -> tuple[Text, ...]:
    """Refuse one image given as two and a polarisation given twice; return what is doubtful of the others.

    Parameters
    ----------
    after, before
        Images of the flood and from before it, dims (…, y, x); they may be unread.

    Raises
    ------
    InputError
        If all values of the two are the same, or two bands of an image have one polarisation.
    """
    doubts: list[Text] = []
    for name, image in (("after", after), ("before", before)):
        if image is None or "polarisation" not in image.coords:
            continue
        check_polarisations(polarisations(image), name)
        if not is_relative(image) and len(polarisations(image)) > 1:
            doubts += doubtful_ratio(_looks(image), polarisations(image), name)
    if before is not None and before.shape == after.shape and _same(before, after):
        raise InputError(
            "before and after are the same image; give one from before the flood and one from during or after it"
        )
    return tuple(doubts)


def offset_said(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[Text, ...]:
    """Return the offset of level between two calibrated dates that the method removes, nothing where there is none.

    Parameters
    ----------
    data
        Arguments by name.
    parameters
        Of the run: those of the incidence angle.
    """
    after, before = data["after"], data.get("before")
    if before is None or "polarisation" not in after.dims or is_relative(after):
        return ()
    scene = {name: data.get(name) for name in ("after", "before", "incidence_angle")}
    angles = {name: parameters[name] for name in ("incidence_deg", "co_slope_db", "cross_slope_db")}
    offset = survey_flood(ArrayScene(scene), **angles).offset_db
    if not offset:
        return ()
    english, japanese = WORDS[offset > 0]
    size = f"{abs(offset):.1f}"
    return (Text(OFFSET.en.format(size=size, word=english), OFFSET.ja.format(size=size, word=japanese)),)


def _same(one: Raster, other: Raster) -> bool:
    """Return whether all values are the same; reads until they differ."""
    return all(
        np.array_equal(one.isel(window).to_numpy(), other.isel(window).to_numpy(), equal_nan=True)
        for window in _blocks(one)
    )


def _blocks(image: Raster) -> Iterator[dict[str, slice]]:
    for row, column in product(*(range(0, image.sizes[axis], BLOCK) for axis in ("y", "x"))):
        yield {"y": slice(row, row + BLOCK), "x": slice(column, column + BLOCK)}


def _looks(image: Raster) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return the looks of 3 × 3 windows that are spread over the image, in dB, shape (polarisation, looks)."""
    starts = (
        sorted({round(k * max(image.sizes[axis] - SAMPLE, 0) / (PLACES - 1)) for k in range(PLACES)})
        for axis in ("y", "x")
    )
    parts = []
    for row, column in product(*starts):
        window = image.isel(y=slice(row, row + SAMPLE), x=slice(column, column + SAMPLE))
        looks = decibel_samples(np.asarray(window.to_numpy(), np.float32))
        parts.append(looks.reshape(len(looks), -1))
    return np.concatenate(parts, axis=1)
