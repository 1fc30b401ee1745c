"""What a quantity's values can be: a value beyond is an undeclared "no data" value or another unit, and is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.quantity import DECIBEL_UNITS, QUANTITIES
from mitoshi.sensors.units import canonical, metres_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FLOOD_CODES", "RANGES", "FloodCodes", "Range", "check_of"]

RANGES: dict[str, tuple[float, float]] = {
    "elevation": (-12_000.0, 9_000.0),  # from the deepest trench to the highest summit
    "water_surface_elevation": (-12_000.0, 9_000.0),
    "elevation_change": (-1_000.0, 1_000.0),
    "water_depth": (-0.05, 100.0),  # no flood over ground has been deeper; -1 is no depth but "no data"
    "surface_displacement": (-100.0, 100.0),
    "flow_speed": (-0.05, 100.0),
    "standard_uncertainty_m": (0.0, 1_000.0),
    "population": (-0.5, 1e7),  # people in one cell
    "water_occurrence": (-1e-3, 1.001),
    "probability": (-1e-3, 1.001),
    "built_up_share": (-1e-3, 1.001),
    "coherence": (-1e-2, 1.01),
    "surface_temperature": (100.0, 2_000.0),
    "brightness_temperature": (100.0, 2_000.0),
    "surface_reflectance": (-2.0, 20.0),
    "toa_reflectance": (-2.0, 20.0),
    "incidence_angle": (-0.1, 90.1),
    "manning_roughness": (0.0, 100.0),
    "infiltration_rate": (-1e-3, 10_000.0),
    "sigma0": (-900.0, 1e6),  # linear power: small negatives are left by noise subtraction
    "gamma0": (-900.0, 1e6),
    "beta0": (-900.0, 1e6),
}
"""Quantity to lowest and highest value, in the quantity's own unit."""
DECIBEL_RANGE = (-200.0, 60.0)
# Numbers that stand for "no data" and lie within the range of heights: they are refused where no other value is near.
SENTINELS = (-9999.0, -9999.9, -9999.99, -9998.0, -9990.0, -999.0, -999.9, -999.25, -9996.0, -9997.0, -99.0)
SENTINEL_GAP, SMALL_GAP = 100.0, 20.0  # the second around -99, below which there is dry land in a few deserts
# Below any dry ground (the Dead Sea's shore is at -430 m), alone below land: a number that stands for "no data", whichever it is.
LOWEST_LAND, LAND_GAP, LAND_CELLS = -500.0, 500.0, 100
# The largest numbers of integers of two and four bytes; people in one cell, where no other cell has a tenth of it, are none.
FULL = frozenset({32_767.0, 65_535.0, 2_147_483_647.0, 4_294_967_295.0})
FULL_GAP, FULL_CELLS = 10.0, 100
WITH_SENTINELS = frozenset({"elevation", "water_surface_elevation", "elevation_change"})
FLOOD_CODES = (0, 1, 2, 255)
SHOWN = 5


@dataclass(frozen=True)
class Range:
    """Lowest and highest value that a quantity can have, in the unit of the decoded values."""

    name: str
    quantity: str
    units: str
    low: float
    high: float
    sentinels: bool = False

    def __call__(self, values: NDArray[Any], stored: NDArray[Any]) -> NDArray[Any]:
        """Return the values; infinite ones are not observed.

        Raises
        ------
        InputError
            If one lies outside.
        """
        if not values.size:
            return values
        low, high = float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
        if np.isinf(low) or np.isinf(high):  # such as the decibels of no power at all: nothing was observed
            values = np.where(np.isinf(values), np.float32(np.nan), values)
            low, high = float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
        if self.quantity == "population":
            self._check_full(values, stored, high)
        if low < self.low or high > self.high:
            bad = values == np.float32(low if low < self.low else high)
            self._refuse(float(stored[bad][0]), low if low < self.low else high)
        if self.sentinels and low <= max(*SENTINELS, LOWEST_LAND * self._per_metre):
            self._check_sentinel(values, stored, low)
        return values

    def _check_full(self, values: NDArray[Any], stored: NDArray[Any], high: float) -> None:
        """Refuse the largest number of an integer type as a count far above all others: it means "no data"."""
        here = values == np.float32(high)
        if values.size < FULL_CELLS or not here.any():
            return
        mark = float(np.asarray(stored)[here][0])
        if mark not in FULL:
            return
        others = values[~here & np.isfinite(values)]
        if not others.size or float(others.max()) * FULL_GAP < high:
            self._refuse(mark, high)

    @property
    def _per_metre(self) -> float:
        """How many units of the values are one of the quantity's own."""
        return self.low / RANGES[self.quantity][0]

    def _check_sentinel(self, values: NDArray[Any], stored: NDArray[Any], low: float) -> None:
        here = values == np.float32(low)
        mark = float(stored[here][0])
        others = values[~here & np.isfinite(values)]
        if not any(np.isclose(mark, known, rtol=1e-6, atol=0) for known in SENTINELS):
            if self.quantity != "elevation_change" and others.size >= LAND_CELLS:
                lowest, below = float(others.min()) / self._per_metre, low / self._per_metre
                if below < LOWEST_LAND < lowest and lowest - below > LAND_GAP:
                    self._refuse(mark, low)
            return
        gap = SMALL_GAP if mark == -99.0 else SENTINEL_GAP
        if not others.size or float(others.min()) - low > gap:
            self._refuse(mark, low)

    def _refuse(self, stored: float, value: float) -> None:
        same = np.isclose(stored, value, rtol=1e-4)
        shown = "" if same else f" (the file stores it as {stored:.10g}, before its scale and offset)"
        which = "" if same else ", the number as stored"
        raise InputError(
            f"{self.name}: a value of {value:.7g} {'' if self.units == '1' else self.units + ' '}is no {self.quantity}"
            f"{shown}; if it means 'no data', say '#nodata={stored:.10g}'{which}, else state the unit or the scale "
            "('#units=…', '#scale=…')"
        )


@dataclass(frozen=True)
class FloodCodes:
    """The codes of a flood extent: 0 dry, 1 flooded, 2 permanent water, 255 not observed."""

    name: str

    def __call__(self, values: NDArray[Any], stored: NDArray[Any]) -> NDArray[Any]:
        """Return the codes, rounded.

        Raises
        ------
        InputError
            If one is none of the four.
        """
        codes: NDArray[Any] = np.rint(values)
        odd = np.isfinite(values) & (~np.isin(codes, FLOOD_CODES) | (np.abs(values - codes) > 1e-3))
        if odd.any():
            seen = np.unique(np.asarray(stored)[odd])
            more = f" and {len(seen) - SHOWN} more" if len(seen) > SHOWN else ""
            raise InputError(
                f"{self.name}: some pixels have the value {', '.join(f'{v:.6g}' for v in seen[:SHOWN].tolist())}{more}, which is "
                "no code of a flood extent (0 dry, 1 flooded, 2 permanent water, 255 not observed); change these values in the "
                "file, or say '#nodata=…' if they mean 'no data', or '#scale=…' so that water becomes 1"
            )
        return codes


def check_of(name: str, quantity: str, units: str) -> Range | FloodCodes | None:
    """Return what checks the decoded values of a file; None where any value is possible.

    Parameters
    ----------
    name
        Of the file, for messages.
    quantity, units
        Of the decoded values.
    """
    if quantity == "flood_extent":
        return FloodCodes(name)
    if quantity not in RANGES:
        return None
    low, high = RANGES[quantity]
    if units in DECIBEL_UNITS:
        low, high = DECIBEL_RANGE
    elif units != QUANTITIES[quantity].units:
        ends = _in_units(low, high, quantity, units)
        if ends is None:
            return None
        low, high = ends
    return Range(name, quantity, units, low, high, quantity in WITH_SENTINELS)


def _in_units(low: float, high: float, quantity: str, units: str) -> tuple[float, float] | None:
    """Return a range in another unit; None where the unit cannot be turned into the quantity's."""
    from mitoshi.core.errors import QuantityError
    from mitoshi.core.quantity import factor

    metres = metres_of(canonical(units) or units)
    if metres is not None and QUANTITIES[quantity].units == "m":
        return low / metres, high / metres
    try:
        scale, offset = factor(units, QUANTITIES[quantity].units)
    except QuantityError:
        return None
    return (low - offset) / scale, (high - offset) / scale
