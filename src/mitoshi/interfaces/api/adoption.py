"""Adopting the products of a bundle over HTTP: what counts is a person's act, recorded with name, time and reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field

from mitoshi.interfaces.api.bundles import BundleId
from mitoshi.interfaces.api.problems import Problem
from mitoshi.workflows.adoption import LONGEST_WORDS, Adoption, adopt, withdraw

if TYPE_CHECKING:
    from mitoshi.interfaces.api.service import Service

__all__ = ["attach"]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A value that does not fit."},
    404: {"description": "No such bundle."},
}


class Act(BaseModel):
    """Who adopts, and why."""

    model_config = ConfigDict(extra="forbid")
    by: Annotated[str, Field(description="Who adopts.", min_length=1, max_length=LONGEST_WORDS)]
    reason: Annotated[str, Field(description="Why, in a few words.", max_length=LONGEST_WORDS)] = ""


def attach(app: FastAPI, service: Service) -> None:
    """Add the routes of adoption to the application."""
    tags: list[Any] = ["bundles"]

    def known(name: str) -> str:
        bundle = service.bundle_store.find(name)
        if bundle is None:
            raise Problem(404, f"no bundle {name[:12]!r} is known here; /bundles lists them")
        return bundle.id

    @app.put(
        "/bundles/{id}/adoption",
        tags=tags,
        summary="Adopt the products of a bundle",
        description="Later runs that are given an area take them by themselves. Needs the scope write.",
        responses=PROBLEMS,
    )
    def adopted(id: BundleId, act: Annotated[Act, Body()]) -> dict[str, Any]:
        now = datetime.now(UTC).replace(microsecond=0).isoformat()
        adoption = Adoption(act.by, now.replace("+00:00", "Z"), act.reason)
        items = adopt(service.catalogue, [known(id)], adoption)
        return {"standing": "adopted", "by": adoption.by, "at": adoption.at, "reason": adoption.reason, "items": items}

    @app.delete(
        "/bundles/{id}/adoption",
        tags=tags,
        summary="Make the products of a bundle trial products again",
        description="Later runs take them only where a person names them. Needs the scope write.",
        status_code=204,
        responses=PROBLEMS,
    )
    def withdrawn(id: BundleId) -> Response:
        withdraw(service.catalogue, [known(id)])
        return Response(status_code=204)
