"""A look at the pixels when a file is opened, so that what cannot be is refused before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.sensors.header import read_sample
from mitoshi.sensors.plausible import FloodCodes, Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mitoshi.sensors.header import Header, Sample
    from mitoshi.sensors.lazy import Checked, WindowReader
    from mitoshi.sensors.observation import Description

__all__ = ["NO_FLOOD", "looked_at"]

WHOLE_PIXELS = 16_000_000  # a flood map up to this size is read whole
STRIP = 1024
MOST_CODES = 10  # different whole numbers that a map of classes has at most
NO_FLOOD = Text(
    "no pixel{part} of the flood map has code 1 (flooded); its codes are {codes}",
    "浸水域に値 1（浸水）の画素が{part}ありません。値は {codes} です",
)


def looked_at(readers: Sequence[Checked], header: Header, said: Description) -> tuple[Text, ...]:
    """Read a sample of the values through their checks; return what is worth saying of them.

    Raises
    ------
    InputError
        If a value is beyond what the quantity can be, or a flood map may say water by 255.
    """
    first = readers[0]
    if isinstance(first.check, FloodCodes):
        return _flood_codes(first, first.check.name, header, said)
    if first.check is not None:
        for reader in readers:
            sample = read_sample(reader)
            if isinstance(first.check, Range) and first.check.quantity == "water_depth":
                _check_no_codes(sample, first.check.name, header, said)
    return ()


def _check_no_codes(sample: Sample, name: str, header: Header, said: Description) -> None:
    """Refuse a depth that looks like a map of classes: few whole numbers in a type of integers, without a unit.

    Raises
    ------
    InputError
        If so.
    """
    band = header.bands[0]
    scaled = (said.scale or band.scale) != 1.0
    if (
        not band.dtype.startswith(("uint", "int"))
        or scaled
        or said.units
        or band.unit
        or said.quantity
        or "MITOSHI_QUANTITY" in header.tags
    ):
        return
    if 1 < len(sample.classes) <= MOST_CODES:
        codes = ", ".join(f"{v:g}" for v in sample.classes)
        raise InputError(
            f"{name} holds only the whole numbers {codes} and states no unit, as a map of classes does; give depths in metres, "
            "or say '#units=m' if these are metres"
        )


def _flood_codes(reader: WindowReader, name: str, header: Header, said: Description) -> tuple[Text, ...]:
    whole = reader.shape[0] * reader.shape[1] <= WHOLE_PIXELS
    seen: set[int] = set()
    if whole:
        for codes in _strips(reader):
            seen |= set(np.unique(codes[np.isfinite(codes)]).astype(int).tolist())
            if 1 in seen:
                return ()
    else:
        sample = read_sample(reader)
        seen = {int(v) for v in (*sample.classes, sample.lowest, sample.highest) if np.isfinite(v)}
    if 1 in seen:
        return ()
    if 255 in seen and 255.0 not in (*header.bands[0].nodatas, said.nodata):
        raise InputError(
            f"{name} holds no 1 (flooded) but 255, which means 'not observed'; if 255 means water, say "
            "'#scale=0.00392156862745098', if it means no data, say '#nodata=255'"
        )
    shown = ", ".join(str(code) for code in sorted(seen)) or "none"
    en, ja = ("", "") if whole else (" in the parts that were looked at", "（確認した範囲に）")
    return (Text(NO_FLOOD.en.format(part=en, codes=shown), NO_FLOOD.ja.format(part=ja, codes=shown)),)


def _strips(reader: WindowReader) -> Iterator[np.ndarray[Any, Any]]:
    rows, columns = reader.shape
    for top in range(0, rows, STRIP):
        yield reader.read(slice(top, min(rows, top + STRIP)), slice(0, columns))
