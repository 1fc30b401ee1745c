"""Plain data that JSON can say: what is no number is null."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """Return dictionaries, lists and numbers with None in place of NaN and infinities; tuples become lists.

    >>> plain({"value": float("nan"), "bounds": (1.0, float("inf"))})
    {'value': None, 'bounds': [1.0, None]}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value
