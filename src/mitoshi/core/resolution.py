"""The resolution at which numbers are recorded: a step, or significant digits; exact in decimal, so that no last bit shows.

Sums and elementary functions differ in their last bits between versions of a library. A recorded number is the decimal nearest to
the computed one, so two honest recomputations agree, or differ by one step where the number lies between two of them.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from mitoshi.core.product import Figure

__all__ = [
    "FIGURE_DIGITS",
    "FINEST",
    "LIST_DIGITS",
    "TOTAL_DIGITS",
    "UNIT_STEPS",
    "digits_step",
    "recorded_figure",
    "rounded",
    "to_digits",
    "to_step",
    "total_step",
    "within_step",
]

TOTAL_DIGITS, FIGURE_DIGITS, LIST_DIGITS = 10, 7, 6  # significant digits where no step is declared
FINEST = 1e-9  # no total and no figure is recorded more finely, in its own unit: what cancels is noise below it
UNIT_STEPS = {
    "1": 1e-3, "percent": 1e-4, "km2": 1e-6, "m2": 1e-2, "m3": 1e-2, "t": 1e-3, "m": 1e-4, "s": 1e-3, "min": 1e-3, "h": 1e-4,
    "JPY": 1.0, "pixel": 1e-3,
}  # fmt: skip
"""The step of a figure by its units, for those that declare none; small figures keep `FIGURE_DIGITS` digits."""

POWERS = np.array([float(f"1e{n}") for n in range(309)])


def digits_step(value: float, digits: int) -> float:
    """Return the step of a number's last significant digit; 0 for zero and what is not finite.

    >>> digits_step(23560.460000000003, 10), digits_step(0.99999999999, 3)
    (1e-05, 0.01)
    """
    if value == 0 or not math.isfinite(value):
        return 0.0
    exponent = int(f"{abs(value):.{digits - 1}e}".partition("e")[2])
    return float(f"1e{exponent - digits + 1}")


def rounded(value: float, step: float) -> float:
    """Return the decimal nearest to a number among the multiples of a step; what is not finite stays.

    >>> rounded(23560.460000000003, 1e-6), rounded(-0.0004, 1e-3), rounded(0.3, 0.05)
    (23560.46, 0.0, 0.3)
    """
    if not math.isfinite(value):
        return value
    unit = Decimal(repr(step))
    return float((Decimal(value) / unit).to_integral_value() * unit) + 0.0


def within_step(sealed: float, now: float, step: float, *, slack: float = 0.0) -> bool:
    """Return whether a recorded number is a multiple of its step and at most one step from the recomputed one.

    Parameters
    ----------
    sealed, now
        The recorded number, and its recomputation.
    step
        Declared by the method, never by the record.
    slack
        How far they may lie apart beyond the step.

    >>> within_step(23560.46, 23560.460001, 1e-6), within_step(23560.4600005, 23560.46, 1e-6)
    (True, False)
    """
    return rounded(sealed, step) == sealed and abs(sealed - now) <= slack + step * (1 + 1e-3)


def total_step(value: float) -> float:
    """Return the step of a total: `TOTAL_DIGITS` significant digits, no finer than `FINEST`."""
    return max(FINEST, digits_step(value, TOTAL_DIGITS))


def recorded_figure(figure: Figure) -> Figure:
    """Return a figure as it is recorded: value and bounds rounded to one step, which it then declares.

    >>> from mitoshi.core.product import Figure
    >>> from mitoshi.core.text import Text
    >>> area = Figure("flooded_area", Text("flooded area", "浸水面積"), 24.125360892226677, 20.0, 30.1234567, "km2", 0.9)
    >>> recorded_figure(area)[2:5], recorded_figure(area).resolution
    ((24.125361, 20.0, 30.123457), 1e-06)
    """
    numbers = [n for n in (figure.value, figure.lower, figure.upper) if n is not None and math.isfinite(n)]
    if not numbers:
        return figure
    step = figure.resolution or _figure_step(max(map(abs, numbers)), figure.units)
    lower, upper = (None if n is None else rounded(n, step) for n in (figure.lower, figure.upper))
    return figure._replace(value=rounded(figure.value, step), lower=lower, upper=upper, resolution=step)


def _figure_step(largest: float, units: str) -> float:
    own = digits_step(largest, FIGURE_DIGITS) or math.inf
    step = min(own, UNIT_STEPS.get(units, math.inf))
    return max(FINEST, step) if math.isfinite(step) else FINEST


def to_step(numbers: npt.NDArray[np.float64], step: float) -> npt.NDArray[np.float64]:
    """Return numbers rounded to multiples of a step; what is not finite becomes NaN."""
    # Rounded once more to a decimal: 3 × 0.1 is written 0.3.
    decimals = max(0, int(np.ceil(-np.log10(step))) + 3)
    clean: npt.NDArray[np.float64] = np.round(np.rint(numbers / step) * step, decimals) + 0.0
    return np.where(np.isfinite(clean), clean, np.nan)


def to_digits(numbers: npt.NDArray[np.float64], digits: int = LIST_DIGITS) -> npt.NDArray[np.float64]:
    """Return numbers rounded to significant digits; what is not finite becomes NaN.

    Only exact powers of ten multiply or divide, so that the result is the same decimal everywhere.

    >>> to_digits(np.array([123456.51, 0.000123456789, 0.0])).tolist()
    [123457.0, 0.000123457, 0.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        places = digits - 1 - np.floor(np.log10(np.abs(numbers)))
    places = np.where(np.isfinite(places), places, 0.0).astype(int)
    up, down = POWERS[np.clip(places, 0, 308)], POWERS[np.clip(-places, 0, 308)]
    with np.errstate(over="ignore", invalid="ignore"):
        clean = np.rint(numbers * up / down) * down / up + 0.0
    return np.where(np.isfinite(clean), clean, np.nan)
