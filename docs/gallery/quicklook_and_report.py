"""Draw the two pictures of this page: `python docs/gallery/quicklook_and_report.py FOLDER`.

The layer is made up from seeded noise and is labelled simulated; it is no result of the method whose words and colours it
borrows. The bundle of a real run holds the same two documents.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.discovery import find
from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.evidence import quicklook, report

if TYPE_CHECKING:
    import numpy.typing as npt

CELL_KM2 = 1e-4  # 10 m pixels
SHAPE = (720, 1080)


def scene(seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Return classes (0 dry, 1 flooded, 2 permanent water, 255 not observable) and backscatter with 4.4 looks."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    ground = gaussian_filter(rng.normal(size=SHAPE), 26)
    ground = ground / ground.std() + np.linspace(1.6, -1.2, SHAPE[1])
    town = gaussian_filter(rng.normal(size=SHAPE), 30)
    codes = np.select([town / town.std() > 2.0, ground < -1.6, ground < -0.9], [255, 2, 1]).astype(np.uint8)
    level = np.where((codes == 1) | (codes == 2), -21.0, -10.0 + 1.5 * town / town.std())
    return codes, (10 ** (level / 10) * rng.gamma(4.4, 1 / 4.4, SHAPE)).astype(np.float32)


def figures(codes: npt.NDArray[np.uint8]) -> tuple[Figure, ...]:
    """Count the classes; the interval is made up like the scene."""
    area = float((codes == 1).sum() * CELL_KM2)
    unseen = float((codes == 255).mean())
    return (
        Figure("flooded_area", Text("flooded area", "浸水面積"), area, 0.93 * area, 1.09 * area, "km2", 0.9),
        Figure("not_observable_share", Text("share not observable", "観測不能の割合"), unseen, None, None, "1"),
        Figure("permanent_water_area", Text("permanent water", "平常時水域の面積"), float((codes == 2).sum() * CELL_KM2),
               None, None, "km2"),
    )  # fmt: skip


def documents(language: Any) -> tuple[bytes, bytes]:
    """Return map and report in one language."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    method = find("disaster.flood-extent")
    codes, power = scene(seed=7)
    grid = GeoBox(SHAPE, Affine(10, 0, 380_000, 0, -10, 3_950_000), "EPSG:32654")
    picture = quicklook.render(
        {"flood": codes}, method, grid=grid, background=power, language=language, title=method.title, simulated=True
    )
    inputs = [
        {"argument": name, "id": f"simulated-{name}", "datetime": time, "platform": "simulated", "checksum": "0" * 64}
        for name, time in (("before", "2026-11-10T08:31:05Z"), ("after", "2026-11-22T08:31:05Z"))
    ]
    page = report.render(
        method=method,
        figures=figures(codes),
        parameters=method.bind_parameters({}),
        assumptions=[Text("after: first band taken as VV.", "after：第1バンドを VV としました。")],
        inputs=inputs,
        picture=picture,
        language=language,
        bundle_id="gallery",
        simulated=True,
        area_text=None,
        time=datetime(2026, 11, 22, 12, 5, tzinfo=UTC),
        caveats=method.caveats,
        choice=[Text("after: the first image after the event.", "after：事象後の最初の画像です。")],
    )
    return picture, page


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    for language in ("en", "ja"):
        picture, page = documents(language)
        (folder / f"quicklook.{language}.png").write_bytes(picture)
        (folder / f"report.{language}.pdf").write_bytes(page)
