"""Which layers a response hands over, and how SIP4D-ZIP knows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.discovery import find
from mitoshi.core.features import Column
from mitoshi.core.product import Listed
from mitoshi.core.text import Text
from mitoshi.evidence.lists import read_list
from mitoshi.handover.layers import LayerForHandover, Legend, LegendClass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mitoshi.core.features import Features
    from mitoshi.evidence import Bundle

__all__ = ["layers_of"]

ESTIMATED = "衛星観測と標高から推定した浸水によるもので、道路管理者の発表ではありません。"
LIKELY = 0.05  # least probability with which a thing is handed over as possibly in the water
IMPASSABLE, IN_WATER, CUT_OFF = 1, 1, 1

AREA = Column("area_m2", "float", Text("area", "面積"), "m2")


@dataclass(frozen=True)
class _Known:
    """How one list is packaged for SIP4D.

    Attributes
    ----------
    name
        Of the layer; that of the list itself packages it whole.
    code
        Information code.
    columns
        Handed over; () takes all.
    choose
        Which rows, or None.
    add
        Columns made for the package, or None.
    more
        Further arguments of `LayerForHandover`.
    """

    name: str
    code: str = "99-999-99"
    columns: tuple[str, ...] = ()
    choose: Callable[[Features], Any] | None = None
    add: Callable[[Features], Mapping[str, Any]] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def _floors(features: Features) -> dict[str, Any]:
    """Return 床上 and 床下 as the damage report counts them."""
    above = features["above_floor"].to_numpy(float)
    return {"floor": np.rint(above), "below": np.rint(np.maximum(features["wet"].to_numpy(float) - above, 0.0))}


BUILDING_COLUMNS = (
    "id", "depth", "depth_lower", "depth_upper", "wet_probability", "above_floor_probability", "over_45cm_probability",
    "certificate", "certificate_lower", "certificate_upper",
)  # fmt: skip

PACKAGED: dict[tuple[str, str], tuple[_Known, ...]] = {
    ("impact", "buildings"): (
        _Known(
            "flooded_buildings",
            columns=BUILDING_COLUMNS,
            choose=lambda f: f["wet_probability"].to_numpy(float) >= LIKELY,
        ),
    ),
    ("impact", "roads"): (
        _Known(
            "closed_roads",
            "01-005-02",
            ("id", "road_class", "length", "total_head", "car_passable_probability", "truck_passable_probability"),
            choose=lambda f: f["car"].to_numpy() == IMPASSABLE,
            more={
                "attributes": {"id": "id", "roadname": "id"},
                "constants": {"passstts": "不明", "cityname": "不明", "category": "浸水（推定）", "detail": ESTIMATED},
                "colour": "#d55e00",
            },
        ),
    ),
    ("impact", "facilities"): (
        _Known(
            "flooded_shelters",
            "01-001-01",
            ("id", "name", "wet_probability", "depth", "depth_lower", "depth_upper"),
            choose=lambda f: (f["facility"] == "shelter").to_numpy() & (f["state"].to_numpy() == IN_WATER),
            more={"attributes": {"id": "id", "name": "name"}, "constants": {"eststts": "不明", "cityname": "不明"}},
        ),
        _Known(
            "flooded_hospitals",
            "01-003-01",
            ("id", "name", "wet_probability", "depth", "depth_lower", "depth_upper"),
            choose=lambda f: (f["facility"] == "hospital").to_numpy() & (f["state"].to_numpy() == IN_WATER),
            more={"attributes": {"name": "name"}},
        ),
    ),
    ("impact", "settlements"): (
        _Known("cut_off_settlements", choose=lambda f: f["state"].to_numpy() == CUT_OFF, more={"colour": "#d55e00"}),
    ),
    ("impact", "districts"): (
        _Known(
            "damage_by_district",
            "01-011-01",
            ("name", "wet", "wet_lower", "wet_upper", "above_floor_lower", "above_floor_upper", "not_observed"),
            choose=lambda f: ~f["outside"].to_numpy(bool),
            add=_floors,
            more={"attributes": {"cityname": "name", "floorfno": "floor", "ufloorfno": "below"}},
        ),
    ),
    ("impact", "pumps"): (_Known("pumps"),),
    ("landslide", "landslides"): (_Known("landslides", "01-010-03", more={"colour": "#8c510a"}),),
    ("landslide", "lakes"): (_Known("lakes"),),
}


def layers_of(bundles: Mapping[str, Bundle]) -> dict[str, LayerForHandover]:
    """Return the layers of every bundle: its outlines, its lists whole, and what is packaged for SIP4D.

    Parameters
    ----------
    bundles
        Step → evidence bundle.
    """
    found: dict[str, LayerForHandover] = {}
    for step, bundle in bundles.items():
        method = find(bundle.method)
        for output in method.outputs:
            if isinstance(output.layer, Listed):
                features = read_list(bundle.path / f"{output.name}.parquet")
                found |= _listed(step, output.name, output.layer, features)
            elif (bundle.path / f"{output.name}.geojson").is_file():
                found |= _outlined(step, output.name, output.layer.title, bundle)
    return found


def _outlined(step: str, name: str, title: Text, bundle: Bundle) -> dict[str, LayerForHandover]:
    file = bundle.path / f"{name}.geojson"
    status = file.stat()
    features = _outlines(file, bundle.id, (status.st_mtime_ns, status.st_size, status.st_ino))
    if not len(features):
        return {}
    code = "01-008-03" if step == "flood" else "99-999-99"
    return {
        f"{step}_{name}" if step != name else step: LayerForHandover(title, features, (AREA,), code, colour="#0072b2")
    }


@lru_cache(maxsize=4)
def _outlines(path: Path, _bundle: str, _status: tuple[int, ...]) -> Features:
    """Return the outlines of a bundle with their area; a response hands over after every step, and the bundle stays the same."""
    from mitoshi.sensors.feature_files import read

    features = read(path, "json", None).features
    if not len(features):
        return features
    metric = features.geometry.to_crs(features.estimate_utm_crs())
    return features.assign(area_m2=np.round(metric.area.to_numpy(), 0))


def _listed(step: str, name: str, layer: Listed, features: Features) -> dict[str, LayerForHandover]:
    whole = LayerForHandover(layer.title, features, layer.columns, legend=_legend(layer), packaged=False)
    found = {f"{step}_{name}": whole}
    for known in PACKAGED.get((step, name), ()):
        if known.name == name and len(features):
            found[f"{step}_{name}"] = replace(whole, code=known.code, packaged=True, **dict(known.more))
            continue
        chosen = features if known.choose is None else features[known.choose(features)]
        if not len(chosen):
            continue
        columns = tuple(c for c in layer.columns if not known.columns or c.name in known.columns)
        if known.add is not None:
            made = known.add(chosen)
            chosen = chosen.assign(**made)
            columns = (*columns, *(Column(n, "int", Text(n, n), "1") for n in made))
        legend = whole.legend if any(c.name == layer.class_column for c in columns) else None
        found[f"{step}_{known.name}"] = replace(
            whole, features=chosen, columns=columns, code=known.code, legend=legend, packaged=True, **dict(known.more)
        )
    return found


def _legend(layer: Listed) -> Legend | None:
    if not layer.class_column or not layer.classes:
        return None
    return Legend(layer.class_column, tuple(LegendClass(c.code, c.title, c.colour) for c in layer.classes))
