"""The only place where science meets data: run, verify, sign, and the bundle between two parties.

bundle = evidence.run(method, {"after": "after.tif#units=dB,bands=VV+VH"}, {}, Path("out"), time=now)
verdict = evidence.verify(Path("out"))                    # identical, equivalent, different or unverifiable
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mitoshi.evidence.bundle import Bundle
    from mitoshi.evidence.inputs import Source
    from mitoshi.evidence.runner import run
    from mitoshi.evidence.signature import new_key, sign
    from mitoshi.evidence.verdict import Verdict
    from mitoshi.evidence.verification import verify

_HOME = {
    "Bundle": "bundle",
    "Source": "inputs",
    "Verdict": "verdict",
    "new_key": "signature",
    "run": "runner",
    "sign": "signature",
    "verify": "verification",
}

__all__ = ["Bundle", "Source", "Verdict", "new_key", "run", "sign", "verify"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts quickly."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"mitoshi.evidence.{_HOME[name]}"), name)
    globals()[name] = found
    return found
