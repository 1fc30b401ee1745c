"""What leaves the house: packages for other systems, tables for offices, and the situation report for people.

files = handover.write(Path("out/handover"), {"flood": layer, …}, situation, simulated=True, time=now)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mitoshi.handover.layers import Issuer, LayerForHandover, Legend, LegendClass
    from mitoshi.handover.situation import ClockRow, EvidenceRow, Section, Situation, Table
    from mitoshi.handover.situation_map import MapLayer
    from mitoshi.handover.writing import write

_HOME = {
    "ClockRow": "situation",
    "EvidenceRow": "situation",
    "Issuer": "layers",
    "LayerForHandover": "layers",
    "Legend": "layers",
    "LegendClass": "layers",
    "MapLayer": "situation_map",
    "Section": "situation",
    "Situation": "situation",
    "Table": "situation",
    "write": "writing",
}

__all__ = [
    "ClockRow",
    "EvidenceRow",
    "Issuer",
    "LayerForHandover",
    "Legend",
    "LegendClass",
    "MapLayer",
    "Section",
    "Situation",
    "Table",
    "write",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts quickly."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"mitoshi.handover.{_HOME[name]}"), name)
    globals()[name] = found
    return found
