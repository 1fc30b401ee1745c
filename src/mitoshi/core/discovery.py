"""Find methods by walking the packages; there is no registry to keep."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, misspelt
from mitoshi.core.method import Method

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find", "methods"]

PACKAGES = ("mitoshi.applications", "mitoshi.methods")


def _modules() -> Iterator[str]:
    for package in PACKAGES:
        found = importlib.import_module(package)
        yield from (m.name for m in pkgutil.walk_packages(found.__path__, f"{package}.") if not m.ispkg)
    yield from (point.module for point in entry_points(group="mitoshi.methods"))


def _declared(module: str) -> Iterator[Method[..., Any]]:
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, Method) and value.function.__module__ == module:
            yield value


@cache
def methods() -> dict[str, Method[..., Any]]:
    """Return every declared method by name, sorted.

    Raises
    ------
    InputError
        If two methods claim one name.
    """
    found: dict[str, Method[..., Any]] = {}
    for module in _modules():
        for declared in _declared(module):
            if found.setdefault(declared.name, declared) is not declared:
                raise InputError(f"two methods are called {declared.name}; rename the one in {module}")
    return dict(sorted(found.items()))


def find(name: str) -> Method[..., Any]:
    """Return the method called `name`, importing no other where the house rule gives its module.

    Raises
    ------
    InputError
        If there is none; the message lists the known ones.
    """
    field, _, short = name.partition(".")
    try:
        here = importlib.import_module(f"mitoshi.applications.{field}.{short.replace('-', '_')}")
    except (ImportError, ValueError):
        here = None
    if here is not None:
        for declared in _declared(here.__name__):
            if declared.name == name:
                return declared
    known = methods()
    if name not in known:
        raise InputError(misspelt("method", name, known))
    return known[name]
