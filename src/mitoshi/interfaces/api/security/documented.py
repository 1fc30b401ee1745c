"""What the layers may answer, said in the OpenAPI document, so that no client meets a status it was not told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.interfaces.api.security.access import needed_scope

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["document"]

ALWAYS = {
    "400": "The request is malformed.",
    "401": "The key or token is not valid, or one is needed.",
    "403": "Not allowed: the key lacks the scope, or the request comes from a page of another origin.",
    "405": "The method is not one of this resource.",
    "414": "The address is too long.",
    "421": "The service is not called by this name.",
    "429": "Too many requests; Retry-After says when to come back.",
    "431": "The headers are too long.",
    "500": "An internal error.",
}
WITH_BODY = {
    "408": "The body came too slowly.",
    "413": "The body is too long.",
    "415": "The body is of a type that is not read.",
}
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details of RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
SCHEMES = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (mitoshi key add NAME) or a token of the issuer.",
    },
    "keyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


def document(app: FastAPI) -> None:
    """Add to an application's OpenAPI document what the layers answer and where a key may be needed."""
    made = app.openapi

    def completed() -> dict[str, Any]:
        told = made()
        parts = told.setdefault("components", {})
        if "Problem" not in parts.setdefault("schemas", {}):
            parts["schemas"]["Problem"] = PROBLEM
        parts.setdefault("securitySchemes", {}).update(SCHEMES)
        for path, operations in told.get("paths", {}).items():
            for method, operation in operations.items():
                if method in METHODS:
                    _complete(operation, method, path)
        return told

    app.openapi = completed  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    answers = operation.setdefault("responses", {})
    extra = ALWAYS | (WITH_BODY if "requestBody" in operation else {})
    for status, description in extra.items():
        answers.setdefault(
            status,
            {
                "description": description,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
    if needed_scope(method.upper(), path) != "read":
        operation.setdefault("security", [{}, *({name: []} for name in SCHEMES)])
