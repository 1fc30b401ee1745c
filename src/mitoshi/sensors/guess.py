"""What an undescribed raster is taken for, and the sentence that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError, QuantityError
from mitoshi.core.features import FeatureKind
from mitoshi.core.quantity import DECIBEL_UNITS, QUANTITIES, area_of_density
from mitoshi.core.text import Text
from mitoshi.sensors.units import canonical, metres_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.core.quantity import Quantity
    from mitoshi.sensors.header import Header, Sample
    from mitoshi.sensors.observation import Description

__all__ = ["Meaning", "meaning_of", "polarisation_in", "time_in"]

DECIBEL_RANGE = (-60.0, 30.0)  # from below any noise floor to a strong corner reflector
# The weakest decibel of a scene lies below this; the strongest negative that noise subtraction leaves lies above.
WEAKEST_DECIBEL = -1.0
NOISE_SHARE, NOISE_DEPTH = 0.5, 0.05  # negatives are fewer than this, or shallower than this share of the highest value
DEFAULT_POLARISATIONS = ("VV", "VH", "HH", "HV")
MOST_CODES, NOT_SEEN = 12.0, 255.0  # the highest code of a map of a few classes, and its usual "no data"
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
    "an 8-bit image is taken as relative, uncalibrated backscatter; 0 over 9 pixels each way is no data, other zeros are "
    "the darkest grey",
    "8 ビット画像のため、相対後方散乱（未校正）とします。縦横 9 画素以上にわたる 0 はデータなし、他の 0 は最も暗い値とします",
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
OVERRIDDEN = Text(
    "the file says its unit is {stated!r}; {units!r} is taken instead, as described",
    "ファイルの単位は {stated!r} ですが、指定された {units!r} とします",
)
UNREAD_UNIT = Text(
    "the unit {stated!r} that the file states is not understood; {quantity} has no unit",
    "ファイルの単位 {stated!r} は解釈できません。{quantity} は無次元とします",
)
VERTICAL = Text(
    "heights are taken to be in {units}, the unit of the vertical axis of the file's CRS",
    "高さの単位は CRS の鉛直軸の単位 {units} とします",
)
NOISE_SUBTRACTED = Text(
    "values from {low:.3g} to {high:.3g} are taken as {quantity} in linear power, of which noise was subtracted; "
    "{share:.1%} of them are negative (describe it with '#quantity=…,units=…')",
    "値が {low:.3g} から {high:.3g} のため、雑音除去済みの線形電力の {quantity} とします。"
    "負の値の割合は {share:.1%} です（'#quantity=…,units=…' で指定できます）",
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
    stated = tags.get("MITOSHI_UNITS") if said.quantity is None else None
    units = said.units or stated or canonical(header.bands[0].unit)
    assumptions: tuple[Text, ...] = ()
    if quantity is None:
        quantity, units, assumptions = _guess(name, header, units, expecting, sample)
    _refuse_palette(name, header, quantity)
    units, more = _units(name, header, said, quantity, units)
    labels, named = _labels(name, header, said, quantity)
    return Meaning(quantity, units, labels, (*assumptions, *more, *named))


def _units(
    name: str, header: Header, said: Description, quantity: str, units: str | None
) -> tuple[str, tuple[Text, ...]]:
    """Return the unit of the values, which the file's band unit decides unless the user says another."""
    stated, declared = header.bands[0].unit, QUANTITIES[quantity].units
    if QUANTITIES[quantity].extensive and said.units is None:
        unit = _unit_of_count(name, stated)
        if unit is not None:
            return unit, ()
    read = canonical(stated)
    if stated is not None and said.units is not None and read != (canonical(said.units) or said.units):
        return said.units, (OVERRIDDEN.format(stated=stated, units=said.units),)
    if stated is not None and read is None and said.units is None and "MITOSHI_UNITS" not in header.tags:
        if quantity == "value":
            return stated, ()
        if declared != "1" or QUANTITIES[quantity].extensive:
            raise InputError(
                f"{name}: the file says its unit is {stated[:40]!r}, which is not understood; state it with '#units=…', "
                f"such as '#units={declared}'"
            )
        return declared, (UNREAD_UNIT.format(stated=stated[:40], quantity=quantity),)
    vertical = canonical(header.vertical_unit)
    contradicts = vertical is not None and read is not None and metres_of(read) is not None and read != vertical
    if said.units is None and declared == "m" and contradicts:
        raise InputError(
            f"{name}: the unit of its band is {read}, that of its vertical axis {vertical}; state the right one with '#units=…'"
        )
    if stated is None and said.units is None and declared == "m" and vertical not in {None, "m"}:
        return str(vertical), (VERTICAL.format(units=vertical),)
    if units is None:
        return declared, () if declared == "1" else (UNITS.format(quantity=quantity, units=declared),)
    return canonical(units) or units, ()


def _unit_of_count(name: str, stated: str | None) -> str | None:
    """Return a unit of counts per area, or per cell, as the file states it; None where it states none."""
    if stated is None or canonical(stated) is not None:
        return None
    try:
        per_area = area_of_density(stated)
    except QuantityError:
        raise InputError(
            f"{name}: the file says its unit is {stated[:40]!r}, which is not understood; state it with '#units=people' (per "
            "cell) or '#units=people/km2'"
        ) from None
    return "1" if per_area is None else stated


def _refuse_palette(name: str, header: Header, quantity: str) -> None:
    """Refuse colours of a palette as radar: they are names of classes, not measurements."""
    if QUANTITIES[quantity].power and any(band.colour == "palette" for band in header.bands):
        raise InputError(
            f"{name} is a picture of classes (its values point to a palette of colours), not radar backscatter; give the "
            "radar image"
        )


def _known(name: str | None) -> str | None:
    return name if name in QUANTITIES else None


def _guess(
    name: str, header: Header, units: str | None, expecting: Quantity | None, sample: Callable[[], Sample]
) -> tuple[str, str, tuple[Text, ...]]:
    wants_power = expecting is not None and expecting.power
    asked = "sigma0" if expecting is None or expecting.members or not expecting.power else expecting.name
    if units in DECIBEL_UNITS:
        return asked, "dB", (KIND.format(quantity=asked),)
    if expecting is not None and not wants_power:
        return _as_asked(name, header, units, expecting, sample)
    coloured = {"red", "green", "blue"} & {band.colour for band in header.bands}
    if wants_power:
        _refuse_picture(name, header, sample)
    if header.dtype == "uint8" and (header.count <= 2 or (wants_power and header.count <= 4)):
        if not wants_power and any(band.colour == "palette" for band in header.bands):
            return "value", units or "1", (UNSTATED,)
        return "relative_backscatter", "1", (RELATIVE,)
    if header.control_points and header.dtype == "uint16" and "sentinel-1" in str(dict(header.tags)).lower():
        return "relative_backscatter", "1", (AMPLITUDE,)
    floating = header.dtype.startswith("float") or header.scale != 1.0
    if floating and header.count <= len(DEFAULT_POLARISATIONS) and units in {None, "1"} and not coloured:
        return _power(header, asked, units, sample(), wants_power) or ("value", units or "1", (UNSTATED,))
    return "value", units or "1", (UNSTATED,)


def _power(
    header: Header,
    asked: str,
    units: str | None,
    seen: Sample,
    wants_power: bool,  # noqa: FBT001
) -> tuple[str, str, tuple[Text, ...]] | None:
    """Return backscatter in decibels or in linear power, whichever the values allow; None where neither."""
    noisy = seen.negative_share < NOISE_SHARE and (
        seen.lowest > WEAKEST_DECIBEL or -seen.lowest <= NOISE_DEPTH * seen.highest
    )
    shown = {"low": seen.lowest, "high": seen.highest, "quantity": asked}
    if seen.negative_share > 0 and not noisy and units is None:
        decibels = seen.lowest >= DECIBEL_RANGE[0] and seen.highest <= DECIBEL_RANGE[1] and header.count <= 2
        return (asked, "dB", (DECIBEL.format(**shown),)) if decibels else None
    if not wants_power or not noisy:
        return None
    if seen.lowest < 0:
        return asked, "1", (NOISE_SUBTRACTED.format(**shown, share=seen.negative_share),)
    return asked, "1", (LINEAR.format(**shown),)


def _refuse_picture(name: str, header: Header, sample: Callable[[], Sample]) -> None:
    """Refuse a colour picture and a map of a few classes where radar backscatter is wanted."""
    _refuse_palette(name, header, "sigma0")
    if any(band.colour in {"red", "green", "blue"} for band in header.bands) and not sample().grey:
        raise InputError(
            f"{name} is a picture in colour (red, green, blue), not radar backscatter; give the radar image, or name its "
            "bands with '#quantity=…,bands=…' if they are polarisations; water in optical images with infrared is mapped by "
            "disaster.flood-extent-optical"
        )
    if header.dtype != "uint8" and not header.dtype.startswith("float"):
        return
    classes = sample().classes
    if classes:
        raise InputError(
            f"{name} holds only the values {', '.join(f'{v:g}' for v in classes)}, like a map of classes and unlike radar "
            "backscatter; give the radar image, or describe it with '#quantity=…' if it is one"
        )


def _as_asked(
    name: str, header: Header, units: str | None, expecting: Quantity, sample: Callable[[], Sample]
) -> tuple[str, str, tuple[Text, ...]]:
    single = header.count == 1 or expecting.name.endswith("reflectance")
    if not single or expecting.members:
        return "value", units or "1", (UNSTATED,)
    found = units or expecting.units
    if (
        units is None
        and expecting.units == "1"
        and expecting.name in {"water_occurrence", "probability", "built_up_share"}
    ):
        _refuse_codes(name, sample(), expecting.name)
        found = "percent" if sample().highest > 1.0 else "1"
    counts = (COUNTS.format(quantity=expecting.name),) if expecting.extensive and units is None else ()
    return expecting.name, found, (ASKED.format(quantity=expecting.name, units=found), *counts)


def _refuse_codes(name: str, seen: Sample, wanted: str) -> None:
    """Refuse the codes of classes where a share is wanted: 1 and 2 are no per cent."""
    highest = max((v for v in seen.classes if v != NOT_SEEN), default=seen.highest)
    if seen.whole and 1.0 < highest <= MOST_CODES:
        raise InputError(
            f"{name} holds only whole numbers up to {highest:g}, like the codes of classes and unlike a {wanted}; give the "
            f"{wanted} itself (0 to 1), or say '#units=percent' if it is in per cent"
        )


def _labels(name: str, header: Header, said: Description, quantity: str) -> tuple[tuple[str, ...], tuple[Text, ...]]:
    tagged = re.split(r"[+,]", header.tags.get("MITOSHI_BANDS", "")) if header.tags.get("MITOSHI_BANDS") else []
    described = [n or "" for n in header.band_names]
    if said.bands:
        _refuse_other_names(name, list(said.bands), tagged or described)
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


def _refuse_other_names(name: str, said: list[str], stated: list[str]) -> None:
    """Refuse a description that calls a band by another polarisation than the file does."""
    for number, (one, other) in enumerate(zip(said, stated, strict=False), 1):
        wanted, own = polarisation_in(one), polarisation_in(other)
        if wanted and own and wanted != own:
            raise InputError(
                f"{name}: the file says that band {number} is {own}, '#bands={'+'.join(said)}' says {wanted}; leave '#bands' "
                "out, or name a band '-' to skip it"
            )


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
        text = instants.pop()
        time, ahead = _parsed(re.sub(r"[T_]", "", text), "%Y%m%d%H%M%S"), _ahead(name.partition(text)[2])
        return None if time is None or ahead is None else (time - ahead, time - ahead)
    days = set(re.findall(r"(?<!\d)((?:19|20)\d{2}-?\d{2}-?\d{2})(?!\d)", name))
    day = _parsed(days.pop().replace("-", ""), "%Y%m%d") if len(days) == 1 and not instants else None
    return None if day is None else (day, day + timedelta(days=1) - timedelta(seconds=1))


def _ahead(rest: str) -> timedelta | None:
    """Return by how much the clock of a name is ahead of UTC; None where its time zone is not understood."""
    offset = re.match(r"\+(\d{2}):?(\d{2})?(?!\d)", rest)
    if offset:
        return timedelta(hours=int(offset[1]), minutes=int(offset[2] or 0))
    word = re.match(r"[ _-]?(JST|KST|[ECMP][SD]T|IST|CEST|CET|BST|AEST)(?![A-Za-z])", rest)
    if word is None:
        return timedelta(0)
    return timedelta(hours=9) if word[1] in {"JST", "KST"} else None


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
