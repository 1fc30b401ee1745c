"""Whether a product answers the needs of later runs: adopted ones do, trial ones only where a person names them."""

from __future__ import annotations

__all__ = ["ADOPTED", "STANDING", "TRIAL"]

STANDING = "mitoshi:standing"
"""The property of a product's item that holds one of the two; observations have none."""

ADOPTED, TRIAL = "adopted", "trial"
