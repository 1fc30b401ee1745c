"""The HTTP interface: what the catalogue, the methods and the bundles are, in the words of STAC, OGC API and plain JSON."""

from mitoshi.interfaces.api.settings import Settings

__all__ = ["Settings"]
