"""The bands of a file that are read: which ones, what they mean, and how their stored numbers become physical ones."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mitoshi.core.errors import InputError
from mitoshi.core.quantity import Quantity
from mitoshi.core.text import Text
from mitoshi.sensors import guess
from mitoshi.sensors.lazy import Decode
from mitoshi.sensors.observation import POLARISATIONS
from mitoshi.sensors.units import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mitoshi.sensors.guess import Meaning
    from mitoshi.sensors.header import Header, Sample
    from mitoshi.sensors.observation import Description, Source

__all__ = ["bands_to_read", "checked_meaning", "decodes_of", "turned_over"]

GREY = frozenset({"relative_backscatter", "digital_number"})
"""Quantities whose numbers are shades of grey and no measurement."""


def checked_meaning(source: Source, stem: str, header: Header, sample: Callable[[], Sample]) -> Meaning:
    """Return what a file's bands mean, after the checks that concern several of them.

    Parameters
    ----------
    source
        What the user named and says.
    stem
        Name from which polarisation and time may be taken.
    header
        What the file says.
    sample
        Reads a few windows; called only where the values must decide.

    Raises
    ------
    InputError
        If more bands are named than there are, or bands of different units would be mixed.
    """
    name, said = source.path.name, source.description
    meaning = guess.meaning_of(stem, header, said, source.expecting, cache(sample))
    if len(meaning.labels) > header.count:
        more = " and an alpha band, which is a mask" if header.mask is not None and header.mask.alpha else ""
        raise InputError(
            f"{name} has {header.count} bands{more} but '{'+'.join(meaning.labels)}' names {len(meaning.labels)}"
        )
    power = isinstance(source.expecting, Quantity) and source.expecting.power
    if power and meaning.quantity == "value" and sample().lowest != sample().lowest:
        raise InputError(f"{name} holds no observed pixels; give another image or check its nodata value")
    units = {canonical(header.bands[n - 1].unit) or header.bands[n - 1].unit for n, _ in bands_to_read(meaning)}
    if len(units) > 1 and said.units is None:
        shown = ", ".join(sorted(str(unit or "none") for unit in units))
        raise InputError(f"{name}: its bands have different units ({shown}); choose with '#bands=…', '-' skips a band")
    return meaning


def bands_to_read(meaning: Meaning) -> list[tuple[int, str]]:
    """Return (number from 1, label) of the bands that are read, co-polarisation first."""
    pairs = [(number, label) for number, label in enumerate(meaning.labels, 1) if label != "-"]
    if meaning.axis == "polarisation":
        order = {label: place for place, label in enumerate(("VV", "HH", "VH", "HV"))}
        pairs.sort(key=lambda pair: order.get(pair[1].upper(), 9))
        pairs = [(number, label.upper() if label.upper() in POLARISATIONS else label) for number, label in pairs]
    return pairs if meaning.axis is not None else pairs[:1]


def decodes_of(header: Header, said: Description, bands: Iterable[int]) -> list[Decode]:
    """Return how the stored numbers of each band (from 0) become physical ones.

    Parameters
    ----------
    header, said
        What the file says, and what the user says in its place.
    bands
        From 0.
    """
    decodes = []
    for n in bands:
        band = header.bands[n]
        marks = [mark for mark in (*band.nodatas, said.nodata) if mark is not None]
        decodes.append(
            Decode(
                scale=band.scale if said.scale is None else said.scale,
                offset=band.offset if said.offset is None else said.offset,
                nodata=tuple(marks),
            )
        )
    return decodes


WHITE_IS_LEAST = Text(
    "the file says that white is its least value (MinIsWhite): grey values are turned over, 255 - value",
    "ファイルに白が最小値（MinIsWhite）とあるため、画素値を反転（255 − 値）します",
)


def turned_over(
    name: str, header: Header, said: Description, quantity: str, decodes: Sequence[Decode]
) -> tuple[list[Decode], tuple[Text, ...]]:
    """Return the decodes of an image whose white is its least value, so that dark means little, and the sentence that says so.

    Grey values mean what they look like; the values of measured quantities and codes mean themselves, whatever the colours.

    Raises
    ------
    InputError
        If the grey values are not 8-bit, so that white has no known value.
    """
    said_otherwise = said.scale is not None or said.offset is not None
    if not header.white_is_least or quantity not in GREY or said_otherwise:
        return list(decodes), ()
    if header.dtype != "uint8":
        raise InputError(
            f"{name}: white is its least value (MinIsWhite) and its values are {header.dtype}; turn it over first "
            "(gdal_translate -scale … -co PHOTOMETRIC=MINISBLACK), or state '#scale=-1,offset=…'"
        )
    return [Decode(-d.scale, 255.0 * d.scale + d.offset, d.nodata) for d in decodes], (WHITE_IS_LEAST,)
