"""Units as files write them, turned into the words that conversions understand."""

from __future__ import annotations

import re

from mitoshi.core.quantity import QUANTITIES

__all__ = ["canonical", "metres_of"]

# GDAL unit types, CF (UDUNITS) spellings and what people write by hand.
_SPELLINGS = {
    "m": ("m", "metre", "meter", "metres", "meters", "metre (m)", "9001"),
    "cm": ("cm", "centimetre", "centimeter", "centimetres", "centimeters"),
    "mm": ("mm", "millimetre", "millimeter", "millimetres", "millimeters"),
    "km": ("km", "kilometre", "kilometer", "kilometres", "kilometers"),
    "dm": ("dm", "decimetre", "decimeter", "decimetres", "decimeters"),
    "foot": ("ft", "foot", "feet", "international foot", "foot_international", "international_feet", "'", "9002"),
    "survey_foot": (
        "us survey foot",
        "us_survey_foot",
        "us survey feet",
        "u.s. survey foot",
        "u.s. survey feet",
        "us-ft",
        "usft",
        "ft-us",
        "ftus",
        "ft_us",
        "ft us",
        "ft (us)",
        "foot_us",
        "foot us",
        "foot (us)",
        "us_ft",
        "us foot",
        "us feet",
        "usfeet",
        "us_foot",
        "survey_foot",
        "survey foot",
        "survey feet",
        "sft",
        "9003",
    ),
    "yard": ("yd", "yard", "yards"),
    "inch": ("in", "inch", "inches"),
    "dB": ("db", "decibel", "decibels"),
    "percent": ("%", "percent", "pct", "per cent"),
    "1": ("1", "unitless", "dimensionless", "none", "-", "ratio", "fraction", "linear", "power", "linear power"),
    "K": ("k", "kelvin", "degk", "deg k", "deg_k", "degrees kelvin", "degrees_kelvin"),
    "degC": ("c", "degc", "deg c", "deg_c", "celsius", "°c", "degree_celsius", "degrees_celsius", "degrees celsius"),
    "degF": ("f", "degf", "deg f", "deg_f", "fahrenheit", "°f", "degree_fahrenheit", "degrees fahrenheit"),
    "degree": ("deg", "degree", "degrees", "°"),
    "radian": ("rad", "radian", "radians"),
    "m s-1": ("m s-1", "m/s", "m s^-1", "m.s-1", "m s**-1", "metre per second", "meters per second"),
    "mm h-1": ("mm h-1", "mm/h", "mm/hr", "mm hr-1"),
    "s m-0.333333": ("s m-0.333333", "s m-1/3", "s/m^(1/3)", "s m^-1/3"),
    "s": ("s", "sec", "second", "seconds"),
}
_WORDS = {spelling: word for word, spellings in _SPELLINGS.items() for spelling in spellings}
_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "dm": 0.1, "foot": 0.3048, "survey_foot": 1200 / 3937}
_METRES |= {"yard": 0.9144, "inch": 0.0254}


def canonical(text: str | None) -> str | None:
    """Return the one word for a unit, or None where the text is empty or not understood.

    >>> canonical("US survey foot"), canonical("Metres"), canonical("m+NAVD88")
    ('survey_foot', 'm', None)
    """
    if text is None or not text.strip():
        return None
    plain = re.sub(r"\s+", " ", text.strip())
    if plain in {q.units for q in QUANTITIES.values()}:
        return plain
    return _WORDS.get(plain.lower())


def metres_of(unit: str) -> float | None:
    """Return how many metres a canonical unit of length is; None for any other unit.

    >>> metres_of("foot")
    0.3048
    """
    return _METRES.get(unit)
