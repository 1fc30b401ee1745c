"""Radar images and angles that are not what they were given as: other units, digital numbers, two dates in one file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.text import Text
from mitoshi.methods.sar.polarisation_weights import CROSS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["check_angle", "check_levels", "check_polarisations", "doubtful_ratio"]

ANGLES_DEG = (10.0, 70.0)
"""Mean incidence angles of scenes: imaging radars in orbit look at 18 to 60 degrees (Sentinel-1 at 29 to 46, ALOS-2 at 8 to 70
in all of its modes). Single pixels of a local angle lie anywhere."""

SMALLEST_DEG = 2.0
"""Mean below which the numbers are radians (0.3 to 1.1) or cosines."""

BRIGHTEST_DB = 7.0
"""Median level of a scene that no ground has: towns have -2 dB in VV. Digital numbers taken for power have 30 dB and more."""

LAND_DB = -15.0
"""Level from which a look is land, where depolarisation is that of volume and soil."""

LEAST_RATIO_DB = 1.0
"""Median of co- less cross-polarisation over land: 5 to 8 dB in the Sen1Floods11 chips, 3 and more in forest; never none."""

LEAST_LOOKS = 100

DOUBTFUL = Text(
    "{name} is taken as {bands}, though over land co- less cross-polarisation is {ratio} dB, where it is 5 to 10: if the bands "
    "are two dates, give them apart ('#bands={co}+-' and '#bands=-+{co}'); if in another order, name them with '#bands=…'",
    "{name} を {bands} とみなしますが、陸地での同偏波と交差偏波の差は {ratio} dB です（通常 5～10 dB）。2 時期の画像であれば "
    "'#bands={co}+-' と '#bands=-+{co}' で分けて指定し、順序が異なる場合は '#bands=…' で指定してください",
)


def check_angle(mean_deg: float | None, *, given: bool) -> None:
    """Refuse incidence angles that are none in degrees.

    Parameters
    ----------
    mean_deg
        Mean of the known angles [degree], or None where none is known.
    given
        Whether angles were given.

    Raises
    ------
    InputError
        If they are unknown everywhere, or their mean is no incidence angle of a radar.
    """
    if mean_deg is None:
        if given:
            raise InputError(
                "incidence_angle holds no angle between 0 and 90 degrees; give another file, or leave it out"
            )
        return
    if mean_deg < SMALLEST_DEG:
        raise InputError(
            f"the incidence angle is {mean_deg:.2f} in the mean: radians or a cosine? give degrees, or describe the file with "
            "'#units=radian'"
        )
    if not ANGLES_DEG[0] <= mean_deg <= ANGLES_DEG[1]:
        raise InputError(
            f"the incidence angle is {mean_deg:.1f} degrees in the mean, radars look at {ANGLES_DEG[0]:g} to "
            f"{ANGLES_DEG[1]:g}; give the angle from the vertical in degrees, or leave it out"
        )


def check_polarisations(names: Sequence[str], argument: str) -> None:
    """Refuse an image with two bands of one polarisation: dates, which are no polarisations.

    Raises
    ------
    InputError
        If a polarisation comes twice.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"{argument} has more than one band in {twice[0]}: a stack of dates? give one date an argument, such as "
            f"'FILE#bands={twice[0]}+-' and 'FILE#bands=-+{twice[0]}' ('-' skips a band)"
        )


def check_levels(looks: NDArray[np.float32], argument: str) -> None:
    """Refuse levels that no calibrated backscatter has.

    Parameters
    ----------
    looks
        Calibrated backscatter [dB], shape (polarisation, y, x), NaN where not observed.
    argument
        The caller's name for the image.

    Raises
    ------
    InputError
        If it is brighter than any ground.
    """
    for number, band in enumerate(looks, 1):
        seen = band[np.isfinite(band)]
        if seen.size and float(np.median(seen)) > BRIGHTEST_DB:
            raise InputError(
                f"{argument} has a median of {float(np.median(seen)):+.1f} dB in band {number}, which no ground has: digital "
                "numbers or amplitude? calibrate it to sigma or gamma nought, or describe it with "
                "'#quantity=relative_backscatter'"
            )


def doubtful_ratio(looks: NDArray[np.float32], names: Sequence[str], argument: str) -> tuple[Text, ...]:
    """Return a sentence on a cross-polarisation that is as bright over land as the co-polarisation; nothing where it is not.

    Parameters
    ----------
    looks
        Calibrated backscatter [dB], shape (polarisation, looks), NaN where not observed.
    names
        Polarisations.
    argument
        The caller's name for the image.
    """
    bands = list(zip(names, looks, strict=True))
    co, cross = (next((band for name, band in bands if (name in CROSS) == crossed), None) for crossed in (False, True))
    if co is None or cross is None:
        return ()
    with np.errstate(invalid="ignore"):
        land = np.isfinite(co) & np.isfinite(cross) & (np.maximum(co, cross) > LAND_DB)
    if land.sum() < LEAST_LOOKS:
        return ()
    ratio = float(np.median((co - cross)[land]))
    if ratio >= LEAST_RATIO_DB:
        return ()
    shown = {"name": argument, "bands": "+".join(names), "ratio": f"{ratio:.1f}", "co": names[0]}
    return (Text(DOUBTFUL.en.format(**shown), DOUBTFUL.ja.format(**shown)),)
