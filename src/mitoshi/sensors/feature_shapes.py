"""Where features lie: the CRS as the file or the user states it, coordinates that fit it, polygons that are valid."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError
from mitoshi.core.even_odd import even_odd
from mitoshi.core.geometry_cost import MOST_CROSSINGS, check_contacts
from mitoshi.core.places import finite_places
from mitoshi.core.text import Text
from mitoshi.sensors.placing import checked_crs

if TYPE_CHECKING:
    from mitoshi.core.features import Features

__all__ = ["DEGREES", "checked_shapes"]

DEGREES = "EPSG:4326"
POLYGONS = (3, 6)  # type identifiers of shapely
MOST_SIDES = 500_000
ROUGH_M = 3.0  # accuracy of a transformation from which it is said
REPAIRED = Text(
    "{count} of {total} polygons cross or overlap themselves; they are read by the even-odd rule (what is encircled twice is "
    "outside)",
    "自己交差または重複のあるポリゴン（{total}件中{count}件）は偶奇規則で補正しました（二重に囲まれた部分は外側とします）",
)
ROUGH = Text(
    "positions in {crs} are transformed to WGS 84 with an accuracy of about {metres:g} m ({operation})",
    "{crs} の座標は約{metres:g} mの精度で WGS 84 に変換します（{operation}）",
)


def checked_shapes(
    features: Features, name: str, said: str | None, *, stated: bool, metres_hint: str = ""
) -> tuple[Features, tuple[Text, ...]]:
    """Return features in two dimensions with a CRS and polygons that enclose what they draw, and what is to be said of it.

    Parameters
    ----------
    features
        With geometry.
    name
        Of the file, for messages.
    said
        CRS that the user states, or None.
    stated
        Whether the CRS of the features is the file's own statement; a CRS that a format implies gives way to the user's.
    metres_hint
        What to do where coordinates are no degrees; "" for the usual advice.

    Raises
    ------
    InputError
        If the CRS is unknown or contradicted, or coordinates do not fit it.
    """
    import shapely

    crs = _crs(features, name, said, stated=stated)
    geometry = _unlocated(shapely.force_2d(features.geometry.to_numpy()))
    features = features.set_geometry(_with_crs(geometry, crs))
    texts = _datum(crs, name) if crs is not None and len(features) else ()
    if crs is not None and crs.is_geographic and len(features):
        _check_degrees(features, name, metres_hint)
    repaired, count, total = _repaired(geometry, name)
    if not count:
        return features, texts
    return features.set_geometry(_with_crs(repaired, crs)), (*texts, REPAIRED.format(count=count, total=total))


def _unlocated(geometry: Any) -> Any:
    """Return shapes with an empty one for each that is missing: a feature that lies nowhere is still one of the list."""
    import shapely

    missing = shapely.is_missing(geometry)
    if not missing.any():
        return geometry
    kind = next((type(g) for g in geometry[~missing]), shapely.Point)
    out = geometry.copy()
    out[missing] = kind()
    return out


def _with_crs(geometry: Any, crs: Any) -> Any:
    import geopandas

    return geopandas.array.from_shapely(geometry, crs=crs)


def _crs(features: Features, name: str, said: str | None, *, stated: bool) -> Any:
    """Return the CRS: the file's own, or the user's where the file states none or one without a known datum."""
    from pyproj import CRS

    own = features.crs
    if said is None:
        return own
    wanted = CRS.from_user_input(checked_crs(said, name))
    if own is not None and stated and not wanted.equals(own, ignore_axis_order=True) and not _vague(own):
        raise InputError(
            f"{name}: the file says that its CRS is {_title(own)}, '#crs={said}' says another; leave '#crs' out, or correct "
            "the file"
        )
    return wanted


def _title(crs: Any) -> str:
    return str(crs.to_string() if len(crs.to_string()) < 20 else crs.name)[:60]


@cache
def _operation(wkt: str) -> tuple[str, float]:
    """Return name and accuracy in metres (-1 unknown) of the best transformation from a CRS to WGS 84."""
    from pyproj.transformer import TransformerGroup

    best = TransformerGroup(wkt, DEGREES, always_xy=True).transformers[0]
    steps = [s for s in best.description.split(" + ") if "axis order" not in s and not s.startswith("Inverse of ")]
    return " + ".join(steps) or best.description, float(best.accuracy)


def _unknown_datum(wkt: str) -> bool:
    return "Ballpark" in _operation(wkt)[0]


def _vague(crs: Any) -> bool:
    return not (crs.is_geographic or crs.is_projected) or _unknown_datum(crs.to_wkt())


def _datum(crs: Any, name: str) -> tuple[Text, ...]:
    """Return how exactly positions are known where that is worth saying.

    Raises
    ------
    InputError
        If the CRS is local or geocentric, or its datum is not known and its ellipsoid none of today's: positions could be wrong
        by hundreds of metres.
    """
    if not (crs.is_geographic or crs.is_projected):
        raise InputError(
            f"{name}: its CRS {_title(crs)} says no place on a map ({crs.type_name.lower()}); give longitudes and latitudes, "
            "or a projected CRS"
        )
    operation, accuracy = _operation(crs.to_wkt())
    if _unknown_datum(crs.to_wkt()):
        ellipsoid = crs.ellipsoid.name if crs.ellipsoid is not None else "an unknown ellipsoid"
        if crs.ellipsoid is None or abs(crs.ellipsoid.semi_major_metre - 6378137.0) > 0.5:
            raise InputError(
                f"{name}: its CRS {_title(crs)} rests on {ellipsoid} with an unknown datum, so positions could be wrong by "
                "hundreds of metres; state it with '#crs=EPSG:…' (4301 for the old Japanese datum)"
            )
        return ()
    return (ROUGH.format(crs=_title(crs), metres=accuracy, operation=operation),) if accuracy > ROUGH_M else ()


def _check_degrees(features: Features, name: str, hint: str) -> None:
    bounds = features.total_bounds
    x, y = np.abs(bounds[[0, 2]]).max(), np.abs(bounds[[1, 3]]).max()
    if not (x > 360.0 or y > 90.0 + 1e-9):
        return
    if x <= 90.0 and y <= 360.0:
        raise InputError(
            f"{name} has latitudes up to {y:g} and longitudes up to {x:g}: are longitude and latitude exchanged? Longitude "
            "comes first"
        )
    because = hint or f"but its CRS {_title(features.crs)} is in degrees"
    raise InputError(
        f"{name} has coordinates up to {max(x, y):g}, beyond 180 degrees, {because}; "
        "state the right one with '#crs=EPSG:…', or correct the file"
    )


def _repaired(geometry: Any, name: str) -> tuple[Any, int, int]:
    """Return shapes whose polygons are valid, how many were not, and how many polygons there are."""
    import shapely

    polygonal = np.isin(shapely.get_type_id(geometry), POLYGONS)
    invalid = np.flatnonzero(polygonal & finite_places(geometry) & ~shapely.is_valid(geometry))
    if not invalid.size:
        return geometry, 0, int(polygonal.sum())
    out = geometry.copy()
    for n in invalid:
        try:
            check_contacts(geometry[n], MOST_CROSSINGS, MOST_SIDES)
        except InputError as error:
            raise InputError(f"{name}: feature {n + 1}: {error}") from None
        out[n] = even_odd(geometry[n])
    return out, int(invalid.size), int(polygonal.sum())
