"""One of several observations that a product folder or series holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mitoshi.core.errors import InputError, misspelt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.sensors.observation import Source

__all__ = ["chosen_product", "part_of"]

T = TypeVar("T")
SHOWN = 5


def part_of(name: str, count: int) -> dict[str, str]:
    """Return the STAC property that tells one of several observations of a source from the others; none for a lone one."""
    return {"mitoshi:part": name} if count > 1 else {}


def chosen_product(source: Source, products: Mapping[str, T]) -> T:
    """Return the product that ``#part=…`` names, or the only one.

    Raises
    ------
    InputError
        If there are several and none is named, or the named one is not there.
    """
    part = source.description.part
    if part is not None:
        if part not in products:
            raise InputError(f"{source.path.name}: {misspelt('part', part, products)[:400]}")
        return products[part]
    if len(products) == 1:
        return next(iter(products.values()))
    if not products:
        raise InputError(f"{source.path.name} holds no observation")
    names = list(products)
    more = f", … ({len(names) - SHOWN} more)" if len(names) > SHOWN else ""
    raise InputError(
        f"{source.path.name} holds {len(names)} observations; choose one with '#part=…': {', '.join(names[:SHOWN])}{more}"
    )
