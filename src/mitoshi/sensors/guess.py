"""What an undescribed raster is taken for, and the sentence that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mitoshi.core.features import FeatureKind
from mitoshi.core.quantity import DECIBEL_UNITS, ELEVATION, QUANTITIES
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.core.quantity import Quantity
    from mitoshi.sensors.header import Header, Sample
    from mitoshi.sensors.observation import Description

__all__ = ["Meaning", "meaning_of", "polarisation_in", "time_in"]

DECIBEL_RANGE = (-60.0, 30.0)  # from below any noise floor to a strong corner reflector
ELEVATION_RANGE = (-12_000.0, 9_000.0)  # m, from the deepest trench to the highest summit
DEFAULT_POLARISATIONS = ("VV", "VH", "HH", "HV")
CODED = frozenset({"land_cover", "quality"})

DECIBEL = Text(
    "values from {low:.1f} to {high:.1f} can only be decibels: taken as {quantity} in dB, calibrated backscatter of "
    "unstated kind (describe it with '#quantity=…,units=…')",
    "値が {low:.1f} から {high:.1f} で負を含むため dB とみなし、種別不明の校正済み後方散乱 {quantity} とします"
    "（'#quantity=…,units=…' で指定できます）",
)
LINEAR = Text(
    "values from {low:.3g} to {high:.3g} are taken as {quantity} in linear power (describe it with '#quantity=…,units=…')",
    "値が {low:.3g} から {high:.3g} のため線形電力の {quantity} とします（'#quantity=…,units=…' で指定できます）",
)
RELATIVE = Text(
    "an 8-bit image is taken as relative, uncalibrated backscatter; 0 means no data",
    "8 ビット画像のため、相対後方散乱（未校正）とします。0 はデータなしです",
)
AMPLITUDE = Text(
    "Sentinel-1 detected amplitude without its calibration annotation is taken as relative, uncalibrated backscatter",
    "校正注釈のない Sentinel-1 振幅画像のため、相対後方散乱（未校正）とします",
)
POLARISATIONS = Text(
    "polarisations are not stated: bands are taken in the order {bands}",
    "偏波が記載されていないため、バンドは順に {bands} とします",
)
NAMED_POLARISATION = Text("polarisation {bands} is taken from the file's name", "偏波 {bands} はファイル名によります")
ASKED = Text(
    "the file does not say what it holds: taken as {quantity} in {units} because that is asked for",
    "内容の記載がないため、要求された {quantity}（単位 {units}）とみなします",
)
UNSTATED = Text(
    "the file does not say what it holds: kept as values of unstated meaning (describe it with '#quantity=…,units=…')",
    "内容の記載がないため、意味の不明な値とします（'#quantity=…,units=…' で指定できます）",
)
COUNTS = Text(
    "{quantity} is taken as a count per cell because the file does not say (people per km2: '#units=km-2')",
    "{quantity} の単位の記載がないため、セルごとの数とみなします（人/km2 の場合は '#units=km-2'）",
)
NAMED_TIME = Text("time {time} is taken from the file's name", "時刻 {time} はファイル名によります")
KIND = Text(
    "decibels of an unstated kind of calibrated backscatter are taken as {quantity} (describe it with '#quantity=…')",
    "種別不明の校正済み後方散乱（dB）を {quantity} とします（'#quantity=…' で指定できます）",
)
UNITS = Text(
    "units of {quantity} are not stated: taken as {units}", "{quantity} の単位の記載がないため {units} とします"
)


@dataclass(frozen=True)
class Meaning:
    """Quantity, units and band labels of a raster, and what had to be supposed."""

    quantity: str
    units: str
    labels: tuple[str, ...]
    assumptions: tuple[Text, ...] = ()

    @property
    def axis(self) -> str | None:
        """Name of the leading dimension, or None for a plain (y, x) layer."""
        if QUANTITIES[self.quantity].power:
            return "polarisation"
        return "band" if len(self.labels) > 1 or self.quantity.endswith("reflectance") else None

    @property
    def coded(self) -> bool:
        """Whether the numbers are codes that must stay integers."""
        return self.quantity in CODED


def meaning_of(
    name: str, header: Header, said: Description, expecting: Quantity | FeatureKind | None, sample: Callable[[], Sample]
) -> Meaning:
    """Return what a raster means: what the user says first, then the file's own tags, then what its values allow.

    Parameters
    ----------
    name
        The file's name without folder.
    header
        What the file says.
    said
        What the user says.
    expecting
        What the caller wants, or None.
    sample
        Reads a few windows; called only where the values must decide.
    """
    tags = header.tags
    if isinstance(expecting, FeatureKind):
        expecting = None  # a raster is no features; what it is says why it does not fit
    quantity = said.quantity or _known(tags.get("MITOSHI_QUANTITY"))
    units = said.units or (tags.get("MITOSHI_UNITS") if said.quantity is None else None)
    assumptions: tuple[Text, ...] = ()
    if quantity is None:
        quantity, units, assumptions = _guess(header, units, expecting, sample)
    elif units is None:
        units = QUANTITIES[quantity].units
        assumptions = () if units == "1" else (UNITS.format(quantity=quantity, units=units),)
    labels, more = _labels(name, header, said, quantity)
    return Meaning(quantity, units, labels, (*assumptions, *more))


def _known(name: str | None) -> str | None:
    return name if name in QUANTITIES else None


def _guess(
    header: Header, units: str | None, expecting: Quantity | None, sample: Callable[[], Sample]
) -> tuple[str, str, tuple[Text, ...]]:
    wants_power = expecting is not None and expecting.power
    asked = "sigma0" if expecting is None or expecting.members or not expecting.power else expecting.name
    if units in DECIBEL_UNITS:
        return asked, "dB", (KIND.format(quantity=asked),)
    if expecting is not None and not wants_power:
        return _as_asked(header, units, expecting, sample)
    if header.dtype == "uint8" and (header.count <= 2 or (wants_power and header.count <= 4)):
        return "relative_backscatter", "1", (RELATIVE,)
    if header.control_points and header.dtype == "uint16" and "sentinel-1" in str(dict(header.tags)).lower():
        return "relative_backscatter", "1", (AMPLITUDE,)
    if header.dtype.startswith("float") and header.count <= len(DEFAULT_POLARISATIONS) and units is None:
        seen = sample()
        decibels = seen.negative_share > 0 and seen.lowest >= DECIBEL_RANGE[0] and seen.highest <= DECIBEL_RANGE[1]
        if decibels and header.count <= 2:
            return asked, "dB", (DECIBEL.format(low=seen.lowest, high=seen.highest, quantity=asked),)
        if wants_power and seen.lowest >= 0:
            return asked, "1", (LINEAR.format(low=seen.lowest, high=seen.highest, quantity=asked),)
    return "value", units or "1", (UNSTATED,)


def _as_asked(
    header: Header, units: str | None, expecting: Quantity, sample: Callable[[], Sample]
) -> tuple[str, str, tuple[Text, ...]]:
    single = header.count == 1 or expecting.name.endswith("reflectance")
    if not single or expecting.members:
        return "value", units or "1", (UNSTATED,)
    found = units or expecting.units
    if units is None and expecting.units == "1" and expecting.name in {"water_occurrence", "probability"}:
        found = "percent" if sample().highest > 1.0 else "1"
    if expecting is ELEVATION:
        seen = sample()
        if not (seen.lowest >= ELEVATION_RANGE[0] and seen.highest <= ELEVATION_RANGE[1]):
            return "value", units or "1", (UNSTATED,)
    counts = (COUNTS.format(quantity=expecting.name),) if expecting.extensive and units is None else ()
    return expecting.name, found, (ASKED.format(quantity=expecting.name, units=found), *counts)


def _labels(name: str, header: Header, said: Description, quantity: str) -> tuple[tuple[str, ...], tuple[Text, ...]]:
    tagged = re.split(r"[+,]", header.tags.get("MITOSHI_BANDS", "")) if header.tags.get("MITOSHI_BANDS") else []
    described = [n or "" for n in header.band_names]
    for labels in (list(said.bands), tagged):
        if labels:
            return tuple(part.strip() for part in labels), ()
    if not QUANTITIES[quantity].power:
        return tuple(n or f"band{i}" for i, n in enumerate(described, 1)), ()
    named = [polarisation_in(n) for n in described]
    if all(named):
        return tuple(str(n) for n in named), ()
    only = polarisation_in(name) if header.count == 1 else None
    if only:
        return (only,), (NAMED_POLARISATION.format(bands=only),)
    count = min(header.count, 1 if quantity == "relative_backscatter" and header.count > 2 else header.count)
    labels = list(DEFAULT_POLARISATIONS[:count]) + [
        f"band{i}" for i in range(len(DEFAULT_POLARISATIONS) + 1, count + 1)
    ]
    return tuple(labels), (POLARISATIONS.format(bands=", ".join(labels)),)


def polarisation_in(name: str) -> str | None:
    """Return the one polarisation that a name states.

    >>> polarisation_in("S1A__IW___A_20150309T173017_VV_grd.tif")
    'VV'
    """
    found = {match.upper() for match in re.findall(r"(?<![A-Za-z])(VV|VH|HH|HV)(?![A-Za-z])", name, re.IGNORECASE)}
    return found.pop() if len(found) == 1 else None


def time_in(name: str) -> tuple[datetime, datetime] | None:
    """Return the instant, or the day, that a file's name states; None where it states none or several.

    >>> time_in("20211119T015903Z_VV.tif")[0].isoformat()
    '2021-11-19T01:59:03+00:00'
    """
    instants = set(re.findall(r"(?<!\d)((?:19|20)\d{6}[T_]?\d{6})Z?(?!\d)", name))
    if len(instants) == 1:
        time = _parsed(re.sub(r"[T_]", "", instants.pop()), "%Y%m%d%H%M%S")
        return None if time is None else (time, time)
    days = set(re.findall(r"(?<!\d)((?:19|20)\d{2}-?\d{2}-?\d{2})(?!\d)", name))
    day = _parsed(days.pop().replace("-", ""), "%Y%m%d") if len(days) == 1 and not instants else None
    return None if day is None else (day, day + timedelta(days=1) - timedelta(seconds=1))


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
