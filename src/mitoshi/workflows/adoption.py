"""Which products of the catalogue count: those *adopted* by a chain or a person; no run takes a *trial* product by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mitoshi.core import discovery
from mitoshi.core.errors import InputError
from mitoshi.core.standing import ADOPTED, STANDING, TRIAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pystac

    from mitoshi.catalog import Catalogue
    from mitoshi.evidence.bundle import Bundle

__all__ = ["CHAIN", "Adoption", "adopt", "adopted_by_chain", "adoption_of", "withdraw"]

BY, AT, REASON = "mitoshi:adopted_by", "mitoshi:adopted_at", "mitoshi:adoption_reason"
LONGEST_WORDS = 200
SHORTEST_BUNDLE = 12
CHAIN = "chain "  # before the name of a chain that adopts
CHAIN_RECORD = "respond.json"
LARGEST_RECORD = 2**22  # bytes


@dataclass(frozen=True)
class Adoption:
    """Who adopted a product, when and why.

    Attributes
    ----------
    by
        The person, or ``chain NAME``.
    at
        Time of the act, ISO 8601.
    reason
        In the adopter's words; may be empty.
    """

    by: str
    at: str
    reason: str = ""

    def __post_init__(self) -> None:
        for name, words in (("name of who adopts", self.by), ("reason", self.reason)):
            if len(words) > LONGEST_WORDS or any(not c.isprintable() for c in words):
                raise InputError(f"the {name} has at most {LONGEST_WORDS} printable characters on one line; shorten it")
        if not self.by.strip():
            raise InputError("an adoption states who adopts; give a name")

    def properties(self) -> dict[str, str]:
        """Return what an adopted item states."""
        return {STANDING: ADOPTED, BY: self.by.strip(), AT: self.at} | ({REASON: self.reason} if self.reason else {})


def adoption_of(properties: Mapping[str, Any]) -> Adoption | None:
    """Return the adoption that an item states; None where it is a trial product or no product."""
    if properties.get(STANDING) != ADOPTED:
        return None
    return Adoption(
        str(properties.get(BY) or "unknown"), str(properties.get(AT) or ""), str(properties.get(REASON) or "")
    )


def adopted_by_chain(bundle: Bundle) -> Adoption | None:
    """Return the adoption of a bundle that stands in its chain's record, which lies in the folder above; None where it does not.

    A bundle that a later one superseded stands there no more, so it is a trial product again.
    """
    record = bundle.path.resolve().parent / CHAIN_RECORD
    try:
        if record.stat().st_size > LARGEST_RECORD:
            return None
        entries = json.loads(record.read_text("utf-8"))["entries"]
        for entry in entries:
            if entry["bundle"] == bundle.id and entry["status"] == "done":
                return Adoption(f"{CHAIN}respond", str(entry["finished"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no record of a chain: what lies here was not made by one
    return None


def adopt(catalogue: Catalogue, names: Sequence[str], adoption: Adoption) -> tuple[str, ...]:
    """Let products answer the needs of later runs; adopting them again renews who, when and why.

    Parameters
    ----------
    catalogue
        Where they lie.
    names
        Items, or bundles by their identifier or at least its first twelve digits: all products of each.
    adoption
        Who, when and why.

    Returns
    -------
    The identifiers of the items.

    Raises
    ------
    InputError
        If a name is no product of the catalogue, or the adopter is named like a chain; nothing is changed then.
    RunError
        If the catalogue cannot be written; it is left as it was.
    """
    if adoption.by.strip().startswith(CHAIN):
        raise InputError(
            f"a name that begins with {CHAIN!r} is a chain's, got {adoption.by[:40]!r}; give a person's name"
        )
    return _restated(catalogue, names, adoption.properties())


def withdraw(catalogue: Catalogue, names: Sequence[str]) -> tuple[str, ...]:
    """Make products trial products again; parameters, result and errors are those of `adopt`."""
    return _restated(catalogue, names, {STANDING: TRIAL})


def _restated(catalogue: Catalogue, names: Sequence[str], properties: Mapping[str, str]) -> tuple[str, ...]:
    chosen: dict[tuple[str | None, str], pystac.Item] = {}
    for name in names:
        for item in _products(catalogue, name):
            chosen[item.collection_id, item.id] = item
    changed = []
    for item in chosen.values():
        stated = item.to_dict(transform_hrefs=False)
        others = {k: v for k, v in stated["properties"].items() if k not in (STANDING, BY, AT, REASON)}
        changed.append({**stated, "properties": {**others, **properties}})
    report = catalogue.add(changed)
    if report.refused:
        raise InputError(f"the catalogue refuses {report.refused[0].source}: {report.refused[0].reason}; run it again")
    return tuple(item.id for item in chosen.values())


def _products(catalogue: Catalogue, name: str) -> list[pystac.Item]:
    """Return the product of this name, or those of the bundle of this name."""
    items = [i for i in catalogue.search(ids=[name]) if "mitoshi:bundle" in i.properties]
    if not items and len(name) >= SHORTEST_BUNDLE and set(name) <= set("0123456789abcdef"):
        made = catalogue.search(collections=sorted(discovery.methods()))
        items = [i for i in made if str(i.properties.get("mitoshi:bundle", "")).startswith(name)]
    if not items:
        raise InputError(
            f"no product {name[:80]!r} of a run lies in the catalogue; give an item's identifier or the first twelve digits of a "
            "bundle's, as `mitoshi search` lists them"
        )
    return items
