"""What was observed: STAC items in stac-geoparquet on this machine, or behind any STAC API.

The one verb is ``search``; `Catalogue` and `RemoteCatalogue` have it alike.
"""

from mitoshi.catalog.catalogue import Catalogue
from mitoshi.catalog.ingest import IngestReport, Refusal
from mitoshi.catalog.remote import RemoteCatalogue, anywhere, public_web

__all__ = ["Catalogue", "IngestReport", "Refusal", "RemoteCatalogue", "anywhere", "public_web"]
