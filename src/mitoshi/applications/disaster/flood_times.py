"""Whether the times of images and flags are those that are stated, and what is assumed where the files say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError
from mitoshi.core.requirement import instant
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mitoshi.core.quantity import Raster

__all__ = ["assumed", "check_same_image", "check_times"]

TOLERANCE_HOURS = 3.0
"""Hours by which stated times may differ from the files' own: with a half-life of four days they change evidence by 2 %."""

SAME_IMAGE_HOURS = 1.0
"""Products of one pass state the start of its strip, the tile's own time or the middle of the scene: minutes apart."""

UNTOLD = Text(
    "at least one of the two images states no time: they are taken to lie {apart} h apart (--radar-hours, --optical-hours)",
    "少なくとも一方の画像に時刻の記載がないため、両者の時間差を {apart} 時間とみなします（--radar-hours、--optical-hours）",
)


def check_times(radar: Raster, optical: Raster, radar_hours: float, optical_hours: float) -> None:
    """Refuse hours that the images' own times contradict.

    Parameters
    ----------
    radar, optical
        Rasters, with ``attrs["observed"]`` (an ISO 8601 instant, or two with / between) where their files state a time.
    radar_hours, optical_hours
        Of the images, after the time that the map is for.

    Raises
    ------
    InputError
        If the files say that the images lie otherwise apart than stated.
    """
    times = [_span(raster) for raster in (radar, optical)]
    if times[0] is None or times[1] is None:
        return
    stated = optical_hours - radar_hours
    least, most = (_hours(times[1][0], times[0][1]), _hours(times[1][1], times[0][0]))
    if least - TOLERANCE_HOURS <= stated <= most + TOLERANCE_HOURS:
        return
    apart = (least + most) / 2.0
    raise InputError(
        f"the radar map is of {times[0][0]:%Y-%m-%dT%H:%MZ}, the optical one of {times[1][0]:%Y-%m-%dT%H:%MZ}, but radar_hours "
        f"and optical_hours say that the optical image was taken {stated:+.1f} h after the radar image; say the hours from the "
        f"time that the map is for to each image, such as --radar-hours 0 --optical-hours {apart:.0f}"
    )


def check_same_image(image: Raster, flags: Raster, argument: str) -> None:
    """Refuse flags of another image than the one that they are given with.

    Parameters
    ----------
    image, flags
        Rasters, with ``attrs["observed"]`` where their files state a time.
    argument
        The caller's name for the flags.

    Raises
    ------
    InputError
        If their times lie more than an hour apart: clouds move.
    """
    one, other = _span(image), _span(flags)
    if one is None or other is None:
        return
    if max(_hours(one[0], other[1]), _hours(other[0], one[1])) > SAME_IMAGE_HOURS:
        raise InputError(
            f"{argument} is of {other[0]:%Y-%m-%dT%H:%MZ}, its image of {one[0]:%Y-%m-%dT%H:%MZ}: flags of another image; give "
            "those of the same product, or leave them out"
        )


def _hours(one: datetime, other: datetime) -> float:
    return (one - other).total_seconds() / 3600.0


def _span(raster: Any) -> tuple[datetime, datetime] | None:
    first, _, last = str(raster.attrs.get("observed", "")).partition("/")
    return (instant(first), instant(last or first)) if first else None


def assumed(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[Text, ...]:
    """Return what is assumed of the times of the two images where a file states none.

    Parameters
    ----------
    data
        Arguments by name.
    parameters
        Of the run.

    Raises
    ------
    InputError
        See `check_times`; before anything is computed.
    """
    pair = data["radar_probability"], data["optical_probability"]
    check_times(*pair, parameters["radar_hours"], parameters["optical_hours"])
    if None not in [_span(raster) for raster in pair]:
        return ()
    return (UNTOLD.format(apart=f"{abs(parameters['optical_hours'] - parameters['radar_hours']):g}"),)
