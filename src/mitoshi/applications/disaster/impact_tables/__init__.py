"""Versioned tables of the impact chain, each value with its source and how far it was confirmed."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, cast

__all__ = ["table"]


@cache
def table(name: str) -> dict[str, Any]:
    """Return the table called `name`: certificate, fragility, limits, losses or waste."""
    return cast("dict[str, Any]", json.loads(files(__package__).joinpath(f"{name}.json").read_text("utf-8")))
