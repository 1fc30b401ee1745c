"""mitoshi (見通し): satellite observations into decisions that a stranger can check."""

import os

__version__ = "0.1.0"

# A virtual raster reads any file of the machine and any address it names. GDAL takes this only before it starts.
os.environ.setdefault("GDAL_SKIP", "VRT")
