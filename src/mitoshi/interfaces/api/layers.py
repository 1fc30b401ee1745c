"""What the page shows: every layer with its legend, its time, its uncertainty and where its tiles are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query

from mitoshi.core.errors import InputError
from mitoshi.core.grid import BBox
from mitoshi.core.text import Text
from mitoshi.display.layers import FIELDS, listing_of
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from mitoshi.display.layers import Layer
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach"]

TITLE = Text("mitoshi — from satellite observations to decisions", "見通し ― 衛星観測から判断へ")
SIMULATED_TITLE = Text("mitoshi — simulated region", "見通し ― 模擬（シミュレーション）地域")
MOST = 5000
PROBLEMS: dict[int | str, dict[str, Any]] = {400: {"description": "A value that does not fit."}}


def attach(app: FastAPI, service: Service) -> None:
    """Add the list of layers to the application."""
    listing = listing_of(service)

    @app.get("/layers", tags=["layers"], summary="Everything that can be shown on the globe", responses=PROBLEMS)
    def layers(
        bbox: Annotated[
            str | None,
            Query(description="West,south,east,north in degrees; layers elsewhere are left out.", max_length=200),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Most layers, the latest first.")] = MOST,
    ) -> dict[str, Any]:
        found = list(listing.layers().values())
        if bbox is not None:
            box = _box(bbox)
            found = [layer for layer in found if box.intersects(BBox(*layer.bbox[:4]))]
        shown = found[:limit]
        return {
            "title": _title(shown)._asdict(),
            "bbox": _extent(shown),
            "time": _span(shown),
            "fields": _fields(shown),
            "matched": len(found),
            "layers": [layer.described() for layer in shown],
        }


def _box(text: str) -> BBox:
    try:
        return BBox.parse(text)
    except InputError as error:
        raise Problem(400, str(error)) from None


def _title(layers: list[Layer]) -> Text:
    return SIMULATED_TITLE if layers and all(layer.simulated for layer in layers) else TITLE


def _fields(layers: list[Layer]) -> list[dict[str, Any]]:
    used = {layer.field for layer in layers}
    known = [name for name in FIELDS if name in used] + sorted(used - set(FIELDS))
    return [{"id": name, "title": FIELDS.get(name, Text(name, name))._asdict()} for name in known]


def _extent(layers: list[Layer]) -> list[float] | None:
    """Return the box around what is visible at first; around everything where nothing is."""
    boxes = [layer.bbox for layer in layers if layer.visible] or [layer.bbox for layer in layers]
    if not boxes:
        return None
    if any(box[0] > box[2] for box in boxes):  # one crosses the antimeridian
        return [-180.0, min(b[1] for b in boxes), 180.0, max(b[3] for b in boxes)]
    return [min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)]


def _span(layers: list[Layer]) -> list[str] | None:
    moments = [layer.start or layer.moment for layer in layers if layer.series is not None]
    moments += [layer.moment for layer in layers if layer.series is not None]
    told = sorted(moment for moment in moments if moment is not None)
    return [told[0], told[-1]] if told else None
