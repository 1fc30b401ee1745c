"""What a bundle states and no recomputation can confirm: where it ran, when, why these inputs. Its form is checked, no more."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mitoshi import __version__
from mitoshi.core import discovery
from mitoshi.core.requirement import instant
from mitoshi.evidence.bundle import PUBLIC_KEY, SIGNATURE, SUMS
from mitoshi.evidence.input_times import observed_later
from mitoshi.evidence.publication import ENVIRONMENT, LOCATIONS
from mitoshi.evidence.record import iso
from mitoshi.evidence.verdict import FileCheck, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["check_environment", "check_locations", "check_signed", "stated", "too_early"]

HEX = re.compile(r"[0-9a-f]{64}")
VERSION = re.compile(r"[0-9][0-9A-Za-z.+!_-]{0,39}")
LONGEST = 200  # characters of a word about an environment
WHERE = "stated by the maker: where it ran"
TEXTS = ("python", "implementation", "system", "machine", "libc", "byteorder")
TABLES = ("mitoshi", "packages", "gdal", "numpy", "settings")


def check_environment(value: Mapping[str, Any]) -> FileCheck:
    """Return what can be said of ``environment.json``: it has the form that a run writes; what it says decides nothing."""
    wrong = next((k for k in TEXTS if not isinstance(value.get(k), str)), None)
    wrong = wrong or next((k for k in TABLES if not isinstance(value.get(k), dict)), None)
    wrong = wrong or ("packages" if not all(_version(v) for v in value["packages"].values()) else None)
    wrong = wrong or ("mitoshi" if not VERSION.fullmatch(str(value["mitoshi"].get("version"))) else None)
    wrong = wrong or ("mitoshi" if not HEX.fullmatch(str(value["mitoshi"].get("source_sha256"))) else None)
    wrong = wrong or next((k for k, v in value.items() if not _short(v)), None)
    if wrong is not None:
        return FileCheck(ENVIRONMENT, "different", f"does not say {wrong[:40]} in the form that a run writes")
    unknown = sorted({*value} - {*TEXTS, *TABLES, "processors"})
    more = f"; it has words that no run of this mitoshi writes ({', '.join(unknown)[:80]})" if unknown else ""
    version = value["mitoshi"]["version"]
    if version != __version__:
        more += f"; that mitoshi {version} made it, as RO-Crate and STAC say, too; here {__version__} ran"
    return FileCheck(ENVIRONMENT, "not checked", WHERE + more, claim=True)


def _version(value: Any) -> bool:
    return value is None or (isinstance(value, str) and VERSION.fullmatch(value) is not None)


def _short(value: Any) -> bool:
    if isinstance(value, dict):
        return all(len(k) <= LONGEST and _short(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_short(v) for v in value)
    return not isinstance(value, str) or len(value) <= LONGEST


def check_locations(value: Mapping[str, Any], inputs: Mapping[str, Any]) -> FileCheck:
    """Return what can be said of ``inputs/locations.json``: it names the record's input files and nothing else."""
    known = {str(f["sha256"]) for group in inputs.values() for record in group for f in record["files"]}
    strange = next((k for k in value if k not in known), None)
    if strange is not None:
        return FileCheck(LOCATIONS, "different", f"names {strange[:40]!r}, which is no input of the run")
    if any(not isinstance(v, str) or PurePosixPath(v).is_absolute() for v in value.values()):
        return FileCheck(LOCATIONS, "different", "holds what is no relative path")
    return FileCheck(LOCATIONS, "not checked", "stated by the maker: where the inputs lay", claim=True)


def check_signed(directory: Path, *, checked: bool) -> list[FileCheck]:
    """Return the states of the seal: the checksums, and the signature where there is one.

    Parameters
    ----------
    directory
        The bundle.
    checked
        Whether the signature was checked against a key of the verifier.
    """
    found = [FileCheck(SUMS, "equal")]
    signature, public = (directory / name for name in (SIGNATURE, PUBLIC_KEY))
    if signature.exists():
        check = FileCheck(SIGNATURE, "not checked", "give the signer's public key with --key", claim=True)
        found.append(FileCheck(SIGNATURE, "equal") if checked else check)
    if public.exists() and not signature.exists():
        found.append(FileCheck(PUBLIC_KEY, "different", "stands there without a signature"))
    elif public.exists():
        found.append(FileCheck(PUBLIC_KEY, "not checked", "a key that comes with a bundle proves nothing", claim=True))
    return found


def too_early(run: Mapping[str, Any]) -> str | None:
    """Return one line where a run says that it was made before what it used was observed; see `observed_later`."""
    event = None if run.get("event") is None else instant(str(run["event"]))
    method = discovery.find(str(run["method"]["name"]))
    late = observed_later(method, run["inputs"], instant(str(run["time"])), event)
    if late is None:
        return None
    argument, seen = late
    return (
        f"run.json says that the run was made at {run['time']}, before the input {argument} was observed ({iso(seen)})"
    )


def stated(run: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the statements of a record that nobody can confirm by running it again, one line each."""
    found = [f"run.json, time: stated by the maker ({str(run['time'])[:40]})"]
    if run.get("event") is not None:
        found.append(f"run.json, event: stated by the maker ({str(run['event'])[:40]})")
    if run.get("choice"):
        found.append("run.json, choice: why these inputs were taken is stated by the maker")
    for argument, group in run["inputs"].items():
        found += [f"run.json, inputs, {argument}: stated by the maker ({s})" for r in group for s in _said_of(r)]
    return tuple(printable(line) for line in found)


def _said_of(record: Mapping[str, Any]) -> list[str]:
    """Return what a record says of an input that is not in the input's bytes."""
    from mitoshi.sensors.guess import time_in

    found = [str(record["description"])[:120]] if record.get("description") else []
    if record.get("address"):
        found.append(f"that it came from {str(record['address'])[:200]}")
    if record.get("datetime") and time_in(str(record["name"])) is not None:
        found.append(f"its name {str(record['name'])[:120]}, from which its time may have been read")
    return found
