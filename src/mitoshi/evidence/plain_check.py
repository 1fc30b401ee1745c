"""Compare JSON by what it says: words exactly, numbers to the resolution at which they are written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import MitoshiError
from mitoshi.core.resolution import digits_step, within_step
from mitoshi.core.strict_json import parse_json
from mitoshi.evidence.bundle import MAX_DEPTH
from mitoshi.evidence.outline import AREA_DIGITS
from mitoshi.evidence.sealed_files import unequal_bytes
from mitoshi.evidence.verdict import SAME_CONTENT, FileCheck
from mitoshi.sensors.footprint import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Near = Callable[[tuple[Any, ...], float, float], bool]

__all__ = ["Unlike", "check_json", "exactly", "parsed", "unlike", "within_resolution"]

DEGREES = 10.0**-DECIMALS  # the step of coordinates in longitude and latitude
FIGURES, NUMBERS = frozenset({"figures", "mitoshi:figures"}), frozenset({"value", "lower", "upper"})


class Unlike(NamedTuple):
    """The first place where two values differ: its path, and both values."""

    path: tuple[Any, ...]
    sealed: Any
    now: Any

    def words(self) -> str:
        """Return the difference in words."""
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.path).lstrip(".")
        return f"says {place[:120] or 'it'} {_short(self.sealed)}, the recomputation {_short(self.now)}"


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 80 else f"{text[:77]}…"


def parsed(content: bytes) -> Any:
    """Return strict JSON of any size: a sealed file is at most a few times as large as its recomputation.

    Raises
    ------
    ValueError
        If it is none, or deeper than a bundle's JSON is.
    """
    try:
        return parse_json(content, "it", most_bytes=len(content), most_depth=MAX_DEPTH)
    except MitoshiError as error:
        raise ValueError(str(error)) from None


def unlike(sealed: Any, now: Any, near: Near, path: tuple[Any, ...] = ()) -> Unlike | None:
    """Return the first place where two JSON values do not say the same; None where there is none.

    Parameters
    ----------
    sealed, now
        The values.
    near
        ``near(path, a, b)`` tells whether two numbers at a place count as equal.
    path
        Where they stand.
    """
    if isinstance(sealed, dict) and isinstance(now, dict):
        for key in sorted({*sealed, *now}):
            found = unlike(sealed.get(key, MISSING), now.get(key, MISSING), near, (*path, key))
            if found is not None:
                return found
        return None
    if isinstance(sealed, list) and isinstance(now, list):
        for n, (a, b) in enumerate(zip(sealed, now, strict=False)):
            named = a.get("@id") if isinstance(a, dict) else None  # of RO-Crate
            found = unlike(a, b, near, (*path, named if isinstance(named, str) else n))
            if found is not None:
                return found
        longer = len(sealed) != len(now)
        return Unlike(path, f"{len(sealed)} entries", f"{len(now)} entries") if longer else None
    if _number(sealed) and _number(now):
        return None if sealed == now or _near(near, path, (sealed, now)) else Unlike(path, sealed, now)
    return None if type(sealed) is type(now) and sealed == now else Unlike(path, sealed, now)


def _near(near: Near, path: tuple[Any, ...], numbers: tuple[float, float]) -> bool:
    """Ask whether two numbers are near; one that no float holds, such as 1e999, is near nothing."""
    try:
        a, b = (float(n) for n in numbers)
    except OverflowError:
        return False
    return math.isfinite(a) and math.isfinite(b) and near(path, a, b)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def exactly(path: tuple[Any, ...], a: float, b: float) -> bool:
    """Accept no difference."""
    del path
    return a == b


def within_resolution(now: Any) -> Near:
    """Return what tells whether a sealed number lies within one step of a recomputed one.

    Parameters
    ----------
    now
        The recomputed JSON: figures state their resolution there, as the method declares it. What the sealed file says of it
        decides nothing.
    """

    def near(path: tuple[Any, ...], a: float, b: float) -> bool:
        if len(path) == 3 and path[0] in FIGURES and path[2] in NUMBERS and isinstance(path[1], int):
            return within_step(a, b, now[path[0]][path[1]]["resolution"])
        if "coordinates" in path or "bbox" in path or "proj:bbox" in path:
            return within_step(a, b, DEGREES)
        if path and path[-1] == "area_km2":
            step = digits_step(b, AREA_DIGITS)
            return step > 0 and within_step(a, b, step)
        return False

    return near


def check_json(name: str, sealed: Path, now: bytes) -> FileCheck:
    """Compare a JSON file of a bundle with its recomputation."""
    content = unequal_bytes(name, sealed, now)
    if isinstance(content, FileCheck):
        return content
    try:
        one, two = parsed(content), parsed(now)
        if unlike(one, two, exactly) is None:
            return FileCheck(name, "within tolerance", SAME_CONTENT)
        found = unlike(one, two, within_resolution(two))
    except (ValueError, OverflowError) as error:
        return FileCheck(name, "different", f"is no JSON of a bundle ({str(error)[:80]})")
    if found is not None:
        return FileCheck(name, "different", found.words())
    return FileCheck(name, "within tolerance", "numbers differ by one step of their declared resolution")
