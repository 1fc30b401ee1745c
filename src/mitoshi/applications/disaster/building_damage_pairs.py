"""Whether two optical images can be compared: something seen on both dates, and as sharp on one as on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.applications.disaster.building_damage_objects import bands
from mitoshi.core.errors import InputError
from mitoshi.methods.optical.change import brightness, structure

if TYPE_CHECKING:
    from mitoshi.applications.disaster.building_damage_objects import Images

__all__ = ["OpticalSums", "check_optical", "optical_sums"]

LAGS = (1, 4)
FEWEST_PAIRS = 10_000
"""Differences of pixels below which sharpness is not judged."""

USUAL_SHARPNESS = 1.25
"""Sharpness after over before of images of one kind: 1.1 and 1.2 in Guatemala and Florence 2018, 1.6 and 1.8 where Joplin 2011
lies in debris. With the image after at a quarter of the resolution it is 0.2 to 0.6, with the one before 3.4 to 5.5."""


class OpticalSums(NamedTuple):
    """What one block says of the pair, to be added up.

    Attributes
    ----------
    given
        Pixels observed before, after, and on both dates.
    before, after
        Sums and numbers of squared differences at the lags, of pixels that neither date hides, from `structure`.
    """

    given: NDArray[np.int64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


def optical_sums(given: Images, clear: Images, core: tuple[slice, slice]) -> OpticalSums | None:
    """Return the sums of the core of a block; None without optical images.

    Parameters
    ----------
    given, clear
        Images as they are, and without what hides the ground.
    core
        Rows and columns of the block in its surroundings.
    """
    if given.before_optical is None or given.after_optical is None:
        return None
    if clear.before_optical is None or clear.after_optical is None:
        return None
    seen = [np.isfinite(brightness(bands(i)[:, *core])) for i in (given.before_optical, given.after_optical)]
    plain = [brightness(bands(i)[:, *core]) for i in (clear.before_optical, clear.after_optical)]
    both = np.isfinite(plain[0]) & np.isfinite(plain[1])
    first, second = (structure(np.where(both, image, np.nan), LAGS) for image in plain)
    counts = np.array([seen[0].sum(), seen[1].sum(), (seen[0] & seen[1]).sum()], np.int64)
    return OpticalSums(counts, first, second)


def check_optical(sums: list[OpticalSums], tolerance: float) -> None:
    """Refuse a pair that cannot be compared.

    Raises
    ------
    InputError
        If one image is empty, they do not overlap, or one is much sharper than the other.
    """
    before, after, both = np.sum([s.given for s in sums], axis=0)
    for name, count in (("--before-optical", before), ("--after-optical", after)):
        if count == 0:
            raise InputError(f"{name} holds no observed pixel within the area; check the file and its nodata value")
    if both == 0:
        raise InputError(
            "--before-optical and --after-optical have no observed pixel in common; give images that overlap"
        )
    first, second = (np.sum([getattr(s, name) for s in sums], axis=0) for name in ("before", "after"))
    if first[1].min() < FEWEST_PAIRS or first[0].min() <= 0.0 or second[0].min() <= 0.0:
        return
    sharpness = [float(s[0, 0] / s[1, 0] / (s[0, 1] / s[1, 1])) for s in (first, second)]
    ratio = sharpness[1] / sharpness[0]
    if USUAL_SHARPNESS / tolerance <= ratio <= USUAL_SHARPNESS * tolerance:
        return
    blurred, sharp = ("--after-optical", "--before-optical") if ratio < 1.0 else ("--before-optical", "--after-optical")
    raise InputError(
        f"{blurred} is much blurrier than {sharp} (sharpness after over before {ratio:.2g}, usually {USUAL_SHARPNESS:g}), so all "
        f"would look changed; average {sharp} to the resolution of {blurred}, or accept it with --resolution-tolerance 100"
    )
