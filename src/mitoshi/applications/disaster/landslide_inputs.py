"""What a pair of terrains or images of two dates must be for its difference to be a change of the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mitoshi.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.quantity import Raster
    from mitoshi.methods.terrain.elevation_change import ChangeNoise

__all__ = ["Seen", "check_different", "check_filled", "check_observed", "check_spread", "seen_of", "shows_all"]

LARGEST_SPREAD_M = 15.0
"""Standard deviation of the change of stable ground from which two terrains are no pair: twice the variance of the coarsest
survey in use, whose specification is 16 m at 90 % (SRTM; 9.7 m as a standard deviation, 13.8 m for a pair), rounded up."""

FILL_DROP_M = 10.0
FEWEST_FILLED = 100
FILL_RELIEF_M = 1.0
"""A hundred cells of uneven ground (standard deviation above 1 m) that all drop by over 10 m to one same value are fill: no slide
leaves a plane that is level to the last bit, and a drained lake was level before. Assumed."""

PAIRS = {
    "elevation_change": ("elevation", "elevation_after"),
    "backscatter": ("before", "after"),
    "optical": ("before_optical", "after_optical"),
}


class Seen(NamedTuple):
    """Of every data argument given, its observed values; of every pair, those that differ between the dates."""

    observed: dict[str, int]
    different: dict[str, int]


def option(name: str) -> str:
    """Return the name of a data argument as it is typed."""
    return "--" + name.replace("_", "-")


def seen_of(arrays: Mapping[str, Raster | None]) -> Seen:
    """Return what a block of the scene holds; `arrays` are its data arguments by name."""
    names = [name for pair in PAIRS.values() for name in pair]
    values = {n: np.asarray(a.to_numpy()) for n in names if (a := arrays.get(n)) is not None}
    filled = {n: (v == 0).all(axis=0) for n, v in values.items() if _is_number(arrays[n]) and v.ndim == 3}
    observed = {n: int((np.isfinite(v) & ~filled.get(n, np.False_)).sum()) for n, v in values.items()}
    different = {
        kind: int(np.count_nonzero((values[a] != values[b]) & (np.isfinite(values[a]) | np.isfinite(values[b]))))
        for kind, (a, b) in PAIRS.items()
        if a in values and b in values and values[a].shape == values[b].shape
    }
    return Seen(observed, different)


def _is_number(image: Raster | None) -> bool:
    return image is not None and image.attrs.get("quantity") == "digital_number"


def shows_all(parts: list[Seen]) -> bool:
    """Return whether some parts of a scene settle that every argument is observed and every pair differs."""
    return all(any(part.observed[name] for part in parts) for name in parts[0].observed) and all(
        any(part.different[kind] for part in parts) for kind in parts[0].different
    )


def check_observed(parts: list[Seen]) -> None:
    """Refuse images and terrains without any observed value.

    Raises
    ------
    InputError
        If there is one.
    """
    for name in parts[0].observed:
        if not any(part.observed[name] for part in parts):
            raise InputError(
                f"{option(name)} holds no observed pixel within the area; check the file and its nodata value"
            )


def check_different(parts: list[Seen]) -> None:
    """Refuse pairs whose dates are the same data.

    Raises
    ------
    InputError
        If there is one.
    """
    for kind, (first, second) in PAIRS.items():
        given = [part.different[kind] for part in parts if kind in part.different]
        if given and not any(given):
            raise InputError(
                f"{option(first)} and {option(second)} are the same data, so nothing can have changed; give files of two dates"
            )


def check_spread(noise: ChangeNoise | None) -> None:
    """Refuse an elevation change that no pair of surveys gives.

    Raises
    ------
    InputError
        If the spread of the change over the scene is above 15 m.
    """
    if noise is not None and noise.sigma > LARGEST_SPREAD_M:
        raise InputError(
            f"the elevation change spreads by {noise.sigma:.3g} m over the scene, far above any pair of surveys (at most "
            f"{LARGEST_SPREAD_M:g} m); check that all elevations are in metres (feet, centimetres?) and on the same grid"
        )


def check_filled(arrays: Mapping[str, Raster | None]) -> None:
    """Refuse a terrain after that holds fill which is not declared.

    Raises
    ------
    InputError
        If many cells of uneven ground drop far to exactly one value, which is 0 or the most frequent one after.
    """
    before, after = arrays.get("elevation"), arrays.get("elevation_after")
    if before is None or after is None:
        return
    low, high = np.asarray(after.to_numpy(), np.float32), np.asarray(before.to_numpy(), np.float32)
    dropped = high - low > FILL_DROP_M
    if np.count_nonzero(dropped) < FEWEST_FILLED:
        return
    values, counts = np.unique(low[dropped], return_counts=True)
    value, count = float(values[np.argmax(counts)]), int(counts.max())
    if count < FEWEST_FILLED or (value != 0.0 and np.unique(low, return_counts=True)[1].max() > count):
        return
    drop = (high - low)[dropped & (low == np.float32(value))]
    if float(np.std(drop, dtype=np.float64)) > FILL_RELIEF_M:
        raise InputError(
            f"--elevation-after is exactly {value:g} in {count} cells that lie {drop.min():.0f} to {drop.max():.0f} m higher in "
            f"--elevation: fill, not ground; declare it, --elevation-after FILE#nodata={value:g} "
            "(where the file states a scale or another unit: the number as it is stored)"
        )
